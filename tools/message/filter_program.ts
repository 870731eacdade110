/** A program that 822headerfilter or 822bodyfilter feeds: how it is started, fed and waited for. */
import type { ChildProcess, Proc } from "../../core/applet.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { findProgram } from "../../core/self.ts";
import type { ByteWriter } from "../../core/stream.ts";

/** Its standard input and how it ends. */
export interface FilterProgram {
  /** What is written when it reads no more is lost, as it wants. */
  readonly input: ByteWriter & { close(): void };
  /** Its exit code; throws Temporary when a signal killed it. */
  ended(): Promise<number>;
}

/** Starts it with our standard output. Throws Permanent when there is no such program, Temporary when it cannot run. */
export async function startFilter(proc: Proc, argv: readonly string[]): Promise<FilterProgram> {
  const [program = "", ...args] = argv;
  if (!(await proc.applet(program)) && findProgram(program, proc.env.get("PATH")) === undefined) {
    throw new Permanent(`unable to run ${program}: not found in PATH`);
  }
  const child = await proc.spawn({ program, args, fds: { 0: "pipe-in", 1: 1, 2: 2 } });
  return { input: patientWriter(child), ended: () => endOf(child, program) };
}

function patientWriter(child: ChildProcess): ByteWriter & { close(): void } {
  const writer = child.writers.get(0)!;
  let open = true;
  return {
    async write(bytes) {
      if (!open) return;
      try {
        await writer.write(bytes);
      } catch (error) {
        if (!/EPIPE|[Bb]roken pipe/.test(errorText(error))) throw error;
        open = false; // it has read what it wanted
      }
    },
    close: () => writer.close(),
  };
}

async function endOf(child: ChildProcess, program: string): Promise<number> {
  const { code, signal } = await child.ended;
  if (signal !== 0) throw new Temporary(`${program} was killed by signal ${signal}`);
  return code;
}
