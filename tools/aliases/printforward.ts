/** printforward: prints a forwarding database in its text form. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { streamedRecords } from "./cdb_stream.ts";
import { formatForwardRecord } from "./forward_text.ts";

/** Text that is gathered before it is written. */
const WRITE_CHARS = 256 * 1024;

export const applet = defineApplet({
  names: ["printforward"],
  section: 1,
  summary: "print the instructions in a forwarding database",
  role: "text",
  dialect: "qmail",
  options: {},
  description:
    "printforward reads a forwarding database on standard input and prints its instructions as setforward takes them.",
  exits: { "0": "done", "100": "it is not a forwarding database", "111": "it cannot be read" },
  examples: [{ command: "printforward </etc/aliases.cdb", help: "shows what newaliases has made" }],
  seeAlso: ["setforward(1)", "fastforward(1)", "newaliases(1)"],
  source: ["[man printforward.1]", "[spec formats 19]"],
  async run(proc) {
    let text = "";
    for await (const records of streamedRecords(proc.stdin)) {
      for (const record of records) text += formatForwardRecord(record);
      if (text.length < WRITE_CHARS) continue;
      await proc.stdout.write(latin1Bytes(text));
      text = "";
    }
    await proc.stdout.write(latin1Bytes(text));
  },
});
