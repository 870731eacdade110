/** autoresponder: answers mail automatically, each sender seldom, machines and lists never. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { byteText, systemText } from "../../core/byte_text.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { controlLine } from "../../core/control_lines.ts";
import { errorText, Permanent, Temporary, Usage } from "../../core/errors.ts";
import { seekStart } from "../../core/libc/seek.ts";
import type { ByteWriter } from "../../core/stream.ts";
import { formatPhrase } from "../../mail/address/format.ts";
import { isSrsAddress } from "../../mail/srs/settings.ts";
import { type AnswerLimit, noteAnswer } from "./auto_reply_history.ts";
import { headerObjection, isLooping, senderObjection } from "./auto_reply_rules.ts";
import { autoReplyEnd, autoReplyStart } from "./auto_reply_text.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { headerAddress } from "./header_text.ts";
import { messageChunks, readHeader, rewindMessage } from "./message_input.ts";
import { aliasAddresses, ownAddresses } from "./own_addresses.ts";
import { mailEnvironment, QUEUE_ENV, QUEUE_FILES } from "./queue_mail.ts";
import { isRefusedAddress, REFUSED_CONTROL } from "./refused_senders.ts";
import { readSrsSettings, SRS_CONTROL, SRS_ENV } from "./srs_control.ts";

/** A week [rfc3834 2]. */
const INTERVAL_SECONDS = 7 * 86_400;
const SUBJECT_PREFIX = "Autoreply: Re: ";
/** Bytes of a text to answer with. Ours. */
const TEXT_BYTES_MAX = 16 * 1024 * 1024;

/** The message is not answered: said on standard error, and no error. */
class Ignored extends Error {}

const OPTIONS = {
  copy: { flag: "c", help: "enclose a copy of the message" },
  quiet: { flag: "q", help: "do not say why a message is not answered" },
  also: {
    flag: "a",
    value: "address",
    repeat: true,
    help: "another address of the recipient; @domain: all of a domain",
  },
  lax: { flag: "l", help: "answer although the recipient is not in To, Cc, Bcc or their Resent- forms" },
  noLinks: { flag: "L", help: "make a file for each answer in the folder, not a link to another" },
  print: { flag: "N", help: "write the answer to standard output, and count nothing" },
  answers: { flag: "n", value: "count", default: "1", help: "answers that one sender gets in that time" },
  interval: { flag: "t", value: "seconds", default: "a week", help: "that time; -1: every message is answered" },
  contentType: { flag: "T", value: "type", help: "Content-Type of the text, or a file that holds it" },
  prefix: { flag: "s", value: "text", default: SUBJECT_PREFIX, cancels: ["subject"], help: "text before the subject" },
  subject: { flag: "S", value: "text", cancels: ["prefix"], help: "subject of the answer, instead of the message's" },
  begin: { flag: "b", value: "date", help: "answer from this time on: YYYY-mm-dd HH:MM:SS" },
  end: { flag: "e", value: "date", help: "answer until this time" },
  from: { flag: "f", value: "address", default: "the recipient", help: "address in From" },
} as const;

/** A whole number of an option. */
function numberOf(text: string | undefined, fallback: number, what: string): number {
  if (text === undefined) return fallback;
  if (!/^-?\d{1,15}$/.test(text)) throw new Usage(`${text} is no number of ${what}`);
  return Number(text);
}

/** Local time of `YYYY-mm-dd HH:MM:SS`, milliseconds. */
function timeOf(text: string): number {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})-(\d{1,2})-(\d{1,2}) +(\d{1,2}):(\d{2}):(\d{2})$/.exec(text.trim())?.map(Number) ?? [];
  const date = year === undefined ? undefined : new Date(year, month! - 1, day, hour, minute, second);
  if (!date || date.getMonth() !== month! - 1 || date.getDate() !== day || date.getHours() !== hour) {
    throw new Usage(`${text} is no time: YYYY-mm-dd HH:MM:SS`);
  }
  return date.getTime();
}

