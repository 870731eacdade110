/**
 * Lines of nssd by syslog's levels: to standard error, and to the host's syslog where it listens [man nssd.8]. A complaint
 * that repeats itself is said once a minute.
 */
import type { Logger } from "../../core/log.ts";
import { closeFd } from "../../core/libc/fd.ts";
import { LibcError } from "../../core/libc/libc.ts";
import { setNonblocking, tryWriteFd } from "../../core/libc/poll.ts";
import { connectLogSocket } from "../../core/libc/syslog.ts";

/** Levels used here, with syslog's numbers. */
export const LEVEL = { alert: 1, err: 3, warning: 4, notice: 5, info: 6, debug: 7 } as const;
/** A level's name. */
export type LevelName = keyof typeof LEVEL;

/** Where lines go. */
export interface NssLogTargets {
  readonly stderr: Logger;
  /** Socket of syslog. */
  readonly syslogPath: string;
  readonly pid: number;
  readonly nowMs: () => number;
}

/** What is written where; HUP may change it. */
export interface NssLogLevels {
  /** Standard error gets lines up to this number. */
  readonly stderr: number;
  readonly syslog: number;
  readonly facility: number;
}

const REPEAT_MS = 60_000;
/** Texts remembered for that; then all are forgotten. */
const REPEATS_MAX = 200;
const encoder = new TextEncoder();

/** The log. */
export class NssLog {
  levels: NssLogLevels;
  readonly #targets: NssLogTargets;
  readonly #said = new Map<string, number>();
  #syslog: number | undefined;

  constructor(targets: NssLogTargets, levels: NssLogLevels) {
    this.#targets = targets;
    this.levels = levels;
    this.#syslog = openSyslog(targets.syslogPath);
  }

  /** Writes a line where its level is wanted. */
  line(level: LevelName, text: string): void {
    const number = LEVEL[level];
    const { stderr, syslog, facility } = this.levels;
    if (number > stderr && (number > syslog || this.#syslog === undefined)) return;
    if (number <= LEVEL.warning && this.#isRepeated(text)) return;
    if (number <= stderr) this.#targets.stderr.line(`nssd: ${level}: ${text}`);
    if (number > syslog || this.#syslog === undefined) return;
    const priority = facility * 8 + number;
    try {
      tryWriteFd(this.#syslog, encoder.encode(`<${priority}>nssd[${this.#targets.pid}]: ${text}`));
    } catch (error) {
      if (!(error instanceof LibcError)) throw error;
      this.close(); // syslog has gone; standard error is left
    }
  }

  #isRepeated(text: string): boolean {
    const nowMs = this.#targets.nowMs();
    if (nowMs - (this.#said.get(text) ?? -Infinity) < REPEAT_MS) return true;
    if (this.#said.size >= REPEATS_MAX) this.#said.clear();
    this.#said.set(text, nowMs);
    return false;
  }

  /** Lets go of syslog. */
  close(): void {
    if (this.#syslog !== undefined) closeFd(this.#syslog);
    this.#syslog = undefined;
  }
}

function openSyslog(path: string): number | undefined {
  try {
    const fd = connectLogSocket(path);
    setNonblocking(fd, "nonblocking");
    return fd;
  } catch (error) {
    if (error instanceof LibcError) return undefined; // no syslog on this host
    throw error;
  }
}
