/**
 * What the mailbox index keeps of a message, made in one pass over its bytes as they lie on disk (LF or CRLF line ends,
 * in pieces of any size). Only the header of each part is held in memory.
 */
import { MimeParser } from "../mime/parse.ts";
import { imapBodyStructure } from "./body_structure.ts";
import { imapEnvelope } from "./envelope.ts";
import { tryPlainRow } from "./plain_row.ts";

/** A message's row: ready IMAP text, and its size as sent. */
export interface IndexRow {
  /** ENVELOPE: parenthesised list, bytes [rfc3501 7.4.2]. */
  readonly envelope: Uint8Array;
  /** BODYSTRUCTURE: parenthesised list, bytes [rfc3501 7.4.2]. */
  readonly bodyStructure: Uint8Array;
  /** RFC822.SIZE: bytes with CRLF line ends. */
  readonly sizeBytes: number;
  /** Bytes of the header with its empty line, as given (before LF became CRLF). */
  readonly headerFileBytes: number;
}

/** The row of a message that is at hand as a whole; its arrays may be used again by the next call. */
export function indexRow(message: Uint8Array): IndexRow {
  const plain = tryPlainRow(message);
  if (plain) return plain;
  const indexer = new MessageIndexer();
  indexer.push(message);
  return indexer.finish();
}

/** Makes the row of a message piece by piece. Never throws, whatever the bytes are. */
export class MessageIndexer {
  readonly #parser = new MimeParser();

  /** The next bytes; they may be reused afterwards. */
  push(bytes: Uint8Array): void {
    this.#parser.push(bytes);
  }

  /** The row; push must not be called afterwards. */
  finish(): IndexRow {
    const root = this.#parser.finish();
    return {
      envelope: imapEnvelope(root.header),
      bodyStructure: imapBodyStructure(root, { extended: true }),
      sizeBytes: root.end,
      headerFileBytes: root.headerFileBytes,
    };
  }
}
