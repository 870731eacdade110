import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { formatForwardRecord, ForwardReader, type ForwardRecord } from "./forward_text.ts";

function read(text: string, pieceLength = text.length || 1): ForwardRecord[] {
  const reader = new ForwardReader();
  const records: ForwardRecord[] = [];
  for (let at = 0; at < text.length; at += pieceLength) records.push(...reader.read(text.slice(at, at + pieceLength)));
  reader.end();
  return records;
}

Deno.test("an instruction is a record of commands, an owner one of its own", () => {
  assertEquals(read("A@b: c@d, &e@f, |p, !q, ./l, /m, ?o@p;"), [
    { key: "?a@b", data: "o@p" },
    { key: ":a@b", data: "&c@d\0&e@f\0|p\0!q\0./l\0/m\0" },
  ]);
  assertEquals(read(" # x: y;\n a : b # c\n , c\n;"), [{ key: ":a", data: "&b\0&c\0" }]);
  assertEquals(read("a:;b:,,;"), []);
});

Deno.test("what is read is the same in pieces of any length", () => {
  const text = "a\\ \\:b@c: d\\,e, |f\\\\g; # comment\n\\#h: ?i,\nj\\;;";
  for (let length = 1; length <= text.length; length++) assertEquals(read(text, length), read(text));
});

Deno.test("a record that is written is read as the same", () => {
  let seed = 7;
  const next = (below: number) => (seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff) % below;
  const alphabet = "ab@.,:;\\# \t\n?|!/&\xe9\x01";
  const word = (first: string) =>
    first + Array.from({ length: 1 + next(12) }, () => alphabet[next(alphabet.length)]).join("");
  for (let round = 0; round < 2000; round++) {
    const data = Array.from({ length: 1 + next(4) }, () => `${word("&|!./"[next(5)]!)}\0`).join("");
    const record = next(5) === 0 ? { key: word("?"), data: word("o") } : { key: word(":"), data };
    assertEquals(read(formatForwardRecord(record)), [record], JSON.stringify(record));
  }
});

Deno.test("half an instruction, a second colon, a lonely comma and NUL are refused by line", () => {
  const message = (text: string) => assertThrows(() => read(text), Permanent).message;
  assertEquals(message("a: b;\n\nc: d"), "line 3: the last instruction must end with a semicolon");
  assertEquals(message("a"), "line 1: the last instruction must end with a semicolon");
  assertEquals(message("a: b\nc: d;"), "line 2: a second colon: the instruction before needs a semicolon at its end");
  assertEquals(message("a, b"), "line 1: a comma without a colon before");
  assertEquals(message("\n;"), "line 2: a semicolon without a colon before");
  assertEquals(message("a\0: b;"), "line 1: NUL bytes are not permitted");
  assertEquals(message(`a: ${"b".repeat(801)};`), "line 1: an address may not have more than 800 bytes");
  assertEquals(read(`a: ${"b".repeat(800)};`).length, 1);
});

Deno.test("records that no forwarding database has are refused", () => {
  for (
    const record of [{ key: "", data: "" }, { key: "x", data: "" }, { key: ":a", data: "&b" }, {
      key: ":a",
      data: "b\0",
    }]
  ) {
    assertThrows(() => formatForwardRecord(record), Permanent);
  }
});
