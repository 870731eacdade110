/**
 * The work of qmail-inject, for itself and for sendmail: reads a message, completes its header, and queues or prints it.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import { describeQueueExit } from "../../mail/queue_exits.ts";
import { type Envelope, formatEnvelope } from "../../storage/queue/submission.ts";
import { type Composed, composeMessage, type RecipientSource } from "./compose.ts";
import { trySplitHeader } from "./header_fields.ts";
import { type QueueingResult, queueMessage } from "./queueing.ts";
import { chunksOf, INJECT_ENV, type InjectWorld, QUEUE_CONTROL } from "./world.ts";

/** Bytes of a header above which a message is refused. */
const HEADER_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes kept of what a program in place of qmail-queue says. */
const CUSTOM_BYTES_MAX = 4096;

/** qmail-queue's exit code for a message that could not be written [man qmail-queue.9]. */
const CANNOT_WRITE = 53;

/** Variables that qmail-inject reads. */
export const QMAIL_INJECT_ENV = {
  ...INJECT_ENV,
  QMAILINJECT: "letters c s f i r m n, see the description",
  QMAILUSER: "user name of From; before MAILUSER, USER, LOGNAME",
  MAILUSER: "user name of From",
  USER: "user name of From",
  LOGNAME: "user name of From",
  QMAILHOST: "host name of From; before MAILHOST; default control file defaulthost",
  MAILHOST: "host name of From",
  QMAILNAME: "personal name of From; before MAILNAME, NAME",
  MAILNAME: "personal name of From",
  NAME: "personal name of From",
  QMAILSUSER: "user name of the envelope sender, when not that of From",
  QMAILSHOST: "host name of the envelope sender, when not that of From",
  QMAILMFTFILE: "file of mailing lists' addresses, one a line, for Mail-Followup-To",
  QMAILDEFAULTDOMAIN: "overrides control file defaultdomain",
  QMAILDEFAULTHOST: "overrides control file defaulthost",
  QMAILIDHOST: "overrides control file idhost",
  QMAILPLUSDOMAIN: "overrides control file plusdomain",
  MAXRECIPIENTS: "overrides control file maxrecipients",
  DATABYTES: "overrides control file databytes",
} as const;

/** Control files that qmail-inject reads. */
export const QMAIL_INJECT_CONTROL = [
  ...QUEUE_CONTROL,
  "defaultdomain",
  "defaulthost",
  "idhost",
  "plusdomain",
  "maxrecipients",
  "databytes",
] as const;

/** What the arguments ask for. */
export interface InjectRequest {
  readonly recipients: readonly string[];
  readonly source: RecipientSource;
  /** Option -f. */
  readonly sender?: string | undefined;
  /** Personal name that overrides the environment's (sendmail -F). */
  readonly name?: string | undefined;
  /** Print instead of queueing. */
  readonly print: boolean;
}

/** Reads the message on standard input and queues it. Throws Permanent or Temporary with the reason. */
export async function injectMessage(world: InjectWorld, request: InjectRequest): Promise<void> {
  const { proc } = world;
  const input = chunksOf(proc.stdin);
  const { text, header } = await readHeader(input);
  const composed = compose(world, request, header.fields);
  checkRecipients(world, composed);
  const message = messageBytes(world, input, { head: `${composed.header}\n${text.slice(header.bodyStart)}` });
  if (request.print) {
    for await (const chunk of message) await proc.stdout.write(chunk);
    return;
  }
  const envelope = { sender: composed.sender, recipients: composed.recipients };
  const program = world.env("QMAILQUEUE");
  const result = program === undefined || /(^|\/)qmail-queue$/.test(program)
    ? await queueMessage(world, message, () => Promise.resolve({ kind: "ok", envelope }))
    : await runQueueProgram(world, { program, message, envelope });
  const exit = describeQueueExit(result.code, result.text);
  if (exit.kind === "accepted") return;
  const detail = result.text !== "" && result.code !== 88 ? `: ${result.text}` : "";
  const reason = `${exit.text}${detail} (#${exit.enhanced})`;
  throw exit.kind === "permanent" ? new Permanent(reason) : new Temporary(reason);
}

type Input = AsyncGenerator<Uint8Array>;

async function readHeader(input: Input) {
  let text = "";
  for (;;) {
    const { value, done } = await input.next();
    if (value) text += latin1Text(value);
    const header = trySplitHeader(text, { atEnd: done === true });
    if (header) return { text, header };
    if (text.length > HEADER_BYTES_MAX) throw new Permanent(`header is longer than ${HEADER_BYTES_MAX} bytes`);
  }
}

