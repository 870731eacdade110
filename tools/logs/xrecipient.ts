/** xrecipient: the deliveries to one recipient [man xrecipient.1]. */
import { defineApplet } from "../../core/applet.ts";
import { copyChosen } from "./choose_records.ts";

export const applet = defineApplet({
  names: ["xrecipient"],
  section: 1,
  summary: "the deliveries to one recipient",
  role: "text",
  dialect: "chain",
  hosted: "serves",
  options: {},
  operands: [{
    name: "channel.recipient",
    help: "for example remote.user@example.org, in lower case as matchup prints it",
  }],
  description: `xrecipient reads matchup's records and prints the delivery lines of one recipient on one channel.`,
  examples: [{
    command: "xrecipient remote.user@example.org <records",
    help: "all attempts to deliver to that address",
  }],
  seeAlso: ["matchup(1)", "xqp(1)", "xsender(1)", "zoverall(1)"],
  source: ["[man xrecipient.1]"],
  async run(proc) {
    const [recipient = ""] = proc.args;
    await copyChosen(proc, { message: () => false, delivery: (record) => record.recipient === recipient });
  },
});
