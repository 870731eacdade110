/** 822date: the date in a header field, in three forms [man 822date.1]. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { fieldsOf, fieldValue, readHead, skipRest } from "./head.ts";
import { ctimeText, isoDate, isoUtc, momentOf, parseWrittenDate, type WrittenDate } from "./message_date.ts";

export const applet = defineApplet({
  names: ["822date"],
  section: 1,
  summary: "print the date in a message",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "name", help: "name of the field; default date", optional: true }],
  description:
    `822date reads a message and prints the date in the last field of that name which has one, in three lines: in ISO form in
the zone that the field has, in ISO form in UTC, and as ctime(3) writes it in the local zone. A Received field's date is
what stands behind its semicolon.`,
  env: { TZ: "the local time zone; default the system's" },
  exits: { "0": "there is a date", "100": "there is none", "111": "the message could not be read" },
  examples: [{ command: "822date received <message", help: "when its first host had it" }],
  seeAlso: ["822field(1)", "822received(1)", "ctime(3)"],
  source: ["[man 822date.1]"],
  async run(proc) {
    const name = (proc.args[0] ?? "date").toLowerCase();
    const head = await readHead(proc.stdin);
    await skipRest(proc.stdin);
    let date: WrittenDate | undefined;
    for (const field of fieldsOf(head.lines)) {
      if (field.name.toLowerCase() === name) date = parseWrittenDate(fieldValue(field)) ?? date;
    }
    if (!date) return EXIT_DIALECTS.qmail.permanent;
    const moment = momentOf(date);
    await proc.stdout.write(utf8Bytes(`${isoDate(date)}\n${isoUtc(moment)}\n${ctimeText(moment)}\n`));
    return EXIT_DIALECTS.qmail.ok;
  },
});
