/** The SMTP session of a client that is refused: polite, and every recipient gets the reason [man rblsmtpd.1]. */
import type { Proc } from "../../core/applet.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";

/** Longest command. */
const LINE_BYTES_MAX = 8192;
/** Commands of one session. */
const COMMANDS_MAX = 10_000;
const LF = 10;

/** How to refuse. */
export interface Refusal {
  /** `451 reason`. */
  readonly reply: string;
  /** Name in the other replies. */
  readonly greeting: string;
  /** EHLO is answered with extensions. */
  readonly extended: boolean;
  /** For all of the session; 0: only the reply is said. */
  readonly timeoutMs: number;
}

/** The reply to a command; undefined when it is the last. */
export function replyTo(command: string, refusal: Refusal): { readonly text: string; readonly last: boolean } {
  const { greeting } = refusal;
  switch (command.trim().split(/\s+/)[0]?.toLowerCase()) {
    case "quit":
      return { text: `221 ${greeting}\r\n`, last: true };
    case "ehlo":
      if (refusal.extended) {
        return { text: `250-${greeting}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 HELP\r\n`, last: false };
      }
      return { text: `250 ${greeting}\r\n`, last: false };
    case "helo":
    case "mail":
    case "rset":
    case "noop":
      return { text: `250 ${greeting}\r\n`, last: false };
    case "vrfy":
      return { text: `252 ${greeting}\r\n`, last: false };
    default:
      return { text: `${refusal.reply}\r\n`, last: false };
  }
}

/** Talks until the client quits or its time is over. */
export async function refuseMail(proc: Proc, refusal: Refusal): Promise<void> {
  if (refusal.timeoutMs === 0) return await proc.stdout.write(latin1Bytes(`${refusal.reply}\r\n`));
  const over = new AbortController();
  const late = proc.clock.sleep(refusal.timeoutMs, over.signal).catch(() => undefined); // aborted: the talk is over
  try {
    await Promise.race([talk(proc, refusal), late]);
  } finally {
    over.abort();
  }
}

async function talk(proc: Proc, refusal: Refusal): Promise<void> {
  await proc.stdout.write(latin1Bytes(`220 ${refusal.greeting}\r\n`));
  const buffer = new Uint8Array(LINE_BYTES_MAX);
  let held = 0;
  for (let commands = 0; commands < COMMANDS_MAX;) {
    const count = await proc.stdin.read(buffer.subarray(held));
    if (count === null) return;
    held += count;
    let start = 0;
    let replies = "";
    for (let lf = buffer.indexOf(LF); lf >= 0 && lf < held; lf = buffer.indexOf(LF, start)) {
      const { text, last } = replyTo(latin1Text(buffer.subarray(start, lf)), refusal);
      start = lf + 1;
      commands++;
      replies += text;
      if (last) return await proc.stdout.write(latin1Bytes(replies));
    }
    if (replies !== "") await proc.stdout.write(latin1Bytes(replies));
    buffer.copyWithin(0, start, held);
    held -= start;
    if (held === buffer.length) return;
  }
}
