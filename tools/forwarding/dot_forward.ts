/** dot-forward: follows a ~/.forward file as sendmail users write it. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { systemText } from "../../core/byte_text.ts";
import { controlLine } from "../../core/control_lines.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { LibcError } from "../../core/libc/libc.ts";
import { endCode, startProgram } from "./child_program.ts";
import { COMMAND_EXIT, programVerdict } from "./command_exits.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { type ForwardInstruction, parseForwardFile } from "./forward_file.ts";
import { messageChunks, rewindMessage } from "./message_input.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";

/** Bytes of a .forward file. Ours. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;

/** The file's text; undefined when there is none. Throws Temporary. */
function forwardText(path: string): string | undefined {
  try {
    const { size } = Deno.statSync(path);
    if (size > FILE_BYTES_MAX) throw new Temporary(`it is larger than ${FILE_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

/** Runs a command with the lines of the delivery and the message. Throws Permanent or Temporary when it fails. */
async function runCommand(proc: Proc, command: string): Promise<void> {
  const head = ["UFLINE", "RPLINE", "DTLINE"].map((name) => variable(proc, name) ?? "").join("");
  const started = await startProgram(proc, ["/bin/sh", "-c", systemText(command)], {
    fds: { 0: "pipe-in", 1: 1, 2: 2 },
  });
  const writer = "child" in started ? started.child.writers.get(0) : undefined;
  try {
    for await (const chunk of messageChunks(proc.stdin, head)) await writer?.write(chunk);
  } catch (error) {
    if (!(error instanceof LibcError)) throw error; // the command has read enough
  } finally {
    writer?.close();
  }
  const code = await endCode(started);
  const verdict = programVerdict(code);
  if (verdict === "permanent") throw new Permanent(`the command ${command} refuses the message`);
  if (verdict === "temporary") throw new Temporary(`the command ${command} ended with exit code ${code}`);
  rewindMessage();
}

/** The instructions as -n shows them: delivery to the user himself last, and once. */
function shown(instructions: readonly ForwardInstruction[]): string {
  const lines = instructions.flatMap((one) => {
    if (one.kind === "direct") return [];
    return [one.kind === "program" ? `pipe through ${one.command}` : `forward ${one.address}`];
  });
  const direct = instructions.some(({ kind }) => kind === "direct") ? ["direct delivery"] : [];
  return [...lines, ...direct].join("\n");
}

/** Follows the instructions, programs before all forwards. */
async function follow(proc: Proc, instructions: readonly ForwardInstruction[]): Promise<void> {
  for (const one of instructions) if (one.kind === "program") await runCommand(proc, one.command);
  const recipients = instructions.flatMap((one) => one.kind === "forward" ? [one.address] : []);
  if (recipients.length === 0) return;
  const sender = variable(proc, "NEWSENDER") ?? "";
  const chunks = () => messageChunks(proc.stdin, variable(proc, "DTLINE") ?? "");
  const pid = await queueMail(proc, { sender, recipients, chunks });
  await proc.stderr.write(utf8Bytes(`dot-forward: info: qp ${pid}\n`));
}

export const applet = defineApplet({
  names: ["dot-forward"],
  section: 1,
  summary: "read a .forward file under qmail, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {
    print: { flag: "n", help: "print the instructions instead of following them" },
    follow: { flag: "N", cancels: ["print"], help: "follow them (default)" },
  },
  operands: [{ name: "file", help: "mostly .forward; the first one that exists counts", repeat: true }],
  stopsAtOperand: true,
  description:
    `dot-forward sends the message to the addresses in the file, and skips the next lines of the .qmail file; when the
user himself is among the addresses, or there is no file or nothing in it, they follow.

Each line has addresses as a message's header has them, with comments, names and angle brackets; lines that begin with # are
comments. Hosts are completed by control files defaulthost, defaultdomain and plusdomain. The user is USER without a host, or
USER@HOST. What begins with | and has no @ outside quotes is a command; it gets the message with its From_, Return-Path and
Delivered-To lines, and its exit code can refuse the message or put it off. Mailboxes and :include: are not supported: a .qmail
file can do that.`,
  env: { ...deliveryEnv("NEWSENDER", "DTLINE", "RPLINE", "UFLINE", "USER", "HOST"), ...QUEUE_ENV },
  control: ["me", "defaulthost", "defaultdomain", "plusdomain"],
  files: QUEUE_FILES,
  exits: {
    "0": "the next lines of the .qmail file follow",
    "99": "done",
    "100": "refused by a command or the queue",
    "111": "to be tried again; the file cannot be read or understood",
  },
  examples: [
    { command: "|dot-forward .forward", help: "a line of .qmail, in front of that for the mailbox" },
    { command: "dot-forward -n .forward", help: "shows how the file is understood" },
  ],
  seeAlso: ["forward(1)", "fastforward(1)", "preline(1)", "dot-qmail(5)", "qmail-command(8)"],
  source: ["[man dot-forward.9]"],
  async run(proc) {
    const { control } = proc.paths;
    const me = controlLine(control, "me") ?? "me";
    const defaults = {
      defaultHost: controlLine(control, "defaulthost") ?? me,
      defaultDomain: controlLine(control, "defaultdomain") ?? me,
      plusDomain: controlLine(control, "plusdomain") ?? me,
    };
    const owner = { user: variable(proc, "USER") ?? "", host: variable(proc, "HOST") ?? "" };
    const say = (text: string) => proc.stderr.write(latin1Bytes(`${text}\n`));
    for (const path of proc.args) {
      const text = forwardText(path);
      if (text === undefined) continue;
      const instructions = parseForwardFile(text, { path, owner, defaults });
      if (instructions.length === 0) {
        if (proc.options.print) await say(`skipping empty file ${path}`);
        continue;
      }
      if (proc.options.print) await say(shown(instructions));
      else await follow(proc, instructions);
      return instructions.some(({ kind }) => kind === "direct") ? COMMAND_EXIT.done : COMMAND_EXIT.stop;
    }
    if (proc.options.print) await say("direct delivery");
    return COMMAND_EXIT.done;
  },
});
