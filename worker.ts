/** The Worker of a daemon: core/fence.ts starts it with the permissions of the daemon's role. */
/// <reference lib="deno.worker" />
import { APPLETS } from "./applets.ts";
import { workerMain } from "./core/worker_main.ts";

workerMain(APPLETS, self);
