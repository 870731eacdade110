/** dnsfq: look up the full name of a host. */
import { defineApplet } from "../../core/applet.ts";
import { resolveNames } from "../../core/dns/reverse.ts";
import { resolveAddresses } from "../../core/dns/system.ts";
import { DNS_ENV, DNS_EXITS, printLines, refuse, resolverOf } from "./ask.ts";

export const applet = defineApplet({
  names: ["dnsfq"],
  section: 1,
  summary: "look up the full name of a host",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "host", help: "a name" }],
  description: `dnsfq looks up the address of the host, and prints the names that this address has by its PTR records.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsip(1)", "dnsmxip(1)", "dnsptr(1)", "dnscname(1)", "dnstxt(1)"],
  source: ["[man dnsfq.1]"],
  async run(proc) {
    const [host = ""] = proc.args;
    const resolver = resolverOf(proc);
    const found = await resolveAddresses(resolver, host);
    if (found.kind !== "found") refuse(found, `an address of ${host}`);
    const [address = ""] = found.addresses;
    const answer = await resolveNames(resolver, address);
    if (answer.kind !== "found") refuse(answer, `a name of ${address}`);
    await printLines(proc, answer.values);
  },
});
