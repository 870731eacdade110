/** Filters of line ends: whole pieces and one byte at a time give the same. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { assertEquals } from "../../tests/support/assert.ts";
import { crAdder, crRemover, type LineEndFilter, visibleBytes } from "./line_ends.ts";
import { recordLines } from "./record.ts";

function through(filter: LineEndFilter, text: string, size: number): string {
  let out = "";
  const bytes = latin1Bytes(text);
  for (let at = 0; at < bytes.length; at += size) out += latin1Text(filter.push(bytes.subarray(at, at + size)));
  return out + latin1Text(filter.end());
}

const FILTERS: readonly (readonly [string, () => LineEndFilter, (text: string) => string])[] = [
  ["addcr", () => crAdder({ unlessThere: false }), (text) => text.replaceAll("\n", "\r\n")],
  ["fixcrio", () => crAdder({ unlessThere: true }), (text) => text.replace(/(?<!\r)\n/g, "\r\n")],
  ["delcr", crRemover, (text) => text.replaceAll("\r\n", "\n")],
];

for (const [name, filter, expected] of FILTERS) {
  Deno.test(`${name} changes any text as its page says, however it is cut`, () => {
    for (let round = 0; round < 300; round++) {
      const text = Array.from({ length: round % 40 }, () => "\r\n\nab\r"[Math.floor(Math.random() * 6)]).join("");
      for (const size of [1, 2, 3, 1000]) {
        assertEquals(through(filter(), text, size), expected(text), JSON.stringify(text));
      }
    }
  });
}

Deno.test("what cannot be printed is made visible as cat -v does", () => {
  assertEquals(through(visibleBytes(), "a\tb\n\x01\x7f\xe9\x80\xff", 2), "a\tb\n^A^?M-iM-^@M-^?");
});

Deno.test("records tell where lines end and cut what is long", () => {
  assertEquals(latin1Text(recordLines("7 < ", latin1Bytes("a\n\nb"))), "7 < a \n7 <  \n7 < b+\n");
  assertEquals(
    latin1Text(recordLines("7 > ", latin1Bytes(`${"x".repeat(257)}\n`))),
    `7 > ${"x".repeat(256)}+\n7 > x \n`,
  );
});
