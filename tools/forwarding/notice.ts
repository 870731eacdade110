/**
 * Notices about a message: a multipart/report of a text, a part for programs and the message or its header. Latin1 text
 * [rfc3462] [rfc8098] [rfc3464].
 */
import type { Proc } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText, ReaderGone, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { parseAddressList } from "../../mail/address/parse.ts";
import { messageChunks, type MessageStart, readHeader, rewindMessage } from "./message_input.ts";
import { queueMail } from "./queue_mail.ts";

/** Exit codes of qnotify and rrt [man qnotify.9] [man rrt.9]. */
export const NOTICE_EXIT = { done: 0, read: 1, write: 2, rewind: 6, usage: 7, parse: 8 } as const;

/** Their declaration. */
export const NOTICE_EXITS = {
  "0": "the notice is sent, or none is wanted",
  "1": "the message cannot be read",
  "2": "the notice cannot be written",
  "6": "the message cannot be read again from its beginning",
  "7": "wrong call",
  "100": "the queue refuses the notice",
  "111": "not possible now",
} as const;

/** A notice. Lines of text end with LF. */
export interface Notice {
  /** Fields of the header, but for those that say what the parts are. */
  readonly header: string;
  readonly reportType: "disposition-notification" | "delivery-status";
  readonly text: string;
  readonly report: string;
  readonly boundary: string;
  /** What is enclosed. */
  readonly original: "message" | "header";
}

/** One chunk. */
export async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

/** A boundary that is in no line of the notice's own parts. */
export function noticeBoundary(nowMs: number, pid: number): string {
  return `_----------=_${Math.floor(nowMs / 1000)}${pid}`;
}

/** The notice; the original is read from the reader, from its beginning. */
export async function* noticeChunks(notice: Notice, reader: ByteReader): AsyncGenerator<Uint8Array> {
  const part = `\n--${notice.boundary}\n`;
  const kind = notice.original === "header" ? "text/rfc822-headers" : "message/rfc822";
  yield latin1Bytes(
    `${notice.header}MIME-Version: 1.0\nAuto-Submitted: auto-replied\n` +
      `Content-Type: multipart/report; report-type=${notice.reportType};\n boundary="${notice.boundary}"\n` +
      `${part}\n${notice.text}${part}Content-Type: message/${notice.reportType}\n\n${notice.report}` +
      `${part}Content-Transfer-Encoding: 8bit\nContent-Disposition: attachment\nContent-Type: ${kind}\n\n`,
  );
  if (notice.original === "message") yield* messageChunks(reader);
  else yield (await readHeader(reader)).header.bytes();
  yield latin1Bytes(`${part.trimEnd()}--\n`);
}

/** The header of the message on standard input, which is then at its beginning again; or the exit code that says why not. */
export async function headerOfInput(proc: Pick<Proc, "stdin" | "stderr" | "name">): Promise<MessageStart | number> {
  const failed = async (error: unknown, code: number) => {
    await proc.stderr.write(latin1Bytes(`${proc.name}: fatal: ${errorText(error)}\n`));
    return code;
  };
  let start: MessageStart;
  try {
    start = await readHeader(proc.stdin);
  } catch (error) {
    if (error instanceof Temporary) return await failed(error, NOTICE_EXIT.read);
    throw error;
  }
  try {
    rewindMessage();
  } catch (error) {
    if (error instanceof Temporary) return await failed(error, NOTICE_EXIT.rewind);
    throw error;
  }
  return start;
}

/** Sends the notice without an envelope sender, or prints it. Gives the exit code. */
export async function sendNotice(
  proc: Proc,
  notice: Notice,
  { recipient, print }: { readonly recipient: string; readonly print: boolean },
): Promise<number> {
  if (!print) {
    await queueMail(proc, { sender: "", recipients: [recipient], chunks: () => noticeChunks(notice, proc.stdin) });
    return NOTICE_EXIT.done;
  }
  for await (const chunk of noticeChunks(notice, proc.stdin)) {
    try {
      await proc.stdout.write(chunk);
    } catch (error) {
      if (error instanceof ReaderGone) throw error;
      await proc.stderr.write(latin1Bytes(`${proc.name}: fatal: unable to write the notice: ${errorText(error)}\n`));
      return NOTICE_EXIT.write;
    }
  }
  return NOTICE_EXIT.done;
}

/** The addresses of a field's value: `local@domain`. */
export function fieldAddresses(value: string): string[] {
  return parseAddressList(value).flatMap((entry) => entry.kind === "group" ? entry.members : [entry])
    .filter(({ local, domain }) => local !== "" && domain !== "").map(({ local, domain }) => `${local}@${domain}`);
}

/** True when both are the same mailbox: the domain without regard to case. */
export function isSameMailbox(a: string, b: string): boolean {
  const folded = (address: string) => {
    const at = address.lastIndexOf("@");
    return address.slice(0, at) + address.slice(at).toLowerCase();
  };
  return folded(a) === folded(b);
}
