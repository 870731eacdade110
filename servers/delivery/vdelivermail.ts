/**
 * vdelivermail: delivers the message on descriptor 0 to a user of a virtual domain; the program of .qmail-default.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { createDeliveryContext } from "./bind.ts";
import { endDelivery } from "./report.ts";
import { readStdinMessage } from "./stdin_message.ts";
import { deliverVirtual } from "./virtual_delivery.ts";

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
  env: {
    EXT: "the user; needed",
    HOST: "the domain; needed",
    SENDER: "envelope sender; empty unless set",
    QQEH: "header lines to add; none unless set",
    MESSID: "id of the message, for programs; none unless set",
    DELIVERYID: "id of this delivery, the same at each attempt; process id unless set",
    ARRIVEDMS: "when the message arrived, milliseconds since 1970; now unless set",
    REPEAT: "not empty: an earlier attempt may have got through",
  },
  control: ["me"],
  exits: { 0: "delivered", 100: "failed for good", 111: "failed for now" },
  seeAlso: ["qmail-local(8)", "vadddomain(1)", "valias(1)"],
  source: ["[man vdelivermail.9]"],
  async run(proc) {
    const ext = proc.env.get("EXT");
    const host = proc.env.get("HOST");
    if (!ext || !host) throw new Permanent("EXT and HOST must be set: this program is started by qmail-local");
    const context = createDeliveryContext(proc, "./Maildir/");
    using read = await readStdinMessage(proc.stdin);
    const now = proc.clock.nowMs();
    const outcome = await deliverVirtual(context, {
      message: read.message,
      messageId: proc.env.get("MESSID") ?? "",
      deliveryId: proc.env.get("DELIVERYID") || `M${now % 1000}P${proc.pid}`,
      arrivedMs: Number(proc.env.get("ARRIVEDMS")) || now,
      sender: proc.env.get("SENDER") ?? "",
      extraHeader: proc.env.get("QQEH") ?? "",
      environmentHeaders: "",
      mayBeRepeat: Boolean(proc.env.get("REPEAT")),
    }, {
      address: `${ext}@${host}`.toLowerCase().replaceAll('"', ""),
      fallback: proc.args[1] ?? "bounce-no-mailbox",
      environment: () => proc.env.all(),
    });
    context.lookup.close();
    context.queue.close();
    return await endDelivery(outcome, proc.stdout);
  },
});