function compose(world: InjectWorld, request: InjectRequest, fields: Parameters<typeof composeMessage>[0]["fields"]) {
  const { proc, control } = world;
  const first = (...names: string[]) => names.map((name) => world.env(name)).find((value) => value !== undefined);
  const named = (variable: string, file: string) => world.env(variable) ?? control.lineOrMe(file);
  return composeMessage({
    fields,
    defaults: {
      defaultHost: named("QMAILDEFAULTHOST", "defaulthost"),
      defaultDomain: named("QMAILDEFAULTDOMAIN", "defaultdomain"),
      plusDomain: named("QMAILPLUSDOMAIN", "plusdomain"),
    },
    idHost: named("QMAILIDHOST", "idhost"),
    recipients: request.recipients,
    source: request.source,
    sender: request.sender,
    user: first("QMAILUSER", "MAILUSER", "USER", "LOGNAME") ?? "anonymous",
    host: first("QMAILHOST", "MAILHOST"),
    name: request.name ?? first("QMAILNAME", "MAILNAME", "NAME"),
    senderUser: world.env("QMAILSUSER"),
    senderHost: world.env("QMAILSHOST"),
    letters: new Set(world.env("QMAILINJECT") ?? ""),
    lists: readLists(world.env("QMAILMFTFILE")),
    nowMs: proc.clock.nowMs(),
    pid: proc.pid,
  });
}

function readLists(path: string | undefined): Set<string> {
  if (path === undefined) return new Set();
  try {
    const lines = latin1Text(Deno.readFileSync(path)).split("\n").map((line) => line.trim().toLowerCase());
    return new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return new Set();
    throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
}

function limit(world: InjectWorld, variable: string, file: string): number {
  const given = world.env(variable);
  const number = given === undefined ? world.control.number(file, 0) : Number(given);
  return number > 0 ? number : Infinity;
}

function checkRecipients(world: InjectWorld, composed: Composed): void {
  if (composed.recipients.length === 0) throw new Permanent("no recipients were given (#5.1.3)");
  const most = limit(world, "MAXRECIPIENTS", "maxrecipients");
  if (composed.recipients.length > most) throw new Permanent(`more than ${most} recipients (#5.5.3)`);
}

/** The whole message, its last line LF-ended. Throws Permanent when it is larger than databytes. */
async function* messageBytes(
  world: InjectWorld,
  rest: Input,
  { head }: { readonly head: string },
): AsyncGenerator<Uint8Array> {
  const most = limit(world, "DATABYTES", "databytes");
  let bytes = 0;
  let last = 10;
  const count = (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > most) throw new Permanent(`message is larger than ${most} bytes (#5.3.4)`);
    last = chunk.at(-1) ?? last;
    return chunk;
  };
  yield count(latin1Bytes(head));
  for await (const chunk of rest) yield count(chunk);
  if (last !== 10) yield Uint8Array.of(10);
}

/** A program in place of qmail-queue (QMAILQUEUE): message on its descriptor 0, envelope on 1, custom text from 2. */
async function runQueueProgram(
  { proc }: InjectWorld,
  job: { readonly program: string; readonly message: AsyncIterable<Uint8Array>; readonly envelope: Envelope },
): Promise<QueueingResult> {
  const fds = { 0: "pipe-in", 1: "pipe-in", 2: "pipe-out" } as const;
  let child;
  try {
    child = await proc.spawn({ program: job.program, args: [], fds });
  } catch (error) {
    return { code: 82, text: errorText(error) };
  }
  const said = readAll(child.readers.get(2)!);
  let unread: string | undefined;
  try {
    const message = child.writers.get(0)!;
    try {
      for await (const chunk of job.message) await message.write(chunk);
    } finally {
      message.close();
    }
    const envelope = child.writers.get(1)!;
    try {
      await envelope.write(formatEnvelope(job.envelope));
    } finally {
      envelope.close();
    }
  } catch (error) {
    if (error instanceof Permanent) {
      child.kill("SIGTERM");
      await child.ended;
      throw error;
    }
    unread = errorText(error); // its exit code says why
  }
  const { code, signal } = await child.ended;
  const text = await said;
  if (signal !== 0) return { code: 123, text: `${job.program} was killed by signal ${signal}` };
  if (unread !== undefined && code === 0) {
    proc.log.line(`warning: ${job.program} says success, but did not read the whole message: ${unread}`);
    return { code: CANNOT_WRITE, text: "" };
  }
  return { code, text: code === 88 ? text : "" };
}

async function readAll(reader: Parameters<typeof chunksOf>[0] & { close(): void }): Promise<string> {
  let text = "";
  for await (const chunk of chunksOf(reader)) if (text.length < CUSTOM_BYTES_MAX) text += latin1Text(chunk);
  reader.close();
  return text;
}
