/** checkdomain: looks for a domain in the output of 822addr. */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { byteArgs, deliveryEnv, variable } from "./delivery.ts";
import { someListedAddress } from "./wanted_addresses.ts";

function domainOf(address: string): string | undefined {
  const at = address.lastIndexOf("@");
  return at < 0 ? undefined : address.slice(at + 1);
}

export const applet = defineApplet({
  names: ["checkdomain"],
  section: 1,
  summary: "match domains in 822addr output",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "domain", help: "looked for instead of the domain of RECIPIENT", optional: true, repeat: true }],
  stopsAtOperand: true,
  description:
    `checkdomain reads what 822addr prints and looks whether an address of one of the domains, or else of the domain of
the recipient, is among it. A line begins with + for an address and with ( for a comment, and ends with a NUL or a line feed;
comments do not count. Case means nothing.`,
  env: deliveryEnv("RECIPIENT"),
  exits: { "0": "it is there", "100": "it is not", "111": "the input cannot be read" },
  examples: [{ command: "822addr from <message | checkdomain example.org", help: "is this message from there?" }],
  seeAlso: ["822addr(1)", "checkaddr(1)", "ifaddr(1)"],
  source: ["[man checkdomain.1]"],
  async run(proc) {
    const own = proc.args.length > 0 ? undefined : domainOf(variable(proc, "RECIPIENT") ?? "");
    if (proc.args.length === 0 && own === undefined) throw new Permanent("name a domain: RECIPIENT has none");
    const wanted = new Set((own === undefined ? byteArgs(proc.args) : [own]).map((domain) => domain.toLowerCase()));
    const found = await someListedAddress(proc.stdin, (address) => wanted.has(domainOf(address) ?? ""));
    return found ? COMMAND_EXIT.done : COMMAND_EXIT.permanent;
  },
});
