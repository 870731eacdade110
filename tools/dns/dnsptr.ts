/** dnsptr: look up the names of an address. */
import { defineApplet } from "../../core/applet.ts";
import { resolveNames } from "../../core/dns/reverse.ts";
import { Permanent } from "../../core/errors.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { DNS_ENV, DNS_EXITS, printLines, refuse, resolverOf } from "./ask.ts";

export const applet = defineApplet({
  names: ["dnsptr"],
  section: 1,
  summary: "look up the names of an address",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "an IPv4 or IPv6 address" }],
  description: `dnsptr prints the names that the address has by its PTR records, each on a line of its own.`,
  env: DNS_ENV,
  exits: DNS_EXITS,
  seeAlso: ["dnsip(1)", "dnsmxip(1)", "dnsfq(1)", "dnscname(1)", "dnstxt(1)"],
  source: ["[man dnsptr.1]"],
  async run(proc) {
    const [address = ""] = proc.args;
    if (!tryParseIp(address)) throw new Permanent(`${address} is not an IP address`);
    const answer = await resolveNames(resolverOf(proc), address);
    if (answer.kind !== "found") refuse(answer, `a name of ${address}`);
    await printLines(proc, answer.values);
  },
});
