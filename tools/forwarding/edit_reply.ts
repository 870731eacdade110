/** What replier makes of its program's output: a header with other fields, the body as it comes [man replier.9]. */
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { Header } from "../../mail/header/header.ts";
import { messageChunks, readHeader } from "./message_input.ts";

/** How the header is changed. Text is latin1, lines without their ends. */
export interface ReplyEdit {
  readonly first: readonly string[];
  readonly deliveredTo: string;
  /** Names of fields that are left out, in lower case. */
  readonly removed: ReadonlySet<string>;
}

/** The new header without the empty line. Throws Permanent when the mail has been here or comes from a list. */
export function editedHeader(header: Header, edit: ReplyEdit): string {
  if (header.find("mailing-list")) throw new Permanent("the answer has a Mailing-List field already (#5.7.2)");
  const kept = header.fields.filter(({ name }) => !edit.removed.has(name)).map((field) => header.rawOf(field));
  const looping = header.all("delivered-to").some((field) => header.rawOf(field).trimEnd() === edit.deliveredTo);
  if (looping) throw new Permanent("the mail is going round: it has my Delivered-To line (#5.4.6)");
  const own = [...edit.first, edit.deliveredTo].map((line) => `${line}\n`);
  return [...own, ...kept].join("");
}

/** The program's output with the new header. */
export async function* editReply(output: ByteReader, edit: ReplyEdit): AsyncGenerator<Uint8Array> {
  const { header, rest } = await readHeader(output);
  const text = editedHeader(header, edit);
  yield latin1Bytes(text.endsWith("\n") ? `${text}\n` : `${text}\n\n`);
  if (rest.length > 0) yield rest;
  yield* messageChunks(output);
}
