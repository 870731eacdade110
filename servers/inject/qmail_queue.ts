/**
 * qmail-queue: a message on descriptor 0, its envelope on descriptor 1, an exit code as the only answer.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { concatBytes } from "../../core/bytes.ts";
import { QUEUE_EXIT } from "../../mail/queue_exits.ts";
import { ENVELOPE_BYTES_MAX, type EnvelopeResult, parseEnvelope } from "../../storage/queue/submission.ts";
import { queueMessage } from "./queueing.ts";
import { chunksOf, createWorld, QUEUE_CONTROL, QUEUE_ENV } from "./world.ts";

/** After a day it gives up [spec formats 1.3, DEATH]. */
const DEATH_SECONDS = 86_400;

export const applet = defineApplet({
  names: ["qmail-queue"],
  section: 8,
  summary: "queue a mail message for delivery",
  role: "inject",
  dialect: "queue",
  options: {},
  description:
    `qmail-queue reads a message from descriptor 0 and then an envelope from descriptor 1: F, the sender, a NUL; T, a
recipient, a NUL, for each recipient; a NUL. It puts a Received line in front and hands the message to the queue daemon.
Where none answers it writes the queue's files itself, and the daemon finds them. It exits 0 when the message is safe on
disk, and prints nothing.`,
  env: { ...QUEUE_ENV, DEATH: "seconds after which it gives up; default 86400" },
  control: [...QUEUE_CONTROL],
  exits: {
    "0": "the message is queued",
    "11": "an address is too long",
    "51": "out of memory",
    "52": "timeout",
    "53": "cannot write, for example because the disk is full",
    "54": "cannot read message or envelope",
    "55": "cannot read a control file",
    "61-67": "trouble with the queue's folders",
    "74": "the queue daemon was lost",
    "79": "the envelope is malformed",
    "81": "a bug",
  },
  seeAlso: ["envelopes(5)", "qmail-inject(8)", "qmail-send(8)", "qmail-smtpd(8)"],
  source: ["[man qmail-queue.9]", "[man envelopes.5]", "[spec formats 1]"],
  async run(proc) {
    const stop = new AbortController();
    const seconds = Number(proc.env.get("DEATH") ?? DEATH_SECONDS) || DEATH_SECONDS;
    const death = proc.clock.sleep(seconds * 1000, stop.signal).then(
      () => QUEUE_EXIT.timeout,
      () => QUEUE_EXIT.timeout,
    );
    const world = createWorld(proc, { defaults: false });
    const queued = queueMessage(world, chunksOf(proc.stdin), () => readEnvelope(proc)).then(({ code }) => code);
    try {
      return await Promise.race([queued, death]);
    } finally {
      stop.abort();
    }
  },
});

/** Reads the envelope up to its end: the NUL behind the last record, or the end of the stream. */
async function readEnvelope(proc: Proc): Promise<EnvelopeResult> {
  const descriptor = proc.fd(1);
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(descriptor)) {
    parts.push(chunk.slice());
    bytes += chunk.length;
    if (bytes > ENVELOPE_BYTES_MAX) return { kind: "refused", code: 79, text: "envelope is too long" };
    if (chunk.at(-1) === 0 && endsEnvelope(parts)) break;
  }
  const envelope = concatBytes(...parts);
  const end = endOfEnvelope(envelope);
  if (end < 0) return { kind: "refused", code: 79, text: "envelope is not complete" };
  return parseEnvelope(envelope.subarray(0, end));
}

function endsEnvelope(parts: readonly Uint8Array[]): boolean {
  const last = parts.at(-1)!;
  const before = last.length > 1 ? last.at(-2) : parts.at(-2)?.at(-1);
  return before === 0;
}

/** Behind the NUL that ends the recipients; negative without one. */
function endOfEnvelope(bytes: Uint8Array): number {
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) if (bytes[at + 1] === 0) return at + 2;
  return -1;
}
