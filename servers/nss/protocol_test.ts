import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { seededRandom } from "../../tests/support/mail_log.ts";
import {
  ANSWER_BYTES_MAX,
  FIELD_COUNTS,
  formatAnswer,
  formatQuestion,
  HEAD_BYTES,
  KEY_BYTES_MAX,
  NAME_QUERIES,
  parseAnswerHead,
  parseKey,
  parseQuestionHead,
  parseRecords,
} from "./protocol.ts";

const SEED = 20_760;
const TEXTS = ["", "a", "alice@example.org", "x".repeat(300), "é ü", ":", "\n", "日本", "%1$s", "'"];

Deno.test("every question comes back as it was formatted", () => {
  for (const query of NAME_QUERIES) {
    for (const key of TEXTS) {
      const bytes = formatQuestion(query, key);
      const head = parseQuestionHead(bytes.subarray(0, HEAD_BYTES));
      assertEquals(head, { query, keyBytes: bytes.length - HEAD_BYTES });
      assertEquals(parseKey(bytes.subarray(HEAD_BYTES)), key);
    }
  }
});

Deno.test("any records of any texts come back as they were formatted", () => {
  const random = seededRandom(SEED);
  const pick = (max: number) => Math.floor(random() * max);
  for (let round = 0; round < 300; round++) {
    const query = NAME_QUERIES[pick(NAME_QUERIES.length)]!;
    const records = Array.from(
      { length: pick(6) },
      () => Array.from({ length: FIELD_COUNTS[query] }, () => TEXTS[pick(TEXTS.length)]!),
    );
    const bytes = formatAnswer(records);
    const head = parseAnswerHead(bytes.subarray(0, HEAD_BYTES));
    assertEquals(head, { count: records.length, bytes: bytes.length - HEAD_BYTES }, `seed ${SEED}, round ${round}`);
    assertEquals(parseRecords(bytes.subarray(HEAD_BYTES), head.count, query), records);
  }
});

Deno.test("the bytes are those of the original: version 3, then type, length and key", () => {
  assertEquals([...formatQuestion("groupByGid", "7")], [3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 55, 0]);
  const answer = formatAnswer([["ab"], ["c"]]);
  const view = new DataView(answer.buffer);
  assertEquals([0, 4, 8].map((at) => view.getInt32(at, true)), [3, 2, 44 + 3 + 44 + 2]);
  assertEquals([12 + 4, 12 + 8].map((at) => view.getInt32(at, true)), [47, 0]);
  assertEquals([...answer.subarray(12 + 44, 12 + 47)], [97, 98, 0]);
});

Deno.test("an answer cut off or lying about its sizes is refused, at every byte", () => {
  const answer = formatAnswer([["alice", "x", "1", "2", "", "/", "/bin/sh"]]);
  const body = answer.subarray(HEAD_BYTES);
  for (let length = 0; length < body.length; length++) {
    assertThrows(() => parseRecords(body.slice(0, length), 1, "passwdByName"), Permanent);
  }
  for (const [at, value] of [[4, -1], [4, 10_000], [8, -5], [8, 9999]] as const) {
    const broken = body.slice();
    new DataView(broken.buffer).setInt32(at, value, true);
    assertThrows(() => parseRecords(broken, 1, "passwdByName"), Permanent);
  }
  const heads: readonly (readonly [number, number, number])[] = [
    [2, 0, 0],
    [3, 1, 0],
    [3, -1, 0],
    [3, 0, -1],
    [3, 0, ANSWER_BYTES_MAX + 1],
  ];
  for (const head of heads) {
    assertThrows(() => parseAnswerHead(new Uint8Array(new Int32Array(head).buffer)), Permanent);
  }
});

Deno.test("a question of another version, an unknown type, a key that is too long or no text are refused", () => {
  const heads: readonly (readonly [number, number, number])[] = [
    [2, 0, 1],
    [3, 10, 1],
    [3, -1, 1],
    [3, 0, -1],
    [3, 0, KEY_BYTES_MAX + 1],
  ];
  for (const head of heads) {
    assertThrows(() => parseQuestionHead(new Uint8Array(new Int32Array(head).buffer)), Permanent);
  }
  assertThrows(() => parseKey(Uint8Array.of(0xff, 0)), Permanent);
});
