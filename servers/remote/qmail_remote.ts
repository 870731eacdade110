/**
 * qmail-remote: sends the message on standard input to one host, and reports for each recipient.
 */
import { defineApplet } from "../../core/applet.ts";
import { concatBytes } from "../../core/bytes.ts";
import { createRemoteContext, REMOTE_CONTROL, REMOTE_ENV } from "./bind.ts";
import { deliverRemote } from "./deliver.ts";
import { formatRemoteReport } from "./outcome.ts";

const CHUNK_BYTES = 128 * 1024;

export const applet = defineApplet({
  names: ["qmail-remote"],
  section: 8,
  summary: "send mail via SMTP",
  role: "remote",
  dialect: "qmail",
  options: {},
  operands: [
    { name: "host", help: "where to: a domain name, or an address in brackets" },
    { name: "sender", help: "envelope sender" },
    { name: "qqeh", help: "header lines to add" },
    { name: "size", help: "size of the message, bytes" },
    { name: "recip", help: "envelope recipients", repeat: true },
  ],
  description:
    `qmail-remote reads a message and sends it by SMTP to the recipients at host, to the addresses that MX records
or control/smtproutes name. TLS is used when the peer offers it.

For each recipient it prints r (accepted), h (refused for good) or s (refused for now), then K, Z or D for the message;
each with a text and ended by NUL.`,
  env: REMOTE_ENV,
  control: REMOTE_CONTROL,
  exits: { 0: "the report tells how it went", 111: "nothing could be tried" },
  seeAlso: ["qmail-rspawn(8)", "qmail-control(5)"],
  source: ["[man qmail-remote.9]"],
  async run(proc) {
    const [host, sender, qqeh, , ...recipients] = proc.args as [string, string, string, string, ...string[]];
    const parts: Uint8Array[] = [new TextEncoder().encode(qqeh)];
    for (;;) {
      const part = new Uint8Array(CHUNK_BYTES);
      const count = await proc.stdin.read(part);
      if (count === null) break;
      parts.push(part.subarray(0, count));
    }
    const bytes = concatBytes(...parts);
    const context = createRemoteContext(proc);
    const outcome = await deliverRemote(context, {
      host,
      sender,
      recipients,
      sizeBytes: bytes.length,
      async *chunks() {
        yield await Promise.resolve(bytes);
      },
    });
    context.pool.close();
    await proc.stdout.write(formatRemoteReport(outcome));
  },
});
