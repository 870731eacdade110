/** CSV: records as RFC 4180 has them, in pieces of any size, and what is wrong with others. */
import { assertEquals } from "../../tests/support/assert.ts";
import { type CsvRecord, CsvSplitter, formatCsvRecord, RECORD_CHARACTERS_MAX } from "./csv.ts";

function split(text: string, pieceLength = text.length || 1): CsvRecord[] {
  const splitter = new CsvSplitter();
  const records: CsvRecord[] = [];
  for (let at = 0; at < text.length; at += pieceLength) {
    records.push(...splitter.push(text.slice(at, at + pieceLength)));
  }
  return [...records, ...splitter.end()];
}

Deno.test("fields, quotes, empty lines and both ends of a line", () => {
  assertEquals(split('a,b\r\n\n"c,""d""\ne",\nlast,"f"'), [
    { line: 1, fields: ["a", "b"] },
    { line: 3, fields: ['c,"d"\ne', ""] },
    { line: 5, fields: ["last", "f"] },
  ]);
});

Deno.test("a wrong record is told with its line, and the next ones are read", () => {
  assertEquals(split('a"b,c\nok,1\n"x"y\nok,2\n"open\nok,3\n'), [
    { line: 1, fault: "a quote inside a field that does not begin with one" },
    { line: 2, fields: ["ok", "1"] },
    { line: 3, fault: "text behind a closing quote" },
    { line: 4, fields: ["ok", "2"] },
    { line: 5, fault: "a quote is not closed" },
    { line: 6, fields: ["ok", "3"] },
  ]);
});

Deno.test("a record longer than the limit is wrong, however it comes", () => {
  const tooLong = `longer than ${RECORD_CHARACTERS_MAX} characters: is a quote not closed?`;
  const long = "x".repeat(RECORD_CHARACTERS_MAX + 1);
  for (const piece of [1000, 100_000]) {
    assertEquals(split(`a,b\n${long}${long}\nc,d\n"${long}"\ne,f\n"${"x\n".repeat(9000)}"\ng`, piece), [
      { line: 1, fields: ["a", "b"] },
      { line: 2, fault: tooLong },
      { line: 3, fields: ["c", "d"] },
      { line: 4, fault: tooLong },
      { line: 5, fields: ["e", "f"] },
      { line: 6, fault: tooLong },
      ...Array.from({ length: 8999 }, (_, at) => ({ line: 7 + at, fields: ["x"] })),
      { line: 9006, fault: "a quote is not closed" },
      { line: 9007, fields: ["g"] },
    ]);
  }
});

/** The property tests' numbers; the seed is in the message of a failure. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

Deno.test("what is formatted is read back, one character at a time as all at once", () => {
  const parts = ["a", "b", '"', '""', ",", "\n", "\r\n", "\r", " ", "ä", "😀", ""];
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomOf(seed);
    const rows = Array.from(
      { length: 1 + random(4) },
      () =>
        Array.from(
          { length: 1 + random(4) },
          () => Array.from({ length: random(5) }, () => parts[random(parts.length)]).join(""),
        ),
    );
    const text = rows.map(formatCsvRecord).join("");
    for (const piece of [1, 7, text.length]) {
      const read = split(text, piece).map((record) => "fields" in record ? [...record.fields] : record.fault);
      assertEquals(read, rows, `seed ${seed}, pieces of ${piece}`);
    }
  }
});

Deno.test("any text at all gives records or faults, the same in any pieces", () => {
  const parts = ["a", ",", '"', "\n", "\r", "x,y"];
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomOf(seed);
    const text = Array.from({ length: random(30) }, () => parts[random(parts.length)]).join("");
    const whole = split(text);
    assertEquals(split(text, 1), whole, `seed ${seed}: ${JSON.stringify(text)}`);
  }
});
