/** Commands of the TRANSACTION state: STAT, LIST, UIDL, RETR, TOP, DELE, RSET, NOOP, LAST, and QUIT with its UPDATE. */
import { errorText, Permanent } from "../../core/errors.ts";
import type { Pop3Message } from "./backend.ts";
import { formatMessage, formatPieces, topOf } from "./format.ts";
import { parseArguments, parseNumber } from "./parse.ts";
import { accept, type Pop3Reply, reject } from "./replies.ts";
import type { Pop3Context } from "./session_types.ts";

/** Bytes gathered before they are sent within a listing or a message. */
const FLUSH_BYTES = 256 * 1024;

/** [rfc1939 5, STAT] */
export function runStat(session: Pop3Context): Pop3Reply {
  const { messages, bytes } = totals(session);
  return accept(`${messages} ${bytes}`);
}

/** [rfc1939 5, LIST] */
export async function runList(session: Pop3Context, rest: string): Promise<Pop3Reply | undefined> {
  const { sizesBytes } = session.maildrop;
  const [word] = parseArguments(rest, 0, 1);
  if (word !== undefined) {
    const index = indexOf(session, word);
    return accept(`${index + 1} ${sizesBytes[index]}`);
  }
  const { messages, bytes } = totals(session);
  await listing(session, `+OK ${messages} messages (${bytes} octets)`, (index) => String(sizesBytes[index]));
  return undefined;
}

/** [rfc1939 7, UIDL] */
export async function runUidl(session: Pop3Context, rest: string): Promise<Pop3Reply | undefined> {
  const [word] = parseArguments(rest, 0, 1);
  const ids = session.maildrop.uniqueIds();
  if (word !== undefined) {
    const index = indexOf(session, word);
    return accept(`${index + 1} ${ids[index]}`);
  }
  await listing(session, "+OK these", (index) => ids[index] ?? "");
  return undefined;
}

/** [rfc1939 5, RETR] */
export async function runRetr(session: Pop3Context, rest: string): Promise<Pop3Reply | undefined> {
  const [word = ""] = parseArguments(rest, 1, 1);
  const index = indexOf(session, word);
  return await withMessage(session, index, async (message) => {
    session.out.line(`+OK ${message.sizeBytes} octets`);
    if (message.whole) { for (const part of formatMessage(message.whole)) session.out.bytes(part); }
    else {
      for await (const piece of formatPieces(message)) {
        session.out.bytes(piece);
        if (session.out.length >= FLUSH_BYTES) await session.flush();
      }
    }
    session.retrieved++;
    if (index + 1 > session.last) session.last = index + 1;
  });
}

/** [rfc1939 7, TOP] */
export async function runTop(session: Pop3Context, rest: string): Promise<Pop3Reply | undefined> {
  const [word = "", lines = ""] = parseArguments(rest, 2, 2);
  const index = indexOf(session, word);
  const count = parseNumber(lines, "the number of lines");
  return await withMessage(session, index, async (message) => {
    const top = await topOf(message, count);
    session.out.line("+OK top of message");
    for (const part of formatMessage(top)) session.out.bytes(part);
  });
}

/** [rfc1939 5, DELE] */
export function runDele(session: Pop3Context, rest: string): Pop3Reply {
  const [word = ""] = parseArguments(rest, 1, 1);
  const index = indexOf(session, word);
  session.deleted.add(index);
  if (index + 1 > session.last) session.last = index + 1;
  return accept("deleted when you quit");
}

/** [rfc1939 5, RSET] */
export function runRset(session: Pop3Context): Pop3Reply {
  session.deleted.clear();
  session.last = 0;
  return accept("nothing is deleted");
}

/** [rfc1939 5, NOOP] */
export function runNoop(): Pop3Reply {
  return accept("");
}

/** The greatest message number accessed [rfc1460 LAST], which old clients ask for. */
export function runLast(session: Pop3Context): Pop3Reply {
  return accept(String(session.last));
}

/** QUIT of the TRANSACTION state: the UPDATE state [rfc1939 6]. */
export async function runQuit(session: Pop3Context): Promise<Pop3Reply> {
  session.finish("quit");
  if (session.deleted.size === 0) return accept("good bye");
  try {
    await session.maildrop.remove([...session.deleted].sort((a, b) => a - b));
    return accept("good bye");
  } catch (error) {
    session.settings.note({ kind: "error", verb: "QUIT", reason: errorText(error) });
    session.deleted.clear();
    return reject("some deleted messages not removed", "SYS/TEMP");
  }
}

async function withMessage(
  session: Pop3Context,
  index: number,
  send: (message: Pop3Message) => Promise<void>,
): Promise<Pop3Reply | undefined> {
  const message = await session.maildrop.message(index);
  if (!message) return reject("that message has been removed by another program");
  try {
    await send(message);
  } finally {
    message.close();
  }
  if (session.out.length >= FLUSH_BYTES) await session.flush();
  return undefined;
}

async function listing(session: Pop3Context, head: string, text: (index: number) => string): Promise<void> {
  session.out.line(head);
  const count = session.maildrop.sizesBytes.length;
  for (let index = 0; index < count; index++) {
    if (session.deleted.has(index)) continue;
    session.out.line(`${index + 1} ${text(index)}`);
    if (session.out.length >= FLUSH_BYTES) await session.flush();
  }
  session.out.line(".");
}

function totals(session: Pop3Context): { readonly messages: number; readonly bytes: number } {
  const { sizesBytes } = session.maildrop;
  let bytes = 0;
  for (let index = 0; index < sizesBytes.length; index++) if (!session.deleted.has(index)) bytes += sizesBytes[index]!;
  return { messages: sizesBytes.length - session.deleted.size, bytes };
}

/** The index of a message number. Throws Permanent when there is no such message. */
function indexOf(session: Pop3Context, word: string): number {
  const number = parseNumber(word, "the message number");
  const count = session.maildrop.sizesBytes.length;
  if (number < 1 || number > count) throw new Permanent(`no such message, only ${count} messages in maildrop`);
  if (session.deleted.has(number - 1)) throw new Permanent(`message ${number} is deleted`);
  return number - 1;
}
