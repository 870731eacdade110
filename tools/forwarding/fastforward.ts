/** fastforward: forwards messages by a forwarding database. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { systemText } from "../../core/byte_text.ts";
import { latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { CdbPages } from "../../storage/cdb/pages.ts";
import { runProgram } from "./child_program.ts";
import { COMMAND_EXIT, programVerdict } from "./command_exits.ts";
import { deliveryEnv, neededVariable, variable } from "./delivery.ts";
import { type ForwardPlan, type ForwardTable, planForward } from "./forward_plan.ts";
import { messageChunks, rewindMessage } from "./message_input.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";

/** Bytes of a list or of an alias's instructions. Ours. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;
const WORLD_READABLE = 0o444;

/** Opens the database. Throws Temporary. */
function openTable(path: string): ForwardTable {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
  const pages = new CdbPages((into, at) => {
    file.seekSync(at, Deno.SeekMode.Start);
    return file.readSync(into) ?? 0;
  }, path);
  return {
    find(key) {
      const place = pages.find(latin1Bytes(key));
      if (!place) return undefined;
      if (place.dataBytes > LIST_BYTES_MAX) {
        throw new Temporary(`${path}: ${key} has more than ${LIST_BYTES_MAX} bytes`);
      }
      const data = new Uint8Array(place.dataBytes);
      pages.copy(data, place.dataAt);
      return latin1Text(data);
    },
    readList,
  };
}

/** A binary list. Throws Temporary when it cannot be read, or could not be by everybody. */
function readList(list: string): string {
  const path = systemText(list);
  try {
    using file = Deno.openSync(path);
    const { mode, size } = file.statSync();
    if (((mode ?? 0) & WORLD_READABLE) !== WORLD_READABLE) throw new Temporary("it must be readable by everybody");
    if (size > LIST_BYTES_MAX) throw new Temporary(`it is larger than ${LIST_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    throw new Temporary(`unable to read the list ${path}: ${errorText(error)}`);
  }
}

/** The address that is looked for. Throws Permanent when a variable is missing. */
function recipientOf(proc: Proc, byDefault: boolean): string {
  if (!byDefault) return neededVariable(proc, "RECIPIENT");
  const local = variable(proc, "DEFAULT") ?? variable(proc, "EXT");
  if (local === undefined) throw new Permanent("neither DEFAULT nor EXT is set: -d needs one of them");
  return `${local}@${neededVariable(proc, "HOST")}`;
}

/** Runs a program of the table with the message. Throws Permanent or Temporary when it fails. */
async function runEntry(proc: Proc, entry: string): Promise<void> {
  const command = systemText(entry.slice(1));
  const shell = ["sh", "-c", command];
  const code = await runProgram(proc, entry.startsWith("!") ? ["preline", "-e", ...shell] : shell);
  const verdict = programVerdict(code);
  if (verdict === "permanent") throw new Permanent(`the program ${command} refuses the message`);
  if (verdict === "temporary") throw new Temporary(`the program ${command} ended with exit code ${code}`);
  rewindMessage();
}

/** Text for the operator: control characters become underscores. */
// deno-lint-ignore no-control-regex -- control characters are what must not reach a terminal
const shown = (text: string) => text.replace(/[\x00-\x1f]/g, "_");

function planText(plan: ForwardPlan): string {
  const programs = plan.programs.map((entry) => `run ${shown(entry)}\n`).join("");
  if (plan.recipients.length === 0) return `${programs}no forwarding\n`;
  const recipients = plan.recipients.map((recipient) => `to <${shown(recipient)}>\n`).join("");
  return `${programs}from <${shown(plan.sender)}>\n${recipients}`;
}

async function carryOut(proc: Proc, plan: ForwardPlan): Promise<void> {
  for (const entry of plan.programs) await runEntry(proc, entry);
  if (plan.recipients.length === 0) return;
  const { sender, recipients } = plan;
  const chunks = () => messageChunks(proc.stdin, variable(proc, "DTLINE") ?? "");
  const pid = await queueMail(proc, { sender, recipients, chunks });
  await proc.stderr.write(utf8Bytes(`fastforward: qp ${pid}\n`));
}

export const applet = defineApplet({
  names: ["fastforward"],
  section: 1,
  summary: "forward mail according to a cdb database, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: {
    print: { flag: "n", help: "print what would be done instead of doing it" },
    deliver: { flag: "N", cancels: ["print"], help: "do it (default)" },
    pass: { flag: "p", help: "pass through: leave a recipient that is not found to the next line of the .qmail file" },
    bounce: { flag: "P", cancels: ["pass"], help: "refuse mail for a recipient that is not found (default)" },
    byDefault: { flag: "d", help: "the recipient is DEFAULT@HOST, or EXT@HOST where DEFAULT is not set" },
    byRecipient: { flag: "D", cancels: ["byDefault"], help: "the recipient is RECIPIENT (default)" },
  },
  operands: [{ name: "cdb", help: "database made by setforward or newaliases" }],
  stopsAtOperand: true,
  description:
    `fastforward looks for the recipient user@host.dom in the database, then for @host.dom and for user@, and follows the
instructions of the first that is there: programs are run, addresses and lists are followed further, and the message is forwarded
to all addresses that the database does not know. Each address and list counts once. An alias with an owner sends under the
owner's address, so that bounces go there.

A list that cannot be read, or not by everybody, puts the message off. An alias that leads to nothing but itself is refused.`,
  env: { ...deliveryEnv("SENDER", "RECIPIENT", "DEFAULT", "EXT", "HOST", "DTLINE"), ...QUEUE_ENV },
  files: QUEUE_FILES,
  exits: {
    "0": "forwarded; with -p: not found",
    "99": "with -p: forwarded",
    "100": "not found, refused by a program or the queue, or an alias of nothing but itself",
    "111": "to be tried again",
  },
  examples: [
    { command: "|fastforward -p /etc/aliases.cdb", help: "a line of ~alias/.qmail-default" },
    { command: "env RECIPIENT=root@example.org fastforward -n /etc/aliases.cdb", help: "shows where root's mail goes" },
  ],
  seeAlso: ["setforward(1)", "newaliases(1)", "newinclude(1)", "printforward(1)", "dot-forward(1)", "qmail-command(8)"],
  source: ["[man fastforward.9]", "[man setforward.1]", "[spec formats 19]"],
  async run(proc) {
    const { options } = proc;
    const recipient = recipientOf(proc, options.byDefault);
    const sender = variable(proc, "SENDER") ?? (options.print ? "original envelope sender" : undefined);
    if (sender === undefined) throw new Permanent("SENDER is not set: this runs from a .qmail file");
    const plan = planForward(openTable(proc.args[0] ?? ""), { sender, recipient });
    if (!plan) {
      if (options.pass) return COMMAND_EXIT.done;
      await proc.stderr.write(utf8Bytes("Sorry, no mailbox here by that name. (#5.1.1)\n")); // what the sender reads
      return COMMAND_EXIT.permanent;
    }
    if (options.print) await proc.stderr.write(latin1Bytes(planText(plan)));
    if (plan.isLoop && plan.recipients.length === 0 && plan.programs.length === 0) {
      throw new Permanent(`alias loop: ${shown(recipient)} leads to nothing but itself (#5.4.6)`);
    }
    if (!options.print) await carryOut(proc, plan);
    return options.pass ? COMMAND_EXIT.stop : COMMAND_EXIT.done;
  },
});
