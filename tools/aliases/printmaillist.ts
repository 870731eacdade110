/** printmaillist: prints a binary mailing list. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { INSTRUCTION_BYTES_MAX } from "./limits.ts";
import { listLine } from "./list_text.ts";
import { inputText } from "./write_file.ts";

export const applet = defineApplet({
  names: ["printmaillist"],
  section: 1,
  summary: "print a binary mailing list",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    "printmaillist reads a binary mailing list on standard input and prints its entries as setmaillist takes them.",
  exits: { "0": "done", "100": "it is not a binary mailing list", "111": "it cannot be read" },
  examples: [{ command: "printmaillist <staff.bin", help: "shows a list" }],
  seeAlso: ["setmaillist(1)", "newinclude(1)", "printforward(1)"],
  source: ["[man printmaillist.1]", "[spec formats 19]"],
  async run(proc) {
    let pending = "";
    for await (const text of inputText(proc.stdin)) {
      const entries = (pending + text).split("\0");
      pending = entries.pop() ?? "";
      if (pending.length > INSTRUCTION_BYTES_MAX) {
        throw new Permanent("not a binary mailing list: an entry is too long");
      }
      await proc.stdout.write(latin1Bytes(entries.map(listLine).join("")));
    }
    if (pending !== "") throw new Permanent("not a binary mailing list: its last entry has no end");
  },
});
