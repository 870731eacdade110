/** rrforward: forwards messages to addresses in turn. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { byteArgs, deliveryEnv, neededVariable } from "./delivery.ts";
import { messageChunks } from "./message_input.ts";
import { QUEUE_ENV, QUEUE_FILES, queueMail } from "./queue_mail.ts";

const NAME = ".qmailrr";
/** Bytes of the file that are looked at. */
const NUMBER_BYTES_MAX = 20;

/** The turn after the one in the file, from 0 to `count` - 1; the file then holds it. */
function nextTurn(path: string, count: number): number {
  try {
    using file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    file.lockSync(true);
    const bytes = new Uint8Array(NUMBER_BYTES_MAX);
    const length = file.readSync(bytes) ?? 0;
    const before = /^\d+/.exec(new TextDecoder().decode(bytes.subarray(0, length)));
    const turn = before ? Number(before[0]) + 1 : 0;
    const next = turn < count ? turn : 0;
    file.seekSync(0, Deno.SeekMode.Start);
    const text = utf8Bytes(`${next}\n`);
    for (let done = 0; done < text.length;) done += file.writeSync(text.subarray(done));
    file.truncateSync(text.length);
    return next;
  } catch (error) {
    throw new Temporary(`unable to take turns by ${path}: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["rrforward"],
  section: 1,
  summary: "forward mail to addresses in turn, from a .qmail file",
  role: "tool",
  dialect: "responder",
  options: {},
  operands: [
    { name: "counter", help: `${NAME}, or ${NAME}-EXTENSION for the address with that extension` },
    { name: "address", help: "two or more", repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `rrforward forwards each message to one of the addresses: the first message to the first, the next to the second, and
so on round. Whose turn it was stands in the counter file, which is made where it is missing and locked while it is used. The
file's name says for which address the line is meant: without an extension for the user's own address, with one for that; for
others nothing is done.`,
  env: { ...deliveryEnv("EXT", "NEWSENDER", "DTLINE"), ...QUEUE_ENV },
  files: { [NAME]: "number of the address that got the last message, from 0", ...QUEUE_FILES },
  exits: { "0": "not meant for this address", "99": "forwarded", "100": "refused", "111": "to be tried again" },
  examples: [{ command: `|rrforward ${NAME} ann@example.org ben@example.org`, help: "parts the mail between two" }],
  seeAlso: ["forward(1)", "qmail-command(8)"],
  source: ["[man rrforward.9]"],
  async run(proc) {
    const [counter = "", ...addresses] = proc.args;
    const extension = neededVariable(proc, "EXT");
    const sender = neededVariable(proc, "NEWSENDER");
    const head = neededVariable(proc, "DTLINE");
    if (addresses.length < 2) throw new Temporary("there must be at least two addresses to take turns");
    if (!counter.startsWith(NAME)) {
      throw new Temporary(`${counter}: the name of the counter file must begin with ${NAME}`);
    }
    const [meantFor = ""] = byteArgs([counter.slice(NAME.length)]);
    if (meantFor !== (extension === "" ? "" : `-${extension}`)) return COMMAND_EXIT.done;
    const turn = nextTurn(counter, addresses.length);
    const recipients = byteArgs([addresses[turn] ?? ""]);
    const pid = await queueMail(proc, { sender, recipients, chunks: () => messageChunks(proc.stdin, head) });
    await proc.stderr.write(utf8Bytes(`rrforward: qp ${pid} rr ${turn}\n`));
    return COMMAND_EXIT.stop;
  },
});
