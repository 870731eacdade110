/** checkaddr: looks for an address in the output of 822addr. */
import { defineApplet } from "../../core/applet.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { deliveryEnv } from "./delivery.ts";
import { RECIPIENT_ENV, someListedAddress, wantedAddresses } from "./wanted_addresses.ts";

export const applet = defineApplet({
  names: ["checkaddr"],
  section: 1,
  summary: "match addresses in 822addr output",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "looked for instead of RECIPIENT", optional: true, repeat: true }],
  stopsAtOperand: true,
  description:
    `checkaddr reads what 822addr prints and looks whether one of the addresses, or else the recipient of the delivery, is
among it. A line begins with + for an address and with ( for a comment, and ends with a NUL or a line feed; comments do not
count. Case means nothing.`,
  env: deliveryEnv(...RECIPIENT_ENV),
  exits: { "0": "it is there", "100": "it is not", "111": "the input cannot be read" },
  examples: [{ command: "822addr from <message | checkaddr joe@example.org", help: "is this message from Joe?" }],
  seeAlso: ["822addr(1)", "checkdomain(1)", "ifaddr(1)"],
  source: ["[man checkaddr.1]"],
  async run(proc) {
    const wanted = new Set(wantedAddresses(proc, proc.args));
    const found = await someListedAddress(proc.stdin, (address) => wanted.has(address));
    return found ? COMMAND_EXIT.done : COMMAND_EXIT.permanent;
  },
});
