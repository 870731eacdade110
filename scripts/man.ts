/**
 * Writes the manual pages into man/, or into the folder given: `deno task man /usr/local/share/man`.
 */
import { manualFiles } from "./gen/manual.ts";
import { findPrograms } from "./gen/programs.ts";
import { writeStaleFiles } from "./lib/generated.ts";
import { checkoutFolder } from "./lib/walk.ts";

const root = checkoutFolder();
const { programs, broken } = await findPrograms(root);
for (const { file, reason } of broken) console.error(`man: ${file} cannot be loaded: ${reason}`);
const files = manualFiles(programs);
const target = Deno.args[0];
const written = target === undefined
  ? writeStaleFiles(root, files)
  : writeStaleFiles(target, new Map([...files].map(([path, text]) => [path.replace(/^[^/]*\//, ""), text])));
console.error(`man: ${written.length} of ${files.size} pages written`);
Deno.exit(broken.length > 0 ? 1 : 0);
