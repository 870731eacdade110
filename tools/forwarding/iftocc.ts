/** iftocc: tests whether a message is addressed to somebody. */
import { defineApplet } from "../../core/applet.ts";
import { deliveryEnv } from "./delivery.ts";
import { RECIPIENT_ENV, runAddressTest } from "./wanted_addresses.ts";

export const applet = defineApplet({
  names: ["iftocc"],
  section: 1,
  summary: "test for blind copies, from a .qmail file",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "looked for instead of the recipient", optional: true, repeat: true }],
  stopsAtOperand: true,
  description:
    `iftocc reads a message and looks whether one of the addresses, or else the recipient of the delivery, is in a
To or Cc field. Case means nothing; @domain stands for all addresses of a domain.`,
  env: deliveryEnv(...RECIPIENT_ENV),
  exits: { "0": "it is there", "100": "it is not", "111": "the message cannot be read" },
  examples: [{
    command: "|bouncesaying 'No blind copies.' except iftocc",
    help: "refuses mail that is not addressed here",
  }],
  seeAlso: ["iftoccfrom(1)", "ifaddr(1)", "bouncesaying(1)", "condredirect(1)", "except(1)", "822addr(1)"],
  source: ["[man iftocc.1]"],
  run: (proc) => runAddressTest(proc, { fields: ["to", "cc"], operands: proc.args }),
});
