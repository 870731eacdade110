/**
 * qmail-queue inside a process: a Received line in front, the rules applied, and the message handed to a queue daemon, or
 * written into the queue's files where none answers. The result is an exit code of qmail-queue and a text.
 */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { socketPath } from "../../core/paths.ts";
import { QUEUE_EXIT } from "../../mail/queue_exits.ts";
import { formatQueueReceived } from "../../mail/received.ts";
import { realDisk } from "../../storage/disk.ts";
import { queueFileSubmission } from "../../storage/queue/queue_file_submission.ts";
import type { EnvelopeResult, Submission, SubmissionClient } from "../../storage/queue/submission.ts";
import { createSubmissionClient, queueSockets } from "../../storage/queue/submission_client.ts";
import { applyRules, filterHeader, type QueueRules, readQueueRules, rulesTouchHeader } from "./queue_rules.ts";
import type { InjectWorld } from "./world.ts";

/** Bytes of a header that are looked at; a longer one is passed on as it is. */
const HEADER_BYTES_MAX = 1024 * 1024;
/** Queues to choose from at most [spec formats 1.2]. */
const QUEUES_MAX = 100;

/** How queueing ended: 0 is accepted. */
export interface QueueingResult {
  readonly code: number;
  readonly text: string;
}

/**
 * Queues a message; `envelope` is read behind the message's last byte. Throws only what `message` throws as Permanent.
 */
export async function queueMessage(
  world: InjectWorld,
  message: AsyncIterable<Uint8Array>,
  envelope: () => Promise<EnvelopeResult>,
): Promise<QueueingResult> {
  let rules: QueueRules;
  let received: string;
  try {
    rules = readQueueRules(world);
    received = receivedLine(world);
  } catch (error) {
    return { code: QUEUE_EXIT.configuration, text: errorText(error) };
  }
  const { submission, client } = await openSubmission(world);
  let committed = false;
  try {
    await submission.write(latin1Bytes(received + rules.addedField));
    const environmentHeaders = await sendMessage(submission, message, rules);
    const read = await envelope();
    if (read.kind === "refused") return { code: read.code, text: read.text };
    committed = true;
    const queued = applyRules(read.envelope, rules);
    const result = await submission.commit({ ...queued, ...(environmentHeaders && { environmentHeaders }) });
    return result.kind === "accepted" ? { code: 0, text: result.id } : { code: result.code, text: result.text };
  } catch (error) {
    if (error instanceof Permanent) throw error; // the message itself is refused by who hands it over
    return { code: QUEUE_EXIT.read, text: errorText(error) };
  } finally {
    if (!committed) submission.abort();
    client.close();
  }
}

function receivedLine({ proc, env, control }: InjectWorld): string {
  const nowMs = proc.clock.nowMs();
  const hidden = env("HIDE_HOST") !== undefined;
  const remoteIp = hidden ? undefined : env("TCPREMOTEIP");
  return formatQueueReceived({
    pid: proc.pid,
    host: hidden ? undefined : env("HOSTNAME") || control.me(),
    origin: remoteIp ? { kind: "network", remoteIp, uid: proc.uid } : { kind: "uid", uid: proc.uid },
    atMs: nowMs,
    zoneMinutes: -new Date(nowMs).getTimezoneOffset(),
  });
}

/** Sends the message, its header filtered; gives the header lines that are exported. */
async function sendMessage(
  submission: Submission,
  message: AsyncIterable<Uint8Array>,
  rules: QueueRules,
): Promise<string> {
  let header: Uint8Array | undefined = rulesTouchHeader(rules) ? new Uint8Array(0) : undefined;
  let exported = "";
  for await (const chunk of message) {
    if (!header) {
      await submission.write(chunk);
      continue;
    }
    header = concatBytes(header, chunk);
    const end = emptyLine(header);
    if (end < 0 && header.length < HEADER_BYTES_MAX) continue;
    exported = await sendHeader(submission, header, { end, rules });
    header = undefined;
  }
  return header ? await sendHeader(submission, header, { end: header.length, rules }) : exported;
}

/** Where the body's empty line is; negative when it has not come yet. */
function emptyLine(bytes: Uint8Array): number {
  if (bytes[0] === 10) return 0;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    if (bytes[at + 1] === 10 || (bytes[at + 1] === 13 && bytes[at + 2] === 10)) return at + 1;
  }
  return -1;
}

async function sendHeader(
  submission: Submission,
  bytes: Uint8Array,
  options: { readonly end: number; readonly rules: QueueRules },
): Promise<string> {
  const end = Math.max(options.end, 0);
  const { header, environmentHeaders } = filterHeader(latin1Text(bytes.subarray(0, end)), options.rules);
  await submission.write(concatBytes(latin1Bytes(header), bytes.subarray(end)));
  return environmentHeaders;
}

/** A message at a daemon, or, where none answers, in the files of a queue. */
async function openSubmission(world: InjectWorld): Promise<{ submission: Submission; client: SubmissionClient }> {
  const { proc, env } = world;
  const submitter = { uid: proc.uid, pid: proc.pid };
  const { sockets, directory } = chooseQueues(world);
  const client = createSubmissionClient({ sockets, nowMs: () => proc.clock.nowMs() });
  try {
    return { submission: await client.open(submitter), client };
  } catch (error) {
    client.close();
    if (!(error instanceof Temporary)) throw error;
  }
  const split = Number(env("CONFSPLIT") ?? 0);
  const files = queueFileSubmission({
    disk: realDisk,
    directory,
    ...(split > 0 ? { split } : {}),
    pid: proc.pid,
    clock: proc.clock,
    log: proc.log,
  });
  return { submission: await files.open(submitter), client: files };
}

function chooseQueues({ proc, env }: InjectWorld): { sockets: string[]; directory: string } {
  const directory = env("QUEUEDIR")?.replace(/\/+$/, "");
  if (directory) {
    const name = directory.slice(directory.lastIndexOf("/") + 1);
    const number = /^queue(\d+)$/.exec(name)?.[1];
    const socket = number === undefined
      ? `${proc.paths.run}/${name}.socket`
      : socketPath(proc.paths, `queue${Number(number)}`);
    return { sockets: [socket], directory };
  }
  const count = Math.min(Math.max(Number(env("QUEUE_COUNT") ?? 1) || 1, 1), QUEUES_MAX);
  const start = Number(env("QUEUE_START") ?? 1) || 1;
  const base = env("QUEUE_BASE") ?? proc.paths.queueBase;
  const chosen = start + (proc.pid % count);
  return { sockets: queueSockets(proc.paths, count, start), directory: `${base}/queue${chosen}` };
}
