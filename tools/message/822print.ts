/** 822print: a message with its header in an easier form [man 822print.1]. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { copyRest, fieldsOf, readHead } from "./head.ts";
import { headView } from "./head_view.ts";

export const applet = defineApplet({
  names: ["822print"],
  section: 1,
  summary: "print a mail message",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    `822print reads a message and writes it with the header in an easier form: subject, authors and date, recipients, where
answers go, other fields. Bold and underlined text is written with backspaces, as nroff does and less(1) shows.`,
  env: { TZ: "time zone of the date shown; default the system's" },
  examples: [{ command: "822print <message | less", help: "read a message" }],
  seeAlso: ["822field(1)", "822date(1)", "822received(1)"],
  source: ["[man 822print.1]"],
  async run(proc) {
    const head = await readHead(proc.stdin);
    await proc.stdout.write(latin1Bytes(headView(fieldsOf(head.lines))));
    if (head.ending.length > 0) await proc.stdout.write(head.ending);
    await copyRest(head, proc.stdin, proc.stdout);
  },
});
