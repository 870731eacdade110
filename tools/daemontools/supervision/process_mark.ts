/**
 * Which process is which, from /proc: the mark of a running one, whether a marked one still runs, and who in a folder was
 * started since a moment. For the adoption of services whose supervisor was killed [decision 0051].
 */
import { errorText } from "../../../core/errors.ts";
import type { ProcessMark } from "./service_files.ts";

/** Clock ticks of /proc in a second; the kernel shows them so on every processor that we run on. */
const TICKS_PER_SECOND = 100;
/** Most children listed. */
const CHILDREN_MAX = 100_000;

let bootId: string | undefined;

function systemBootId(): string {
  bootId ??= Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").trim();
  return bootId;
}

/** A file of /proc; undefined when its process is gone or not ours to see. */
function tryReadProc(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    if (/os error (3|13)\b/.test(errorText(error))) return undefined;
    throw error;
  }
}

/** State, parent and start of a process; undefined when there is none. */
function statOf(pid: number): { state: string; parent: number; startTicks: number } | undefined {
  const text = tryReadProc(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name may hold spaces
  return { state: fields[0] ?? "", parent: Number(fields[1]), startTicks: Number(fields[19]) };
}

/** The mark of a running process; undefined when there is none. */
export function markOf(pid: number): ProcessMark | undefined {
  const stat = statOf(pid);
  return stat && { pid, startTicks: stat.startTicks, bootId: systemBootId() };
}

/** The mark of a process that will be started now. */
export function markOfNext(): ProcessMark {
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  return { pid: 0, startTicks: Math.floor(uptime * TICKS_PER_SECOND), bootId: systemBootId() };
}

/** True while the very process runs that the mark was made of. */
export function isRunning(mark: ProcessMark): boolean {
  if (mark.bootId !== systemBootId()) return false;
  const stat = statOf(mark.pid);
  return stat !== undefined && stat.startTicks === mark.startTicks && stat.state !== "Z";
}

/** The command name of a process that has not ended; undefined when there is none. */
export function runningName(pid: number): string | undefined {
  const stat = statOf(pid);
  return stat === undefined || stat.state === "Z" ? undefined : tryReadProc(`/proc/${pid}/comm`)?.trim();
}

function workingFolder(pid: number): string | undefined {
  try {
    return Deno.readLinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined; // gone, or another user's
  }
}

/** The first process started in `folder` since the moment of `mark`; undefined when there is none. */
export function findStartedIn(folder: string, mark: ProcessMark): number | undefined {
  if (mark.bootId !== systemBootId()) return undefined;
  let first: { pid: number; startTicks: number } | undefined;
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(Number(name));
    if (!stat || stat.state === "Z" || stat.startTicks < mark.startTicks) continue;
    if (first && first.startTicks <= stat.startTicks) continue;
    if (workingFolder(Number(name)) === folder) first = { pid: Number(name), startTicks: stat.startTicks };
  }
  return first?.pid;
}

/** Pids of the children of this process, ended ones included. */
export function ownChildren(): number[] {
  const pids: number[] = [];
  for (const { name } of Deno.readDirSync("/proc/self/task")) {
    const list = tryReadProc(`/proc/self/task/${name}/children`);
    for (const pid of (list ?? "").split(" ")) if (pid !== "" && pids.length < CHILDREN_MAX) pids.push(Number(pid));
  }
  return pids;
}
