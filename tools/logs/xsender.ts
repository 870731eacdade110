/** xsender: the records of one sender [man xsender.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyChosen } from "./choose_records.ts";

export const applet = defineApplet({
  names: ["xsender"],
  section: 1,
  summary: "the records of one sender",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  operands: [{ name: "sender", help: "envelope sender without angle brackets, in lower case; empty for bounces" }],
  description: `xsender reads matchup's records and prints the lines of messages with that envelope sender.`,
  examples: [{ command: "xsender list-owner@example.org <records | zoverall", help: "statistics of one sender" }],
  seeAlso: ["matchup(1)", "xqp(1)", "xrecipient(1)", "zoverall(1)"],
  source: ["[man xsender.1]"],
  async run(proc) {
    const [sender = ""] = proc.args;
    const bracketed = `<${sender}>`;
    await copyChosen(proc, {
      message: (record) => record.sender === bracketed,
      delivery: (record) => record.sender === bracketed,
    });
  },
});
