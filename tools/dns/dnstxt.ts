/** dnstxt: look up the texts of a name. */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { DNS_ENV, DNS_EXITS, refuse, resolverOf } from "./ask.ts";

export const applet = defineApplet({
  names: ["dnstxt"],
  section: 1,
  summary: "look up the texts of a name",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "name", help: "a name" }],
  description:
    `dnstxt prints each TXT record of the name, its strings joined, and after it a line with its length in bytes.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsip(1)", "dnsmxip(1)", "dnsptr(1)", "dnsfq(1)", "dnscname(1)"],
  source: ["[rfc1035 3.3.14]"],
  async run(proc) {
    const [name = ""] = proc.args;
    const answer = await resolverOf(proc).resolve(name, "TXT");
    if (answer.kind !== "found") refuse(answer, `a text of ${name}`);
    // texts are latin1, one character a byte, and go out as they came
    const lines = answer.values.map((text) => `${text}\nrecord length ${text.length}\n`);
    await proc.stdout.write(latin1Bytes(lines.join("")));
  },
});
