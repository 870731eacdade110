/**
 * What nssd speaks on its socket: one question and one answer a connection, 32-bit numbers in the machine's order [spec
 * formats 11] [decision 0076]. Question: version, type, length of the key with its NUL, key. Answer: version, count of
 * records, bytes that follow; each record: version, its bytes with this head, nine offsets of texts behind it, the texts.
 */
import { Permanent } from "../../core/errors.ts";

/** The questions in the order of their numbers. */
export const NAME_QUERIES = [
  "passwdByName",
  "passwdByUid",
  "passwdAll",
  "groupByName",
  "groupByGid",
  "groupAll",
  "membersOfGid",
  "gidsOfMember",
  "shadowByName",
  "shadowAll",
] as const;

/** A question. */
export type NameQuery = (typeof NAME_QUERIES)[number];

/** Texts in each record of an answer: those of a passwd, group (without members) or shadow line. */
export const FIELD_COUNTS: Readonly<Record<NameQuery, number>> = {
  passwdByName: 7,
  passwdByUid: 7,
  passwdAll: 7,
  groupByName: 3,
  groupByGid: 3,
  groupAll: 3,
  membersOfGid: 1,
  gidsOfMember: 1,
  shadowByName: 9,
  shadowAll: 9,
};

/** Version of the protocol, the original's. */
export const PROTOCOL_VERSION = 3;
/** Bytes before a question's key, and before an answer's records. */
export const HEAD_BYTES = 12;
/** Longest key with its NUL, as in the original. */
export const KEY_BYTES_MAX = 1024;
/** Longest answer that a client takes. */
export const ANSWER_BYTES_MAX = 256 * 1024 * 1024;

const OFFSETS = 9;
const RECORD_HEAD_BYTES = 4 * (2 + OFFSETS);
/** The order of the processors that this runs on. */
const LITTLE = true;

/** A question's head. */
export interface QuestionHead {
  readonly query: NameQuery;
  readonly keyBytes: number;
}

/** Reads a question's first HEAD_BYTES. Throws Permanent. */
export function parseQuestionHead(head: Uint8Array): QuestionHead {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [version, type, keyBytes] = [0, 4, 8].map((at) => view.getInt32(at, LITTLE)) as [number, number, number];
  if (version !== PROTOCOL_VERSION) throw new Permanent(`version ${version} of the protocol, not ${PROTOCOL_VERSION}`);
  const query = NAME_QUERIES[type];
  if (!query) throw new Permanent(`question of type ${type}`);
  if (keyBytes < 0 || keyBytes > KEY_BYTES_MAX) throw new Permanent(`a key of ${keyBytes} bytes`);
  return { query, keyBytes };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The key of a question: text up to its NUL. Throws Permanent when it is not UTF-8. */
export function parseKey(bytes: Uint8Array): string {
  const nul = bytes.indexOf(0);
  try {
    return decoder.decode(nul < 0 ? bytes : bytes.subarray(0, nul));
  } catch (error) {
    if (error instanceof TypeError) throw new Permanent("a key that is no text");
    throw error;
  }
}

/** A question; of all entries the key is empty. */
export function formatQuestion(query: NameQuery, key: string): Uint8Array {
  const text = encoder.encode(`${key}\0`);
  const bytes = new Uint8Array(HEAD_BYTES + text.length);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, PROTOCOL_VERSION, LITTLE);
  view.setInt32(4, NAME_QUERIES.indexOf(query), LITTLE);
  view.setInt32(8, text.length, LITTLE);
  bytes.set(text, HEAD_BYTES);
  return bytes;
}

/** An answer; without records it says "not found". */
export function formatAnswer(records: readonly (readonly string[])[]): Uint8Array {
  const texts = records.map((record) => record.map((text) => encoder.encode(`${text.replaceAll("\0", "")}\0`)));
  const sizes = texts.map((fields) => fields.reduce((sum, field) => sum + field.length, RECORD_HEAD_BYTES));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const bytes = new Uint8Array(HEAD_BYTES + total);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, PROTOCOL_VERSION, LITTLE);
  view.setInt32(4, records.length, LITTLE);
  view.setInt32(8, total, LITTLE);
  let at = HEAD_BYTES;
  texts.forEach((fields, index) => {
    view.setInt32(at, 0, LITTLE); // the original leaves it 0
    view.setInt32(at + 4, sizes[index]!, LITTLE);
    let offset = 0;
    fields.forEach((field, column) => {
      view.setInt32(at + 8 + 4 * column, offset, LITTLE);
      bytes.set(field, at + RECORD_HEAD_BYTES + offset);
      offset += field.length;
    });
    at += sizes[index]!;
  });
  return bytes;
}

/** What an answer's first HEAD_BYTES say of the rest. Throws Permanent. */
export function parseAnswerHead(head: Uint8Array): { readonly count: number; readonly bytes: number } {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const [version, count, bytes] = [0, 4, 8].map((at) => view.getInt32(at, LITTLE)) as [number, number, number];
  if (version !== PROTOCOL_VERSION) throw new Permanent(`version ${version} of the protocol, not ${PROTOCOL_VERSION}`);
  if (bytes < 0 || bytes > ANSWER_BYTES_MAX || count < 0 || count * RECORD_HEAD_BYTES > bytes) {
    throw new Permanent(`an answer of ${count} records in ${bytes} bytes`);
  }
  return { count, bytes };
}

/** The records of an answer, each with the texts of its question. Throws Permanent when they do not fit together. */
export function parseRecords(body: Uint8Array, count: number, query: NameQuery): string[][] {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const records: string[][] = [];
  let at = 0;
  for (let index = 0; index < count; index++) {
    const size = at + RECORD_HEAD_BYTES <= body.length ? view.getInt32(at + 4, LITTLE) : -1;
    if (size < RECORD_HEAD_BYTES || at + size > body.length) throw new Permanent(`record ${index + 1} is cut off`);
    const texts = body.subarray(at + RECORD_HEAD_BYTES, at + size);
    records.push(Array.from({ length: FIELD_COUNTS[query] }, (_, column) => {
      const offset = view.getInt32(at + 8 + 4 * column, LITTLE);
      if (offset < 0 || offset >= texts.length) throw new Permanent(`record ${index + 1} has no text ${column + 1}`);
      return parseKey(texts.subarray(offset));
    }));
    at += size;
  }
  return records;
}
