/** A service with a supervise process of its own, as svscan sees it. */
import { Temporary } from "../../../core/errors.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { sendSignal, spawnProcess } from "../../../core/libc/process.ts";
import { findProgram } from "../../../core/self.ts";
import type { LogPipe } from "./log_pipe.ts";
import { sendLetters } from "./letters.ts";
import { watchProcess } from "./process_job.ts";
import type { ServiceWorld } from "./service.ts";

const SIGTERM = 15;

/** What is supervised, here or by a process. */
export interface Supervised {
  /** True when nothing of it is a process but this one. */
  readonly isInside: boolean;
  readonly isGone: boolean;
  /** Resolves when it is supervised no more. */
  readonly exited: Promise<void>;
  /** A letter of svc. */
  command(letter: string): void;
  /** Ends it for good. */
  stop(): void;
  /** Leaves it as it is, for the next svscan. */
  abandon(): void;
}

/** How the process is started. */
export interface ProcessOptions {
  readonly name: string;
  readonly pipe: LogPipe | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** The folder of all services. */
  readonly cwd: string;
  /** The FIFO that it will read. */
  readonly control: string;
}

class SuperviseProcess implements Supervised {
  readonly isInside = false;
  readonly exited: Promise<void>;
  readonly #pid: number;
  readonly #options: ProcessOptions;
  #isGone = false;

  constructor(pid: number, options: ProcessOptions, world: ServiceWorld) {
    this.#pid = pid;
    this.#options = options;
    this.exited = new Promise((resolve) => {
      watchProcess(world.poller, pid, {
        isChild: true,
        ended: () => {
          this.#isGone = true;
          resolve();
        },
      });
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  command(letter: string): void {
    sendLetters(this.#options.control, letter);
  }

  stop(): void {
    sendSignal(this.#pid, SIGTERM);
  }

  abandon(): void {
    this.#isGone = true;
  }
}

/** Starts `supervise`, found in PATH. Throws Temporary. */
export function superviseByProcess(options: ProcessOptions, world: ServiceWorld): Supervised {
  const program = findProgram("supervise", options.env.PATH);
  if (program === undefined) throw new Temporary("unable to run supervise: not found in PATH");
  const output = options.pipe?.openForService();
  try {
    const fds = { 0: 0, 1: output ?? 1, 2: 2 };
    const pid = spawnProcess({ program, argv: ["supervise", options.name], env: options.env, cwd: options.cwd, fds });
    return new SuperviseProcess(pid, options, world);
  } finally {
    if (output !== undefined) closeFd(output);
  }
}
