/**
 * Where the state of a service lies: in supervise/ of its folder, or below /run/svscan, which mirrors the folder of
 * services [man supervise.9]. Programs that ask look into the first, then into the second.
 */
import { errorText } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";

/** The folders that can mirror, the first that exists is used. */
const RUN_FOLDERS = ["/run", "/var/run"] as const;
/** Longest name of a service, so that NAME/log stays a file name everywhere [man svscan.9]. */
export const NAME_BYTES_MAX = 255;

/** A service's name in the mirror: the last part of its path, the last two of a log. */
export function mirroredName(path: string, cwd: string): string {
  const absolute = path.startsWith("/") ? path : `${cwd}/${path}`;
  const parts: string[] = [];
  for (const part of absolute.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  const last = parts.at(-1) ?? "";
  return last === "log" && parts.length > 1 ? `${parts.at(-2)}/log` : last;
}

/** The folder that mirrors services, when there is one already. */
export function findRunFolder(): string | undefined {
  return RUN_FOLDERS.map((folder) => `${folder}/svscan`).find(pathExists);
}

/** The folder that mirrors services; made where the system has /run and we may; undefined: state lies with the services. */
export function makeRunFolder(): string | undefined {
  const parent = RUN_FOLDERS.find(pathExists);
  if (parent === undefined) return undefined;
  const folder = `${parent}/svscan`;
  try {
    Deno.mkdirSync(folder, { recursive: true, mode: 0o755 });
    const probe = Deno.makeTempDirSync({ dir: folder, prefix: ".probe." });
    Deno.removeSync(probe);
    return folder;
  } catch (error) {
    // an ordinary user; or a system whose /run is read-only
    if (error instanceof Deno.errors.PermissionDenied || /read-only|EROFS/i.test(errorText(error))) return undefined;
    throw error;
  }
}

/** The folder with control, ok and status of a service, for those who ask: SERVICE/supervise or the mirror's. */
export function stateFolderOf(service: string): string {
  const own = `${service}/supervise`;
  if (pathExists(`${own}/control`)) return own;
  const run = findRunFolder();
  if (run === undefined) return own;
  const mirrored = `${run}/${mirroredName(service, Deno.cwd())}/supervise`;
  return pathExists(mirrored) ? mirrored : own;
}
