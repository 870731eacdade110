/**
 * A process that is watched: a child, which is reaped at its end, or an adopted one. Its pidfd tells the end, so that
 * waiting takes no thread. As a sub-reaper it lasts until the last of its orphans has ended [man supervise.9].
 */
import type { ProcessEnd } from "../../../core/applet.ts";
import { tryWait } from "../../../core/libc/children.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { type Poller, tryOpenProcess } from "../../../core/libc/poll.ts";
import { sendSignal } from "../../../core/libc/process.ts";
import { ownChildren } from "./process_mark.ts";
import type { Job, JobSignal } from "./service.ts";

const NUMBERS = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGCONT: 18,
  SIGSTOP: 19,
} as const;

/** Calls `ended` once the process has ended; a child is then no zombie any more. */
export function watchProcess(
  poller: Poller,
  pid: number,
  { isChild, ended }: { readonly isChild: boolean; ended(end: ProcessEnd | undefined): void },
): void {
  const fd = tryOpenProcess(pid);
  if (fd === undefined) return ended(isChild ? tryWait(pid) : undefined);
  const token = poller.watch(fd, () => {
    const end = isChild ? tryWait(pid) : undefined;
    poller.unwatch(token);
    closeFd(fd);
    ended(end);
  });
}

/** How a process is watched. */
export interface ProcessJobOptions {
  readonly poller: Poller;
  readonly isChild: boolean;
  /** All other children of this process are the service's orphans. */
  readonly subreaper: boolean;
  ended(end: ProcessEnd | undefined): void;
}

/** See above. */
export class ProcessJob implements Job {
  readonly pid: number;
  readonly #options: ProcessJobOptions;
  /** The first process has ended, orphans live. */
  #orphaned = false;

  constructor(pid: number, options: ProcessJobOptions) {
    this.pid = pid;
    this.#options = options;
    watchProcess(options.poller, pid, {
      isChild: options.isChild,
      ended: (end) => options.subreaper ? this.#untilOrphansEnd(end) : options.ended(end),
    });
  }

  #untilOrphansEnd(end: ProcessEnd | undefined): void {
    const alive = ownChildren().filter((pid) => tryWait(pid) === undefined);
    const [orphan] = alive;
    if (orphan === undefined) return this.#options.ended(end);
    this.#orphaned = true;
    watchProcess(this.#options.poller, orphan, { isChild: true, ended: () => this.#untilOrphansEnd(end) });
  }

  signal(signal: JobSignal, target: "process" | "group"): void {
    const number = typeof signal === "number" ? signal : NUMBERS[signal];
    const group = target === "group" || this.#orphaned;
    if (group && sendSignal(-this.pid, number)) return;
    if (!this.#orphaned) sendSignal(this.pid, number);
    else for (const pid of ownChildren()) sendSignal(pid, number); // they left the group
  }
}
