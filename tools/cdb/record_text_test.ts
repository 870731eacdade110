/** The text form of records: however it is cut, the same records come of it; what is not in the form is refused. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { serviceRecords } from "./cdbmake_sv.ts";
import { pairOf } from "./cdbmake_12.ts";
import { RecordText } from "./record_text.ts";

const SEED = 20_261_123;

/** Numbers from 0 to below `limit`, the same for a seed. */
function random(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * limit);
  };
}

class Collector {
  readonly records: [number, number, string, string][] = [];
  begin(keyBytes: number, dataBytes: number) {
    this.records.push([keyBytes, dataBytes, "", ""]);
  }
  key(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.records.at(-1)![2] += latin1Text(bytes.subarray(start, end));
  }
  data(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.records.at(-1)![3] += latin1Text(bytes.subarray(start, end));
  }
}

function parse(text: Uint8Array, partBytes: number) {
  const sink = new Collector();
  const reader = new RecordText(sink);
  for (let at = 0; at < text.length; at += partBytes) reader.push(text.subarray(at, at + partBytes));
  reader.end();
  return sink.records;
}

Deno.test(`records come out as they went in, however the text is cut (seed ${SEED})`, () => {
  const next = random(SEED);
  for (let round = 0; round < 50; round++) {
    const records = Array.from({ length: next(20) }, () => {
      const bytes = () => Uint8Array.from({ length: next(12) }, () => next(256));
      const [key, data] = [bytes(), bytes()];
      return [key.length, data.length, latin1Text(key), latin1Text(data)] as [number, number, string, string];
    });
    const lines = records.map(([klen, dlen, key, data]) => latin1Bytes(`+${klen},${dlen}:${key}->${data}\n`));
    const text = concatBytes(...lines, latin1Bytes("\n"), latin1Bytes("what follows the empty line is not read"));
    for (const partBytes of [1, 3, 7, text.length]) assertEquals(parse(text, partBytes), records);
  }
});

Deno.test("an error names the entry", () => {
  const wrong: [string, RegExp][] = [
    ["", /input: there is no empty line/],
    ["x", /entry 1: must start with \+/],
    ["+1,1:a->b\n", /input: there is no empty line/],
    ["+1,1:a->b\n+1,2:a->b\n\n", /there is no empty line/],
    ["+1,1:ab>c\n", /entry 1: -> is missing/],
    ["+1,1:a-c\n", /entry 1: -> is missing/],
    ["+1,1:a->bc\n", /entry 1: there is no line end/],
    ["+a,1:", /entry 1: a length must be digits/],
    ["+4294967296,1:", /entry 1: a length is larger than 4 GB/],
    ["+1,5:a->b", /entry 1: the record is cut off/],
  ];
  for (const [text, said] of wrong) assertThrows(() => parse(latin1Bytes(text), 100), Temporary, said);
});

Deno.test("two words are key and data; a services line gives its names and its port", () => {
  assertEquals(["a b c", "  a\tb", "a", "", "# a b", " # b"].map(pairOf), [
    [["a", "b"]],
    [["a", "b"]],
    [["a", ""]],
    [],
    [],
    [
      ["#", "b"],
    ],
  ]);
  assertEquals(serviceRecords("smtp\t25/tcp\tmail # x"), [["@25/tcp", "smtp"], ["smtp/tcp", "25"], ["mail/tcp", "25"]]);
  assertEquals(["", "# x", "smtp", "smtp 25"].flatMap(serviceRecords), []);
});
