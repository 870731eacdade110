/** The variables of a delivery, as far as a file of a Maildir tells them [man serialcmd.1] [man qmail-command.8]. */
import type { FileEnvelope } from "./message_file.ts";

/** The line that begins a message in an mbox. */
function fromLine(sender: string, atMs: number): string {
  const [weekday, day = "", month, year, time] = new Date(atMs).toUTCString().replace(",", "").split(" ");
  return `From ${sender === "" ? "MAILER-DAEMON" : sender.replace(/\s/g, "-")} ${weekday} ${month} ${
    day.replace(/^0/, " ")
  } ${time} ${year}\n`;
}

/** What follows the first dash of a text; nothing when it has none. */
function afterDash(text: string): string {
  const dash = text.indexOf("-");
  return dash < 0 ? "" : text.slice(dash + 1);
}

/** Variables of a message. `user` is whoever runs the command: its name is what the extension follows. */
export function commandVariables(
  envelope: FileEnvelope,
  more: { readonly user: string; readonly home: string; readonly modifiedMs: number; readonly nowMs: number },
): Record<string, string> {
  const { sender, recipient } = envelope;
  const at = recipient.lastIndexOf("@");
  const [local, host] = at < 0 ? [recipient, ""] : [recipient.slice(0, at), recipient.slice(at + 1)];
  const variables: Record<string, string> = {
    AGE: String(Math.floor((more.nowMs - more.modifiedMs) / 1000)),
    SENDER: sender,
    RECIPIENT: recipient,
    LOCAL: local,
    HOST: host,
    USER: more.user,
    HOME: more.home,
    RPLINE: envelope.returnPathLine,
    DTLINE: envelope.deliveredToLine,
    UFLINE: fromLine(sender, more.modifiedMs),
  };
  let rest = host;
  for (const name of ["HOST2", "HOST3", "HOST4"]) {
    rest = rest.slice(0, Math.max(rest.lastIndexOf("."), 0));
    variables[name] = rest;
  }
  let extension = local.startsWith(more.user) ? local.slice(more.user.length) : local;
  for (const name of ["EXT", "EXT2", "EXT3", "EXT4"]) variables[name] = extension = afterDash(extension);
  return variables;
}
