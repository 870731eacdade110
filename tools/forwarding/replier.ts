/** replier: a program's output as the answer to a message, from an address that is a service. */
import { defineApplet } from "../../core/applet.ts";
import { byteText, systemText } from "../../core/byte_text.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { controlLine, controlLines } from "../../core/control_lines.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { startProgram } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { DELIVERY_ENV, variable } from "./delivery.ts";
import { editReply } from "./edit_reply.ts";
import { programOutput, queueUnlessRefused } from "./program_output.ts";
import { QUEUE_ENV, QUEUE_FILES } from "./queue_mail.ts";

/** What follows the first dash of a text; nothing when it has none. */
function afterDash(text: string): string {
  const dash = text.indexOf("-");
  return dash < 0 ? "" : text.slice(dash + 1);
}

/** The variables of a request: all of it, and what follows its first, second and third dash. */
export function requestVariables(request: string): Record<string, string> {
  const variables: Record<string, string> = {};
  let rest = request;
  for (const name of ["REQUEST", "REQUEST2", "REQUEST3", "REQUEST4"]) {
    variables[name] = systemText(rest);
    rest = afterDash(rest);
  }
  return variables;
}

/** What a replier's folder says. */
interface ReplierFolder {
  readonly inLocal: string;
  readonly outLocal: string;
  readonly outHost: string;
  readonly mailingList: string;
  readonly headerAdd: readonly string[];
  readonly headerRemove: readonly string[];
}

/** Reads the folder. Throws Temporary where a file is missing: replier-config makes them all. */
function readFolder(dir: string): ReplierFolder {
  const line = (name: string) => {
    const text = controlLine(dir, name);
    if (text === undefined && controlLines(dir, name) === undefined) throw new Temporary(`there is no ${dir}/${name}`);
    return text ?? "";
  };
  const lines = (name: string) => {
    const text = controlLines(dir, name);
    if (text === undefined) throw new Temporary(`there is no ${dir}/${name}`);
    return text;
  };
  return {
    inLocal: line("inlocal"),
    outLocal: line("outlocal"),
    outHost: line("outhost"),
    mailingList: line("mailinglist"),
    headerAdd: lines("headeradd"),
    headerRemove: lines("headerremove"),
  };
}

/** The request in the local part of the recipient: what follows inlocal and a dash. Throws Permanent. */
export function requestOf(local: string, inLocal: string): string {
  const start = inLocal === "" ? "" : `${inLocal}-`;
  if (local.length <= start.length - 1 || !local.toLowerCase().startsWith(start.toLowerCase())) {
    throw new Permanent("mail to this address is not answered (#5.1.1)");
  }
  return local.slice(start.length);
}

export const applet = defineApplet({
  names: ["replier"],
  section: 1,
  summary: "run a program to reply to an address, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "dir", help: "the replier's folder, made by replier-config" },
    { name: "address", help: 'where the output goes: mostly "$SENDER"' },
    { name: "program", help: "reads the message, writes the answer" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `replier runs the program in its folder with the message, and sends what it writes to the address. In front stand a
Mailing-List field, the fields of headeradd and a Delivered-To line; fields named in headerremove are left out.

When the program ends with 0 the next lines of the .qmail file are skipped. When it ends with 111 the delivery is tried again
later; when it ends otherwise, or there is no such program, the next line follows and nothing is sent. Bounces are refused, and so
is output that has a Mailing-List field or the Delivered-To line of this replier.

The program is told the request: what follows inlocal and a dash in the recipient's local part, or all of that when inlocal is
empty. The sender of the mail made it up, so it must be quoted.`,
  env: {
    SENDER: DELIVERY_ENV.SENDER,
    LOCAL: DELIVERY_ENV.LOCAL,
    EXT: DELIVERY_ENV.EXT,
    ...QUEUE_ENV,
  },
  files: {
    "inlocal, outlocal, outhost": "in its folder: addresses that it gets mail by, and those that it writes by",
    "mailinglist, headeradd, headerremove": "in its folder: what the answer's header gets and loses",
    ...QUEUE_FILES,
  },
  exits: { "0": "nothing was sent", "99": "the answer is queued", "100": "refused", "111": "to be tried again" },
  examples: [{
    command: '|replier ~/rot13 "$SENDER" 822bodyfilter tr a-z n-za-m',
    help: "sends each message back in rot13",
  }],
  seeAlso: ["replier-config(1)", "filterto(1)", "822bodyfilter(1)", "qmail-command(8)"],
  source: ["[man replier.9]"],
  async run(proc) {
    const [dir = "", address = "", ...command] = proc.args;
    const sender = variable(proc, "SENDER");
    if (sender === "" || sender === "#@[]") throw new Permanent("bounces are not answered (#5.7.2)");
    const local = variable(proc, "LOCAL");
    if (local === undefined) throw new Temporary("LOCAL is not set: this runs from a .qmail file");
    const folder = readFolder(dir);
    const request = requestOf(local, folder.inLocal);
    const started = await startProgram(proc, command, {
      fds: { 0: 0, 1: "pipe-out", 2: 2 },
      env: { ...proc.env.all(), ...requestVariables(request) },
      cwd: dir,
    });
    const edit = {
      first: [`Mailing-List: ${folder.mailingList}`, ...folder.headerAdd],
      deliveredTo: `Delivered-To: replier ${folder.outLocal}${request}@${folder.outHost}`,
      removed: new Set(folder.headerRemove.map((name) => name.toLowerCase())),
    };
    const pid = await queueUnlessRefused(proc, started, {
      sender: `${folder.outLocal}return-@${folder.outHost}`,
      recipients: [byteText(address)],
      chunks: () => programOutput(started, (output) => editReply(output, edit)),
    });
    if (pid === undefined) return COMMAND_EXIT.done;
    await proc.stderr.write(utf8Bytes(`replier: qp ${pid}\n`));
    return COMMAND_EXIT.stop;
  },
});
