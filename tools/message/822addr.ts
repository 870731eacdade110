/** 822addr: the addresses in header fields [man 822addr.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { addressLines } from "./addresses.ts";
import { fieldsOf, fieldValue, readHead, skipRest } from "./head.ts";

export const applet = defineApplet({
  names: ["822addr"],
  section: 1,
  summary: "extract addresses from header fields of a message",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "field", help: "name of a header field; default to and cc", optional: true, repeat: true }],
  description:
    `822addr reads a message and prints the addresses in the fields named, in the order of the header. A line that begins
with + is an address, without quotes and with an @ always; a line that begins with ( is a comment or name that stands
before the address it belongs to.`,
  exits: { "0": "there is such a field", "100": "there is none", "111": "the message could not be read" },
  examples: [{ command: "822addr from <message | sed -n s/^+//p", help: "the authors' addresses, one a line" }],
  seeAlso: ["822field(1)", "checkaddr(1)"],
  source: ["[man 822addr.1]"],
  async run(proc) {
    const names = new Set((proc.args.length === 0 ? ["to", "cc"] : proc.args).map((name) => name.toLowerCase()));
    const head = await readHead(proc.stdin);
    await skipRest(proc.stdin);
    const found = fieldsOf(head.lines).filter(({ name }) => names.has(name.toLowerCase()));
    const lines = found.flatMap((field) => addressLines(fieldValue(field)));
    const text = lines.map(({ kind, text }) => `${kind === "address" ? "+" : "("}${text}\n`).join("");
    await proc.stdout.write(latin1Bytes(text));
    return found.length > 0 ? EXIT_DIALECTS.qmail.ok : EXIT_DIALECTS.qmail.permanent;
  },
});
