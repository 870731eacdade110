/** The one executable: argv[0] or the first argument chooses the program (core/main.ts). */
import { APPLETS } from "./applets.ts";
import { main } from "./core/main.ts";

await main(APPLETS, import.meta.url);
