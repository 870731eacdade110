/** What SEARCH looks into when neither columns nor header decide: a message's text and structure, parsed no further than needed. */
import { concatBytes } from "../../core/bytes.ts";
import { Header, headerEnd } from "../header/header.ts";
import { parseMime } from "../mime/parse.ts";
import { contentTypeOf, isType } from "../mime/part.ts";
import type { ImapMessage } from "./backend.ts";
import type { SearchedPart } from "./search.ts";

/** Bytes of a message that are searched; what lies behind is not found. Ours. */
export const SEARCH_MESSAGE_BYTES_MAX = 16 * 1024 * 1024;

/** A message up to SEARCH_MESSAGE_BYTES_MAX and its structure. */
export interface SearchedContent {
  readonly bytes: Uint8Array;
  readonly root: SearchedPart;
}

/** A message ready to be searched; `lineEnds`: the text that is looked for has some, so they must be those of the network. */
export async function contentOf(
  message: ImapMessage,
  options: { readonly lineEnds: boolean },
): Promise<SearchedContent> {
  const stored = options.lineEnds ? undefined : message.stored;
  const leaf = stored && leafOf(stored);
  if (leaf) return leaf;
  const bytes = message.whole ?? await beginningOf(message);
  return { bytes, root: parseMime(bytes) };
}

/** A message without parts: its structure follows from the header. */
function leafOf(bytes: Uint8Array): SearchedContent | undefined {
  const bodyStart = headerEnd(bytes);
  const header = new Header(bytes.subarray(0, bodyStart));
  const contentType = contentTypeOf(header, { inDigest: false });
  if (isType(contentType, "multipart", "*") || isType(contentType, "message", "rfc822")) return undefined;
  return { bytes, root: { kind: "leaf", header, contentType, bodyStart, end: bytes.length, children: [] } };
}

async function beginningOf(message: ImapMessage): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const to = Math.min(message.sizeBytes, SEARCH_MESSAGE_BYTES_MAX);
  for await (const piece of message.pieces(0, to)) pieces.push(piece.slice());
  return concatBytes(...pieces);
}
