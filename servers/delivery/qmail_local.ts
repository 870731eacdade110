/**
 * qmail-local: delivers the message on descriptor 0 to one local user, by the .qmail file in the home.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { createDeliveryContext } from "./bind.ts";
import { DotQmailFiles, type DotQmailSearch } from "./dotqmail_files.ts";
import { deliverLocal } from "./local_delivery.ts";
import { endDelivery } from "./report.ts";
import { readStdinMessage } from "./stdin_message.ts";

export const applet = defineApplet({
  names: ["qmail-local"],
  section: 8,
  summary: "deliver or forward a message to a local user",
  role: "local",
  dialect: "qmail",
  options: {
    dryRun: { flag: "n", help: "say what the .qmail file asks for instead of doing it" },
    doIt: { flag: "N", help: "do it; the default" },
  },
  operands: [
    { name: "user", help: "the user's name" },
    { name: "homedir", help: "the user's home" },
    { name: "local", help: "local part of the recipient" },
    { name: "dash", help: "- when an extension follows, else empty" },
    { name: "ext", help: "the extension" },
    { name: "domain", help: "domain of the recipient" },
    { name: "sender", help: "envelope sender" },
    { name: "defaultdelivery", help: "instruction that an empty .qmail file stands for" },
    { name: "qqeh", help: "header lines to add", optional: true },
  ],
  description:
    `qmail-local reads a message and delivers it to user by the instructions in homedir/.qmail, or .qmail-ext for an
extension. It reports what it did on standard output, as in did 1+0+0: files, forwards, programs.`,
  env: {
    MESSID: "id of the message, for programs; none unless set",
    DELIVERYID: "id of this delivery, the same at each attempt; Maildir names are made of it; process id unless set",
    ARRIVEDMS: "when the message arrived, milliseconds since 1970; now unless set",
    REPEAT: "not empty: an earlier attempt may have got through",
    PATH: "where the commands of .qmail files are looked for",
  },
  control: ["me", "maxdeliveredto"],
  exits: { 0: "delivered", 100: "failed for good", 111: "failed for now" },
  seeAlso: ["qmail-lspawn(8)", "dot-qmail(5)", "qmail-command(8)"],
  source: ["[man qmail-local.9]"],
  async run(proc) {
    const [user, home, local, dash, ext, domain, sender, defaultDelivery, qqeh = ""] = proc.args as [
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string?,
    ];
    if (!home.startsWith("/")) throw new Usage(`homedir must begin with a slash, not ${home}`);
    if (proc.options.dryRun) {
      const text = instructionsText(new DotQmailFiles(() => proc.clock.nowMs()).find(home, dash, ext), {
        dash,
        defaultDelivery,
      });
      await proc.stdout.write(latin1Bytes(`${text}\n`));
      return;
    }
    const context = createDeliveryContext(proc, defaultDelivery);
    using read = await readStdinMessage(proc.stdin);
    const now = proc.clock.nowMs();
    const outcome = await deliverLocal(context, {
      message: read.message,
      messageId: proc.env.get("MESSID") ?? "",
      deliveryId: proc.env.get("DELIVERYID") || `M${now % 1000}P${proc.pid}`,
      arrivedMs: Number(proc.env.get("ARRIVEDMS")) || now,
      sender,
      extraHeader: qqeh,
      environmentHeaders: "",
      mayBeRepeat: Boolean(proc.env.get("REPEAT")),
    }, { user, home, local, dash, ext, domain, uid: proc.uid, gid: 0 });
    context.lookup.close();
    context.queue.close();
    return await endDelivery(outcome, proc.stdout);
  },
});

function instructionsText(
  search: DotQmailSearch,
  user: { readonly dash: string; readonly defaultDelivery: string },
): string {
  if (search.kind === "wait") return search.text;
  if (search.kind === "none") {
    return user.dash === "" ? user.defaultDelivery : "Sorry, no mailbox here by that name. (#5.1.1)";
  }
  if (search.file.empty) return user.defaultDelivery;
  return search.file.content.instructions.map((instruction) => Object.values(instruction).join(" ")).join("\n");
}
