/** dnsip: look up the addresses of a host. */
import { defineApplet } from "../../core/applet.ts";
import { resolveAddresses } from "../../core/dns/system.ts";
import { DNS_ENV, DNS_EXITS, printLines, refuse, resolverOf } from "./ask.ts";

export const applet = defineApplet({
  names: ["dnsip"],
  section: 1,
  summary: "look up the addresses of a host",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "host", help: "a name" }],
  description: `dnsip prints the addresses of the host, IPv4 first, each on a line of its own.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsmxip(1)", "dnsptr(1)", "dnsfq(1)", "dnscname(1)", "dnstxt(1)"],
  source: ["[rfc1035 3.4.1]", "[rfc3596 2]"],
  async run(proc) {
    const [host = ""] = proc.args;
    const answer = await resolveAddresses(resolverOf(proc), host);
    if (answer.kind !== "found") refuse(answer, `an address of ${host}`);
    await printLines(proc, answer.addresses);
  },
});
