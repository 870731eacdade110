/** What vdelivermail and vfilter share: the message on standard input, for the user that qmail-local names, delivered. */
import type { Proc } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { createDeliveryContext } from "./bind.ts";
import { endDelivery } from "./report.ts";
import { readStdinMessage } from "./stdin_message.ts";
import { deliverVirtual, type VirtualRecipient } from "./virtual_delivery.ts";

/** The variables that both read, for the applets to declare. */
export const VIRTUAL_PROGRAM_ENV = {
  EXT: "the user; needed",
  HOST: "the domain; needed",
  SENDER: "envelope sender; empty unless set",
  QQEH: "header lines to add; none unless set",
  MESSID: "id of the message, for programs; none unless set",
  DELIVERYID: "id of this delivery, the same at each attempt; process id unless set",
  ARRIVEDMS: "when the message arrived, milliseconds since 1970; now unless set",
  REPEAT: "not empty: an earlier attempt may have got through",
} as const;

/** Delivers; the exit code. The second operand says what becomes of mail for nobody. */
export async function deliverStandardInput(
  proc: Proc,
  filter: Pick<VirtualRecipient, "filtered" | "mda"> = {},
): Promise<number> {
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
    ...filter,
    environment: () => proc.env.all(),
  });
  context.lookup.close();
  context.queue.close();
  return await endDelivery(outcome, proc.stdout);
}
