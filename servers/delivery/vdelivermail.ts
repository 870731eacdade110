/**
 * vdelivermail: delivers the message on descriptor 0 to a user of a virtual domain; the program of .qmail-default.
 */
import { defineApplet } from "../../core/applet.ts";
import { deliverStandardInput, VIRTUAL_PROGRAM_ENV } from "./virtual_program.ts";

export const applet = defineApplet({
  names: ["vdelivermail"],
  section: 8,
  summary: "deliver mail to users in a virtual domain",
  role: "local",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "prefix", help: "always empty; for backward compatibility", optional: true },
    {
      name: "default",
      help: "for users that are not found: a user's folder, an address, bounce-no-mailbox, delete, or domain:ip:port",
      optional: true,
    },
  ],
  description:
    `vdelivermail delivers the message on standard input to the user EXT of the domain HOST, as qmail-local sets
them when it runs the line in a domain's .qmail-default. Alias lines of the user are followed, quotas are kept, and mail
for unknown users is treated as the second argument says.`,
  env: VIRTUAL_PROGRAM_ENV,
  control: ["me"],
  exits: { 0: "delivered", 100: "failed for good", 111: "failed for now" },
  seeAlso: ["qmail-local(8)", "vadddomain(1)", "valias(1)"],
  source: ["[man vdelivermail.9]"],
  run: (proc) => deliverStandardInput(proc),
});
