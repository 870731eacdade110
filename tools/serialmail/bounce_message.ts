/** Tells the sender of a message of a Maildir that it was refused for good: a bounce, by qmail-queue. */
import type { Proc } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { queueByProgram, type QueueProgramEnd } from "../../core/queue_program.ts";
import { type BounceSettings, formatBounce, formatBounceFailure, planBounce } from "../../mail/bounce.ts";
import { openMessage } from "./message_file.ts";

/** Bytes of a message that go back with the bounce, where control/bouncemaxbytes does not say. */
const ORIGINAL_BYTES_MAX = 64 * 1024 * 1024;

/** First line of a control file; undefined when it is absent or empty. */
export function controlLine(folder: string, name: string): string | undefined {
  try {
    return Deno.readTextFileSync(`${folder}/${name}`).split("\n", 1)[0]!.trim() || undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`unable to read ${folder}/${name}: ${errorText(error)}`);
  }
}

/** Control files that shape bounces. */
export const BOUNCE_CONTROL = [
  "me",
  "bouncefrom",
  "bouncehost",
  "bouncesubject",
  "bouncemaxbytes",
  "doublebounceto",
  "doublebouncehost",
] as const;

/** What those control files say. */
export function readBounceSettings(folder: string): BounceSettings {
  const line = (name: (typeof BOUNCE_CONTROL)[number]) => controlLine(folder, name);
  const me = line("me") ?? "me";
  const bytesMax = Number(line("bouncemaxbytes") ?? 0);
  const subject = line("bouncesubject") ?? "failure notice";
  return {
    program: "maildirserial",
    bounceFrom: line("bouncefrom") ?? "MAILER-DAEMON",
    bounceHost: line("bouncehost") ?? me,
    bounceSubject: subject,
    bounceBytesMax: bytesMax > 0 ? Math.min(bytesMax, ORIGINAL_BYTES_MAX) : ORIGINAL_BYTES_MAX,
    doubleBounceTo: line("doublebounceto") ?? "postmaster",
    doubleBounceHost: line("doublebouncehost") ?? me,
    doubleBounceSubject: subject,
  };
}

/** What became of a bounce. */
export type Bounced =
  | { readonly kind: "queued"; readonly pid: number }
  | { readonly kind: "discarded"; readonly reason: string }
  | { readonly kind: "failed"; readonly end: QueueProgramEnd }
  | { readonly kind: "no envelope" };

/** Bounces the file. Throws Deno.errors or Temporary; the message is then where it was. */
export async function bounceMessage(
  proc: Pick<Proc, "spawn" | "clock" | "pid">,
  path: string,
  why: {
    readonly text: string;
    readonly prefix: string;
    readonly settings: BounceSettings;
    readonly env: Readonly<Record<string, string>>;
  },
): Promise<Bounced> {
  const message = openMessage(path);
  if (!message) return { kind: "no envelope" };
  try {
    const { sender, recipient } = message.envelope;
    const plan = planBounce(sender, why.settings);
    if (plan.kind === "discard") return { kind: "discarded", reason: plan.reason };
    const original = new Uint8Array(Math.min(message.sizeBytes, why.settings.bounceBytesMax));
    let used = 0;
    for await (const chunk of message.chunks()) {
      original.set(chunk.subarray(0, original.length - used), used);
      used += Math.min(chunk.length, original.length - used);
      if (used === original.length) break;
    }
    const failed = recipient.startsWith(why.prefix) ? recipient.slice(why.prefix.length) : recipient;
    const bytes = formatBounce({
      plan,
      settings: why.settings,
      messageId: String(proc.pid),
      arrivedMs: message.modifiedMs,
      failures: formatBounceFailure(failed, why.text),
      originalSender: sender,
      original,
      originalSizeBytes: message.sizeBytes,
      atMs: proc.clock.nowMs(),
      zoneMinutes: 0,
    });
    const chunks = async function* () {
      yield await Promise.resolve(bytes);
    };
    const program = why.env.QMAILQUEUE;
    const queued = { sender: plan.sender, recipients: [plan.recipient], chunks };
    const end = await queueByProgram(proc, queued, { program, env: why.env });
    return end.code === 0 ? { kind: "queued", pid: end.pid } : { kind: "failed", end };
  } finally {
    message.close();
  }
}
