import { assertEquals } from "../tests/support/assert.ts";
import { LINE_BYTES_MAX, LineSplitter } from "./line_splitter.ts";

function split(parts: readonly string[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((text) => lines.push(text));
  for (const part of parts) splitter.push(new TextEncoder().encode(part));
  splitter.end();
  return lines;
}

Deno.test("lines are whole however the bytes come", () => {
  const text = "one\n\ntwo three\nfour";
  assertEquals(split([text]), ["one", "", "two three", "four"]);
  assertEquals(split([...text]), ["one", "", "two three", "four"]);
});

Deno.test("a line longer than the limit is cut in pieces", () => {
  const lines = split(["x".repeat(LINE_BYTES_MAX - 1), "y".repeat(10), "z\n"]);
  assertEquals(lines.map(({ length }) => length), [LINE_BYTES_MAX + 9, 1]);
});

Deno.test("bytes that are not UTF-8 are shown as such", () => {
  const lines: string[] = [];
  new LineSplitter((text) => lines.push(text)).push(Uint8Array.of(0x61, 0xff, 0x0a));
  assertEquals(lines, ["a\ufffd"]);
});
