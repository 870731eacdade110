/** serialcmd: runs a shell command for each file. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { concatBytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { accountByUid } from "../../core/libc/account.ts";
import { closeFd, OPEN, openFd } from "../../core/libc/fd.ts";
import { commandVariables } from "./command_variables.ts";
import { readNames, type Status, TEXT_BYTES_MAX, writeResult } from "./file_names.ts";
import { openMessage } from "./message_file.ts";

const READ_BYTES = 4096;
/** Exit codes of a command that accept, and those that refuse for good; every other is a refusal for now. */
const ACCEPTED: ReadonlySet<number> = new Set([0, 99]);
const REFUSED: ReadonlySet<number> = new Set([100, 64, 65, 70, 76, 77, 78, 112]);

/** The status of an exit code. */
export function statusOfExit(code: number): Status {
  if (ACCEPTED.has(code)) return "K";
  return REFUSED.has(code) ? "D" : "Z";
}

async function firstLine(reader: { read(into: Uint8Array): Promise<number | null>; close(): void }): Promise<string> {
  const buffer = new Uint8Array(READ_BYTES);
  let kept: Uint8Array = new Uint8Array(0);
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    if (kept.length < TEXT_BYTES_MAX) kept = concatBytes(kept, buffer.subarray(0, count));
  }
  reader.close();
  return new TextDecoder().decode(kept).split("\n", 1)[0] ?? "";
}

async function runCommand(
  proc: Proc,
  command: string,
  job: { readonly file: string; readonly variables: Readonly<Record<string, string>> },
): Promise<{ readonly status: Status; readonly text: string }> {
  const fd = openFd(job.file, OPEN.read | OPEN.closeOnExec); // a descriptor of its own, at the file's start
  let child;
  try {
    child = await proc.spawn({
      program: "/bin/sh",
      args: ["-c", command],
      env: { ...proc.env.all(), ...job.variables },
      fds: { 0: fd, 1: "pipe-out", 2: 2 },
    });
  } finally {
    closeFd(fd);
  }
  const text = await firstLine(child.readers.get(1)!);
  const { code, signal } = await child.ended;
  if (signal !== 0) return { status: "Z", text: `the command was killed by signal ${signal}` };
  return { status: statusOfExit(code), text };
}

export const applet = defineApplet({
  names: ["serialcmd"],
  section: 1,
  summary: "run a command for each file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "prefix", help: "means nothing, but must be there" },
    { name: "command", help: "for /bin/sh" },
  ],
  description:
    `serialcmd reads names of files, each ended by a NUL, on standard input, and runs the command for each, with
the file as standard input, which the command can rewind. The first line of what the command prints becomes the text of the result.

The exit code decides: 0 and 99 accept the message; 100, 64, 65, 70, 76, 77, 78 and 112 refuse it for good; all others refuse it
for now. For each file that was decided on serialcmd prints the name, a NUL, K, D or Z, and the text.

The command gets the variables of qmail-command, but for NEWSENDER and DEFAULT, which nobody knows here, and AGE: the seconds since
the message came. EXT is what follows the first dash after the user's name in the recipient.`,
  exits: { "111": "a file cannot be read or the command cannot be run" },
  examples: [{
    command: "maildircmd ./Maildir '' 'forward joe@example.com'",
    help: "runs this program for a whole Maildir",
  }],
  seeAlso: ["maildircmd(1)", "maildirserial(1)", "qmail-command(8)", "rewind(1)"],
  source: ["[man serialcmd.1]", "[man qmail-command.9]"],
  async run(proc) {
    const [, command = ""] = proc.args;
    const account = accountByUid(proc.uid);
    if (!account) throw new Temporary(`there is no account with the number ${proc.uid}`);
    for await (const file of readNames(proc.stdin)) {
      try {
        const message = openMessage(file);
        message?.close();
        if (!message) continue;
        const { envelope, modifiedMs } = message;
        const surroundings = { user: account.name, home: account.home, modifiedMs, nowMs: proc.clock.nowMs() };
        const result = await runCommand(proc, command, { file, variables: commandVariables(envelope, surroundings) });
        await writeResult(proc.stdout, { name: file, ...result });
      } catch (error) {
        throw error instanceof Temporary ? error : new Temporary(`${file}: ${errorText(error)}`);
      }
    }
  },
});
