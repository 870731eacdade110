/** Starts a program whose connection is two pipes: for everything that stands between a program and the network. */
import type { Proc } from "../../../core/applet.ts";
import { closeFd, openPipe } from "../../../core/libc/fd.ts";

/** What to start. */
export interface PipedRequest {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The descriptor from which the program reads the network: 0, or 6. */
  readonly input: number;
  /** The descriptor to which it writes: 1, or 7. */
  readonly output: number;
}

/** A running program; whoever started it waits for it (core/libc/children.ts). */
export interface PipedProgram {
  readonly pid: number;
  /** Where to write what the program reads. */
  readonly input: number;
  /** Where to read what the program writes. */
  readonly output: number;
}

/** Starts the program; descriptors 0 to 2 that are not the network's are ours. Throws Temporary. */
export async function startWithPipes(proc: Proc, request: PipedRequest): Promise<PipedProgram> {
  const [program = "", ...args] = request.argv;
  const [input, output] = [openPipe(), openPipe()];
  try {
    const fds = { 0: 0, 1: 1, 2: 2, [request.input]: input.reading, [request.output]: output.writing };
    const { pid } = await proc.spawn({ program, args, env: request.env, fds, unwaited: true });
    return { pid, input: input.writing, output: output.reading };
  } catch (error) {
    closeFd(input.writing);
    closeFd(output.reading);
    throw error;
  } finally {
    closeFd(input.reading);
    closeFd(output.writing);
  }
}