/** Latin1 text of a file. */
function fileText(path: string): string {
  try {
    const { size } = Deno.statSync(path);
    if (size > TEXT_BYTES_MAX) throw new Temporary(`it is larger than ${TEXT_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(path));
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

/** What -T says: a file's text when there is such a file. */
function contentTypeOf(text: string | undefined): string | undefined {
  if (text === undefined || !text.includes("/")) return text;
  if (/^\.{0,2}\//.test(text)) return fileText(text).trimEnd();
  try {
    if (Deno.statSync(text).isFile) return fileText(text).trimEnd();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound || errorText(error).includes("ot a directory"))) throw error;
  }
  return byteText(text);
}

type Responder = Proc<typeof OPTIONS>;

function required(proc: Responder, name: string): string {
  const text = variable(proc, name);
  if (text === undefined) throw new Temporary(`${name} is not set: this runs from a .qmail file`);
  return text;
}

/** Whom the answer goes to: the sender, or who he was before another host forwarded his mail. Throws Permanent. */
async function answeredSender(proc: Responder): Promise<string> {
  const sender = required(proc, "SENDER");
  const settings = isSrsAddress(sender) ? readSrsSettings(proc) : undefined;
  const domain = sender.slice(sender.lastIndexOf("@") + 1).toLowerCase();
  if (settings === undefined || domain !== settings.domain.toLowerCase()) return sender;
  const { restoreSender } = await import("../../mail/srs/srs.ts");
  const result = restoreSender(sender, settings, proc.clock.nowMs());
  if (result.kind === "refused") throw new Permanent(`SRS: ${result.reason}: ${sender}`);
  return result.address;
}

/** The value of From: the user, or a service with the address that bounces come from. */
function fromOf(proc: Responder, recipient: string): string {
  const service = variable(proc, "SERVICE_RESPONDER");
  if (service === undefined) return headerAddress(byteText(proc.options.from ?? "") || recipient);
  const { control } = proc.paths;
  const name = controlLine(control, "bouncefrom") ?? "MAILER-DAEMON";
  const host = controlLine(control, "bouncehost") ?? controlLine(control, "me") ?? "bouncehost";
  return `${formatPhrase(service || "AutoResponse")} <${headerAddress(`${name}@${host}`)}>`;
}

/** Writes the answer. */
async function writeAnswer(
  proc: Responder,
  writer: ByteWriter,
  { start, boundary }: { readonly start: string; readonly boundary: string | undefined },
): Promise<void> {
  await writer.write(latin1Bytes(start));
  if (boundary === undefined) return;
  rewindMessage();
  for await (const chunk of messageChunks(proc.stdin)) await writer.write(chunk);
  await writer.write(latin1Bytes(autoReplyEnd(boundary)));
}

/** Hands the answer to qmail-inject, without an envelope sender. Throws Temporary unless it is queued. */
async function sendAnswer(
  proc: Responder,
  sender: string,
  write: (writer: ByteWriter) => Promise<void>,
): Promise<void> {
  const { QMAILNAME: _name, QMAILUSER: _user, QMAILHOST: _host, QMAILINJECT: _inject, ...env } = mailEnvironment(proc);
  const child = await proc.spawn({
    program: "qmail-inject",
    args: ["-a", "-f", "", "--", systemText(sender)],
    env,
    fds: { 0: "pipe-in", 1: 1, 2: 2 },
  });
  const writer = child.writers.get(0)!;
  let whole = false;
  try {
    await write(writer);
    whole = true;
  } finally {
    if (!whole) child.kill("SIGKILL"); // before its input ends: half an answer must not be sent
    writer.close();
  }
  const { code, signal } = await child.ended;
  if (signal !== 0) throw new Temporary(`qmail-inject was killed by signal ${signal}`);
  if (code !== 0) throw new Temporary(`qmail-inject ended with exit code ${code}`);
}

/** When answers are sent and how many: throws Ignored outside of that time. */
function checkTime(proc: Responder): AnswerLimit {
  const { begin, end, answers, interval } = proc.options;
  const nowMs = proc.clock.nowMs();
  const limit = {
    answersMax: Math.max(numberOf(answers, 1, "answers"), 1),
    seconds: numberOf(interval, INTERVAL_SECONDS, "seconds"),
  };
  if (begin !== undefined && nowMs < timeOf(begin)) throw new Ignored(`answers begin at ${begin}`);
  if (end !== undefined && nowMs > timeOf(end)) throw new Ignored(`answers ended at ${end}`);
  return limit;
}

/** Answers, or throws Ignored. */
async function answer(proc: Responder): Promise<void> {
  const { options } = proc;
  const [file = "", folder = ""] = proc.args;
  const limit = checkTime(proc);
  const text = fileText(file);
  if (!isFolder(folder)) throw new Temporary(`there is no folder ${folder}`);
  const sender = await answeredSender(proc);
  const deliveredTo = required(proc, "DTLINE");
  required(proc, "RECIPIENT");
  required(proc, "HOST");
  const own = ownAddresses((name) => variable(proc, name));
  const recipient = own[0]!;
  ignoreIf(senderObjection(sender));
  ignoreIf(await isRefusedAddress(proc.paths.control, sender) ? "control file badrcptto refuses SENDER" : undefined);
  if (options.copy) rewindMessage();
  else seekStart(0);
  const { header } = await readHeader(proc.stdin);
  if (isLooping(header, deliveredTo)) {
    throw new Permanent("this message is looping: it has my Delivered-To line (#5.4.6)");
  }
  const named = [...own, ...options.also.map(byteText), ...aliasAddresses(header)];
  ignoreIf(headerObjection(header, { own: named, lax: options.lax }));
  const nowMs = proc.clock.nowMs();
  const atSeconds = Math.floor(nowMs / 1000);
  const boundary = options.copy ? `${atSeconds}.${proc.pid}.KUI@${recipient.replace(/[^\w.@-]/g, "_")}` : undefined;
  const start = autoReplyStart({
    header,
    text,
    sender,
    recipient,
    from: fromOf(proc, recipient),
    subject: options.subject === undefined
      ? { prefix: byteText(options.prefix ?? SUBJECT_PREFIX) }
      : { fixed: byteText(options.subject) },
    contentType: contentTypeOf(options.contentType),
    boundary,
    nowMs,
  });
  const write = (writer: ByteWriter) => writeAnswer(proc, writer, { start, boundary });
  if (options.print) return await write(proc.stdout);
  const takeBack = noteAnswer(folder, { sender, atSeconds, pid: proc.pid }, { limit, links: !options.noLinks });
  if (!takeBack) throw new Ignored("SENDER was answered often enough");
  try {
    await sendAnswer(proc, sender, write);
  } catch (error) {
    takeBack();
    throw error;
  }
}

function ignoreIf(objection: string | undefined): void {
  if (objection !== undefined) throw new Ignored(objection);
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new Temporary(`unable to look at ${path}: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["autoresponder"],
  section: 1,
  summary: "answer mail automatically, from a .qmail file",
  role: "tool",
  dialect: "responder",
  options: OPTIONS,
  operands: [
    { name: "file", help: "the text to answer with" },
    { name: "dir", help: "folder where it is noted who was answered when" },
  ],
  description:
    `autoresponder sends the text to the envelope sender of a message, as RFC 3834 asks: the answer has no envelope
sender itself, is marked as automatic and refers to the message. One sender gets no more than one answer a week.

Not answered are bounces, mail of lists, of list owners and of MAILER-DAEMON, mail that went to many or was written by a program
(Precedence, Auto-Submitted, List-, Mailing-List and X-ML-Name fields), spam (X-Bogosity: Yes), senders in control files badrcptto
and badrcptpatterns, and, without -l, mail that does not name the recipient in its header. The recipient is named by the
address of the delivery, by those of -a, and by an alias of this host that leads to the recipient alone. Mail that another
user, a list or an alias of several people has passed on is not answered, nor is a blind copy beside other recipients. A
message that has been here is refused. A sender rewritten by SRS is answered at his own address.

In the text %S stands for the subject of the message, %D for its date, %F, %T, %C, %B and %R for its fields From, To, Cc, Bcc and
Return-Path, %M for the program that it was written with, %m for its Message-ID, %r for its X-Bogosity, %t for the recipient, %d
for the date of the answer and %% for a percent sign.

From is the recipient, -f, or with SERVICE_RESPONDER that name with the address of control files bouncefrom and bouncehost.`,
  env: {
    ...deliveryEnv("SENDER", "RECIPIENT", "LOCAL", "HOST", "EXT", "DTLINE"),
    ...QUEUE_ENV,
    ...SRS_ENV,
    SERVICE_RESPONDER: "name in From, with the address that bounces come from; empty: AutoResponse",
  },
  control: ["bouncefrom", "bouncehost", "me", ...REFUSED_CONTROL, ...SRS_CONTROL],
  files: { "dir/PID.TIME.SENDER": "an answer; TIME in seconds since 1970", ...QUEUE_FILES },
  exits: {
    "0": "answered, or not to be answered",
    "100": "the message has been here before",
    "111": "wrong call, missing file, or the answer could not be queued",
  },
  examples: [
    { command: "|autoresponder -q ./away.txt ./away", help: "in front of the line of .qmail that stores the mail" },
    { command: "autoresponder -N away.txt away <message", help: "shows the answer" },
  ],
  seeAlso: ["vacation(8)", "qreceipt(1)", "replier(1)", "qmail-command(8)", "indimail-srs(5)"],
  source: ["[man autoresponder.1]", "[rfc3834 2]", "[rfc3834 3]"],
  async run(proc) {
    try {
      await answer(proc);
    } catch (error) {
      if (!(error instanceof Ignored)) throw error;
      if (!proc.options.quiet) {
        await proc.stderr.write(latin1Bytes(`autoresponder: message ignored: ${error.message}\n`));
      }
    }
  },
});
