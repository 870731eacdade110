/**
 * vfilter: delivers the message on descriptor 0 to a user of a virtual domain by the user's rules; the program of
 * .qmail-default where a domain has filters.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { createDeliveryContext } from "./bind.ts";
import { readStdinMessage } from "./stdin_message.ts";
import { decideByFilter } from "./virtual_filter.ts";
import { deliverStandardInput, VIRTUAL_PROGRAM_ENV } from "./virtual_program.ts";

export const applet = defineApplet({
  names: ["vfilter"],
  section: 8,
  summary: "deliver to a virtual domain by the users' rules",
  role: "local",
  dialect: "qmail",
  options: { verbose: { flag: "v", help: "test a message for the address that follows: tell what would be done" } },
  operands: [
    { name: "empty", help: "an empty word, as vdelivermail has it; with -v the address" },
    {
      name: "fallback",
      help: "mail for nobody: bounce-no-mailbox, delete, an address, a folder or domain:ip:port",
      optional: true,
    },
  ],
  description:
    "The rules of prefilt@DOMAIN, of the user and of postfilt@DOMAIN are compared in their order; the first that matches " +
    "decides on folder, forward and bounce. Without a match the mail is delivered as by vdelivermail. A Maildir with a " +
    "file .noglobal is not asked for prefilt's rules, one with .nopostfilt not for postfilt's. A rule that cannot be " +
    "understood is passed over, and the log tells it. The daemon does the same by itself when vfilter is the only line of " +
    ".qmail-default; no process is started then. With MDA in the environment of the .qmail line or of the daemon, that program takes the " +
    "place of vdelivermail: it gets what no rule decides, with the same arguments.",
  env: {
    ...VIRTUAL_PROGRAM_ENV,
    MDA: "program that delivers what no rule decides; vdelivermail's work unless set",
  },
  control: ["me", "headerlist"],
  exits: { 0: "delivered", 100: "failed for good, or bounced by a rule", 111: "failed for now" },
  seeAlso: ["vcfilter(1)", "vdelivermail(8)"],
  source: ["[man vfilter.8]", "[spec formats 24]"],
  async run(proc) {
    if (proc.options.verbose) return await test(proc);
    return await deliverStandardInput(proc, { filtered: true, mda: proc.env.get("MDA") || undefined });
  },
});

/** Tells what the rules of an address would do with the message on standard input. */
async function test(proc: Proc): Promise<void> {
  const address = proc.args[0]?.toLowerCase();
  if (!address?.includes("@")) throw new Usage("-v needs the address of a user");
  const context = createDeliveryContext(proc, "./Maildir/");
  try {
    using read = await readStdinMessage(proc.stdin);
    const account = await context.lookup.account(address);
    if (!account) throw new Permanent(`there is no user ${address}`);
    const job = { message: read.message, sender: proc.env.get("SENDER") ?? "" };
    const decision = await decideByFilter(context, job, { account, address });
    const { folder, bounce, forward } = decision?.action ?? { folder: "", bounce: false, forward: undefined };
    const parts = [
      decision ? `rule ${decision.rule.number} of ${decision.rule.address} (${decision.rule.name})` : "no rule matches",
      bounce
        ? "bounced"
        : folder === undefined
        ? "not kept"
        : folder === ""
        ? "kept in the inbox"
        : `kept in ${folder}`,
      ...(forward === undefined ? [] : [`given to ${forward}`]),
    ];
    await proc.stdout.write(new TextEncoder().encode(`${parts.join(", ")}\n`));
  } finally {
    context.lookup.close();
    context.queue.close();
  }
}
