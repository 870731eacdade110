/**
 * From a folder to a Service that runs: finds the place for its state, takes its lock, reads its plan. Used by supervise
 * for one and by svscan for all.
 */
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd, OPEN, openFd, tryFlock } from "../../../core/libc/fd.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { Service, type ServiceWorld } from "./service.ts";
import { ServiceBusy, ServiceFiles } from "./service_files.ts";
import { ServiceFolder } from "./service_folder.ts";
import { planService, type ServiceSpec } from "./service_plan.ts";

/** What a supervisor leaves in a folder. */
const STATE_FILES = ["control", "lock", "ok", "status", "up", "dn", "pipe"] as const;

/** How a folder becomes a service. */
export interface OpenOptions extends Pick<ServiceSpec, "env" | "output" | "input" | "inside" | "subreaper"> {
  /** Its name in messages. */
  readonly name: string;
  /** The service's folder. */
  readonly path: string;
  /** Where its control, status and so on lie. */
  readonly state: string;
  /** First argument of its scripts. */
  readonly argument: string;
}

/** Where a service's state lies: in the mirror, else in its own folder. */
export function placeOfState(path: string, name: string, mirror: string | undefined): string {
  if (mirror === undefined) return `${path}/supervise`;
  dropStaleState(`${path}/supervise`);
  const folder = `${mirror}/${name}`;
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    throw new Temporary(`unable to make ${folder}: ${errorText(error)}`);
  }
  return `${folder}/supervise`;
}

/** Removes the state that was left in a service's own folder, where clients look first. Throws ServiceBusy. */
function dropStaleState(folder: string): void {
  if (!pathExists(folder)) return;
  if (pathExists(`${folder}/lock`)) {
    const lock = openFd(`${folder}/lock`, OPEN.readWrite | OPEN.closeOnExec);
    const isFree = tryFlock(lock);
    closeFd(lock);
    if (!isFree) throw new ServiceBusy(`unable to lock ${folder}/lock: another supervise has this service`);
  }
  try {
    for (const name of STATE_FILES) if (pathExists(`${folder}/${name}`)) Deno.removeSync(`${folder}/${name}`);
    Deno.removeSync(folder);
  } catch (error) {
    throw new Temporary(`unable to remove what an earlier supervise left: ${errorText(error)}`);
  }
}

/** Locks a folder and begins to supervise it. Throws ServiceBusy or Temporary. */
export function openService(options: OpenOptions, world: ServiceWorld): Service {
  const folder = new ServiceFolder(options.path);
  let files: ServiceFiles | undefined;
  try {
    files = new ServiceFiles(options.state);
    const { name, argument, env, output, input, inside, subreaper } = options;
    const spec = { name, argument, env, folder, files, output, input, inside, subreaper: subreaper ?? false };
    const service = new Service(planService(spec, world), world);
    service.exited.then(() => folder.close());
    service.begin();
    return service;
  } catch (error) {
    files?.close();
    folder.close();
    throw error;
  }
}
