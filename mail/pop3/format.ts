/**
 * A message on its way to a POP3 client: a dot before each line that begins with one, CRLF.CRLF at the end, and the part of
 * a message that TOP sends [rfc1939 3, 7].
 */
import { concatBytes } from "../../core/bytes.ts";
import { DotStuffer } from "../smtp/dot_stuffing.ts";
import type { Pop3Message } from "./backend.ts";

const LF = 10;
const DOT = 46;
const END = new TextEncoder().encode(".\r\n");
const LINE_END = new TextEncoder().encode("\r\n");

/** A whole message (CRLF line ends) as it is sent, its end included; in parts, most often the message and the end. */
export function formatMessage(bytes: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  let from = 0;
  for (let at = bytes.indexOf(DOT); at >= 0; at = bytes.indexOf(DOT, at + 1)) {
    if (at > 0 && bytes[at - 1] !== LF) continue;
    parts.push(bytes.subarray(from, at + 1));
    from = at; // the dot once more
  }
  if (from < bytes.length) parts.push(bytes.subarray(from));
  if (bytes.length > 0 && bytes[bytes.length - 1] !== LF) parts.push(LINE_END);
  parts.push(END);
  return parts;
}

/** A message in pieces as it is sent, its end included. */
export async function* formatPieces(message: Pop3Message): AsyncIterable<Uint8Array> {
  const stuffer = new DotStuffer();
  for await (const piece of message.pieces(0, message.sizeBytes)) yield stuffer.transform(piece);
  yield stuffer.end();
}

/** Header, empty line and the first `lines` of the body [rfc1939 7, TOP]. */
export async function topOf(message: Pop3Message, lines: number): Promise<Uint8Array> {
  if (message.whole) return message.whole.subarray(0, topEnd(message.whole, { inBody: false, left: lines }).end);
  const parts: Uint8Array[] = [];
  let state: TopState = { inBody: false, left: lines };
  let before: Uint8Array = new Uint8Array();
  for await (const piece of message.pieces(0, message.sizeBytes)) {
    // The line that the last piece ended in is looked at again together with this one.
    const bytes = concatBytes(before, piece);
    const found = topEnd(bytes, state);
    state = found.state;
    parts.push(bytes.slice(0, found.done ? found.end : found.lineStart));
    if (found.done) return concatBytes(...parts);
    before = bytes.slice(found.lineStart);
  }
  return concatBytes(...parts, before);
}

interface TopState {
  readonly inBody: boolean;
  /** Lines of the body still to come. */
  readonly left: number;
}

interface TopEnd {
  readonly done: boolean;
  readonly end: number;
  /** Where the last line, not yet complete, begins. */
  readonly lineStart: number;
  readonly state: TopState;
}

function topEnd(bytes: Uint8Array, from: TopState): TopEnd {
  let { inBody, left } = from;
  let lineStart = 0;
  if (inBody && left === 0) return { done: true, end: 0, lineStart: 0, state: from };
  for (let at = bytes.indexOf(LF); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (inBody) left--;
    else if (at - lineStart <= 1 && (at === lineStart || bytes[lineStart] === 13)) inBody = true;
    lineStart = at + 1;
    if (inBody && left === 0) return { done: true, end: lineStart, lineStart, state: { inBody, left } };
  }
  return { done: false, end: bytes.length, lineStart, state: { inBody, left } };
}
