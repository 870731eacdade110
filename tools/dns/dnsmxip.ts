/** dnsmxip: look up where the mail of a domain goes. */
import { defineApplet } from "../../core/applet.ts";

import { DNS_ENV, DNS_EXITS, printLines, refuse, resolverOf } from "./ask.ts";
import { resolveMxAddresses } from "./mx_addresses.ts";

export const applet = defineApplet({
  names: ["dnsmxip"],
  section: 1,
  summary: "look up where the mail of a domain goes",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "domain", help: "a domain" }],
  description:
    `dnsmxip prints the hosts that take mail for the domain, the preferred first: for each address a line with host, address
and preference. A domain without mail exchangers is its own.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsip(1)", "dnsptr(1)", "dnsfq(1)", "dnscname(1)", "dnstxt(1)"],
  source: ["[man dnsmxip.1]", "[rfc5321 5.1]"],
  async run(proc) {
    const [domain = ""] = proc.args;
    const answer = await resolveMxAddresses(resolverOf(proc), domain);
    if (answer.kind !== "found") refuse(answer, `a mail exchanger of ${domain}`);
    await printLines(proc, answer.addresses.map(({ host, address, preference }) => `${host} ${address} ${preference}`));
  },
});
