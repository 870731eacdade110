/** A service behind a pipe, as spipe and multipipe start it: supervise in a process of its own, told by svc what to do. */
import type { ChildProcess, OptionSpecs, Proc } from "../../core/applet.ts";

/** How often it is looked whether supervise listens already, and how many times. */
const LISTENS_PAUSE_MS = 50;
const LISTENS_TRIES_MAX = 200;

/** See above. */
export class Part {
  readonly folder: string;
  readonly child: ChildProcess;
  /** Resolves when supervise has ended. */
  readonly ended: Promise<void>;
  running = true;
  readonly #proc: Pick<Proc, "spawn" | "clock">;

  private constructor(proc: Pick<Proc, "spawn" | "clock">, folder: string, child: ChildProcess) {
    this.#proc = proc;
    this.folder = folder;
    this.child = child;
    this.ended = child.ended.then(() => {
      this.running = false;
    });
  }

  /** Starts supervise with that standard input and output. Throws Temporary. */
  static async start<O extends OptionSpecs>(
    proc: Proc<O>,
    folder: string,
    fds: { readonly 0: number | "pipe-in"; readonly 1: number },
  ): Promise<Part> {
    return new Part(proc, folder, await proc.spawn({ program: "supervise", args: [folder], fds: { ...fds, 2: 2 } }));
  }

  /** Runs svc with those letters once supervise listens. When it never does it is ended by TERM. */
  async tell(letters: string): Promise<void> {
    for (let tries = 0; tries < LISTENS_TRIES_MAX; tries++) {
      if (!this.running) return;
      if (await this.#run("svok", [this.folder]) === 0) {
        await this.#run("svc", [`-${letters}`, this.folder]);
        return;
      }
      await this.#proc.clock.sleep(LISTENS_PAUSE_MS);
    }
    if (this.running) this.child.kill("SIGTERM");
  }

  async #run(program: string, args: readonly string[]): Promise<number> {
    return (await (await this.#proc.spawn({ program, args, fds: { 0: "null", 1: 1, 2: 2 } })).ended).code;
  }
}
