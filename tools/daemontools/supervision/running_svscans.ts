/** The svscan processes of this host, ours and others', and what runs below one, from /proc. */
import { errorText } from "../../../core/errors.ts";

const TICKS_PER_SECOND = 100;
/** Deepest branch of the tree that is shown. */
const DEPTH_MAX = 30;

/** A svscan. */
export interface RunningSvscan {
  readonly pid: number;
  /** Where it looks for services. */
  readonly folder: string;
  readonly command: string;
  readonly ageSeconds: number;
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  readonly startTicks: number;
}

function tryRead<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    if (/os error (3|13)\b/.test(errorText(error))) return undefined;
    throw error;
  }
}

function processes(): Process[] {
  const list: Process[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? tryRead(() => Deno.readTextFileSync(`/proc/${name}/stat`)) : undefined;
    if (stat === undefined) continue;
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields[0] === "Z") continue;
    const comm = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
    list.push({ pid: Number(name), parent: Number(fields[1]), name: comm, startTicks: Number(fields[19]) });
  }
  return list;
}

function commandOf(pid: number): string {
  return (tryRead(() => Deno.readTextFileSync(`/proc/${pid}/cmdline`)) ?? "").split("\0").join(" ").trim();
}

/** Every svscan whose folder we may see. */
export function runningSvscans(): RunningSvscan[] {
  const uptime = Number(Deno.readTextFileSync("/proc/uptime").split(" ")[0]);
  return processes().filter(({ name }) => name === "svscan").flatMap(({ pid, startTicks }) => {
    const folder = tryRead(() => Deno.readLinkSync(`/proc/${pid}/cwd`));
    if (folder === undefined) return [];
    const ageSeconds = Math.max(0, Math.floor(uptime - startTicks / TICKS_PER_SECOND));
    return [{ pid, folder, command: `svscan ${folder}`, ageSeconds }];
  });
}

/** The processes below that one, a line each. */
export function processTree(root: number): string {
  const children = Map.groupBy(processes(), ({ parent }) => parent);
  const lines: string[] = [];
  const add = (pid: number, depth: number) => {
    lines.push(`${"  ".repeat(depth)}${pid} ${commandOf(pid)}`);
    if (depth < DEPTH_MAX) { for (const child of children.get(pid) ?? []) add(child.pid, depth + 1); }
  };
  add(root, 0);
  return `${lines.join("\n")}\n`;
}
