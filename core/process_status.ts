/** What the kernel tells of a process in /proc: memory, account, the fences that can be seen from outside. */

/** A running process as the kernel shows it. */
export interface ProcessStatus {
  /** Proportional set size; undefined where this user may not see it. Bytes. */
  readonly pssBytes: number | undefined;
  readonly uid: number;
  readonly noNewPrivileges: boolean;
  readonly seccomp: boolean;
}

function tryRead(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return undefined;
    if (error instanceof Error && /os error (3|13)\b/.test(error.message)) return undefined;
    throw error;
  }
}

/** How a process stands; undefined when there is none with that pid. */
export function tryReadProcessStatus(pid: number): ProcessStatus | undefined {
  const status = tryRead(`/proc/${pid}/status`);
  if (status === undefined) return undefined;
  const field = (name: string) => new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(status)?.[1];
  const pss = /^Pss:\s*(\d+) kB/m.exec(tryRead(`/proc/${pid}/smaps_rollup`) ?? "")?.[1];
  return {
    pssBytes: pss === undefined ? undefined : Number(pss) * 1024,
    uid: Number(field("Uid") ?? -1),
    noNewPrivileges: field("NoNewPrivs") === "1",
    seccomp: Number(field("Seccomp") ?? 0) > 0,
  };
}
