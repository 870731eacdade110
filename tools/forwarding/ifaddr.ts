/** ifaddr: tests whether an address is in fields of a message. */
import { defineApplet } from "../../core/applet.ts";
import { deliveryEnv } from "./delivery.ts";
import { RECIPIENT_ENV, runAddressTest } from "./wanted_addresses.ts";

const DEFAULT_FIELDS = ["to", "cc"];

export const applet = defineApplet({
  names: ["ifaddr"],
  section: 1,
  summary: "test whether an address is in a header field",
  role: "text",
  dialect: "qmail",
  options: {},
  operands: [
    {
      name: "argument",
      help: "names of fields and a :, if not To and Cc are meant; then addresses",
      optional: true,
      repeat: true,
    },
  ],
  synopsis: "ifaddr [field... :] [address...]",
  stopsAtOperand: true,
  description:
    `ifaddr reads a message and looks whether one of the addresses, or else the recipient of the delivery, is in one of
the fields. Case means nothing; @domain stands for all addresses of a domain.`,
  env: deliveryEnv(...RECIPIENT_ENV),
  exits: { "0": "it is there", "100": "it is not", "111": "the message cannot be read" },
  examples: [{
    command: "ifaddr to cc from : joe@example.org <message",
    help: "is this message Joe's correspondence?",
  }],
  seeAlso: ["iftocc(1)", "iftoccfrom(1)", "condtomaildir(1)", "except(1)", "822addr(1)"],
  source: ["[man ifaddr.1]"],
  run(proc) {
    const colon = proc.args.indexOf(":");
    const fields = colon > 0 ? proc.args.slice(0, colon) : DEFAULT_FIELDS;
    return runAddressTest(proc, { fields, operands: proc.args.slice(colon + 1) });
  },
});
