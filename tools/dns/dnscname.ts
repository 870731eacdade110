/** dnscname: look up what a name is an alias of. */
import { defineApplet } from "../../core/applet.ts";

import { DNS_ENV, DNS_EXITS, printLines, refuse, resolverOf } from "./ask.ts";

export const applet = defineApplet({
  names: ["dnscname"],
  section: 1,
  summary: "look up what a name is an alias of",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "host", help: "a name" }],
  description:
    `dnscname prints the name that the host is an alias of, by its CNAME record, which may be an alias again; the host itself
where it is no alias.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsip(1)", "dnsmxip(1)", "dnsptr(1)", "dnsfq(1)", "dnstxt(1)"],
  source: ["[man dnscname.1]"],
  async run(proc) {
    const [host = ""] = proc.args;
    const answer = await resolverOf(proc).resolve(host, "CNAME");
    if (answer.kind === "none" && answer.nameExists) return await printLines(proc, [host]);
    if (answer.kind !== "found") refuse(answer, host);
    await printLines(proc, answer.values.slice(0, 1));
  },
});
