/** iftoccfrom: tests whether a message is addressed to somebody, or from him. */
import { defineApplet } from "../../core/applet.ts";
import { deliveryEnv } from "./delivery.ts";
import { RECIPIENT_ENV, runAddressTest } from "./wanted_addresses.ts";

export const applet = defineApplet({
  names: ["iftoccfrom"],
  section: 1,
  summary: "test whether a message is to or from an address",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [{ name: "address", help: "looked for instead of the recipient", optional: true, repeat: true }],
  stopsAtOperand: true,
  description:
    `iftoccfrom reads a message and looks whether one of the addresses, or else the recipient of the delivery, is in a
To, Cc or From field. Case means nothing; @domain stands for all addresses of a domain.`,
  env: deliveryEnv(...RECIPIENT_ENV),
  exits: { "0": "it is there", "100": "it is not", "111": "the message cannot be read" },
  examples: [{
    command: "|bouncesaying 'No blind copies.' except iftoccfrom",
    help: "refuses mail that is not addressed here",
  }],
  seeAlso: ["iftocc(1)", "ifaddr(1)", "bouncesaying(1)", "condredirect(1)", "except(1)", "822addr(1)"],
  source: ["[man iftoccfrom.1]"],
  run: (proc) => runAddressTest(proc, { fields: ["to", "cc", "from"], operands: proc.args }),
});
