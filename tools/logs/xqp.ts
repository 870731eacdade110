/** xqp: the records of one message [man xqp.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyChosen } from "./choose_records.ts";

export const applet = defineApplet({
  names: ["xqp"],
  section: 1,
  summary: "the records of one message",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  operands: [{ name: "qp", help: "long-term queue identifier of the message, as the log shows it" }],
  description:
    `xqp reads matchup's records and prints those of the messages with the long-term queue identifier qp. It is the number of a
process and comes again after some time; look at the times.`,
  examples: [{ command: "xqp 2203 <records", help: "what became of the message that was queued as 2203" }],
  seeAlso: ["matchup(1)", "xrecipient(1)", "xsender(1)", "zoverall(1)"],
  source: ["[man xqp.1]"],
  async run(proc) {
    const [qp = ""] = proc.args;
    await copyChosen(proc, { message: (record) => record.qp === qp, delivery: (record) => record.qp === qp });
  },
});
