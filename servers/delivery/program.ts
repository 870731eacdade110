/**
 * Runs the command of a .qmail line with the message on descriptor 0, and reads its exit code as qmail-command has it
 * [man qmail-command.8].
 */
import type { ChildProcess, Proc } from "../../core/applet.ts";
import { systemText } from "../../core/byte_text.ts";
import { latin1Text } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { closeFd, OPEN, openFd } from "../../core/libc/fd.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { DeliverableMessage } from "./message.ts";

/** A command to run. */
export interface ProgramRun {
  readonly command: string;
  /** Where it runs: the home. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly message: DeliverableMessage;
}

/** How it ended; `output` is what it wrote, cut at OUTPUT_BYTES_MAX. */
export interface ProgramEnd {
  /** "stop" is success that skips the instructions that follow (99). */
  readonly kind: "done" | "stop" | "temporary" | "permanent";
  readonly output: string;
}

/** Runs commands. */
export type RunProgram = (run: ProgramRun) => Promise<ProgramEnd>;

/** Output that a report keeps [spec formats 2, lspawn]. */
const OUTPUT_BYTES_MAX = 3000;
/** How long a program may take; then it is killed and the delivery deferred. */
const PROGRAM_TIMEOUT_MS = 24 * 3600 * 1000;
/** Exit codes that are for good [spec formats 6]. */
const PERMANENT_CODES: ReadonlySet<number> = new Set([100, 64, 65, 70, 76, 77, 78, 112]);
const STOP_CODE = 99;

/** What an exit code or signal means for the delivery. */
export function programKind(end: { readonly code: number; readonly signal: number }): ProgramEnd["kind"] {
  if (end.signal !== 0) return "temporary";
  if (end.code === 0) return "done";
  if (end.code === STOP_CODE) return "stop";
  return PERMANENT_CODES.has(end.code) ? "permanent" : "temporary";
}

/** Variables of the caller that tell our own programs which installation a command belongs to, and the time zone. */
const KEPT_VARIABLES = ["INDIMAIL_ROOT", "CONTROLDIR", "TZ"];
/** Variables that hold text of the system; all others hold bytes, as latin1 text. */
const SYSTEM_TEXT: ReadonlySet<string> = new Set(["HOME", "USER", "PATH"]);

/** Where commands are looked for when the daemon has no PATH. */
const DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";

/** The PATH of commands: the daemon's own, in which an operator has put the programs of the tool chain. */
export function commandPath(ours: Readonly<Record<string, string>>): string {
  return ours["PATH"] || DEFAULT_PATH;
}

/** The environment of a command: what the delivery says, in front of what it gets from us. */
function programEnvironment(
  ours: Readonly<Record<string, string>>,
  delivery: Readonly<Record<string, string>>,
): Record<string, string> {
  const kept = KEPT_VARIABLES.flatMap((name) => ours[name] === undefined ? [] : [[name, ours[name]] as const]);
  const told = Object.entries(delivery).map(([name, value]) =>
    [name, SYSTEM_TEXT.has(name) ? value : systemText(value)] as const
  );
  return Object.fromEntries([["PATH", commandPath(ours)], ...kept, ...told]);
}

/** The runner of a program; `spoolDirectory` is where a message from memory is put while a command reads it. */
export function programRunner(proc: Pick<Proc, "spawn" | "env">, spoolDirectory: string): RunProgram {
  const ours = proc.env.all();
  return async (run) => {
    const message = openMessage(run.message, spoolDirectory);
    let child: ChildProcess;
    try {
      child = await proc.spawn({
        program: "/bin/sh",
        args: ["-c", run.command],
        argv0: "sh",
        env: programEnvironment(ours, run.environment),
        cwd: run.directory,
        fds: { 0: message, 1: "pipe-out", 2: "pipe-out" },
      });
    } catch (error) {
      return { kind: "temporary", output: `Unable to run /bin/sh: ${errorText(error)}. (#4.3.0)\n` };
    } finally {
      closeFd(message);
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), PROGRAM_TIMEOUT_MS);
    const output = new OutputKeeper();
    await Promise.all([...child.readers.values()].map((reader) => output.keep(reader)));
    const end = await child.ended;
    clearTimeout(timer);
    const kind = programKind(end);
    const killed = end.signal !== 0 ? "Aack, child crashed. (#4.3.0)\n" : "";
    return { kind, output: output.text + killed };
  };
}

/** A descriptor that reads the message from its beginning and can be rewound. */
export function openMessage(message: DeliverableMessage, spoolDirectory: string): number {
  if (message.file && message.file.offsetBytes === 0) return openFd(message.file.path, OPEN.read | OPEN.closeOnExec);
  if (!message.bytes) throw new Temporary("message is a part of a file and cannot be given to a program (#4.3.0)");
  const path = Deno.makeTempFileSync({ dir: spoolDirectory, prefix: "program." });
  try {
    Deno.writeFileSync(path, message.bytes);
    return openFd(path, OPEN.read | OPEN.closeOnExec);
  } finally {
    Deno.removeSync(path);
  }
}

/** Gathers what a program writes; what is too much is read and forgotten. */
class OutputKeeper {
  text = "";

  async keep(reader: ByteReader & { close(): void }): Promise<void> {
    const buffer = new Uint8Array(4096);
    for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
      const room = OUTPUT_BYTES_MAX - this.text.length;
      if (room > 0) this.text += latin1Text(buffer.subarray(0, Math.min(count, room)));
    }
    reader.close();
  }
}
