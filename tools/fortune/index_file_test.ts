/** Texts and their index: what is written is read, texts are cut at delimiter lines, orders are what they should be. */
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { basicRegExp } from "./basic_regexp.ts";
import { type FileChoice, shareOut } from "./choice.ts";
import { parseOperands } from "./fortune_files.ts";
import { formatIndex, parseIndex, rotate, textsOf } from "./index_file.ts";
import { TextFile } from "./text_file.ts";
import { orderTexts, shuffle } from "./order_texts.ts";

const PERCENT = 37;

function texts(text: string): string[] {
  const bytes = latin1Bytes(text);
  return [...textsOf(bytes, PERCENT)].map(({ start, end }) => latin1Text(bytes.subarray(start, end)));
}

Deno.test("an index is read as it was written; what is none is refused", () => {
  for (const offsets of [[], [0], [9, 0, 4_294_967_295]]) {
    const index = { longest: 70, shortest: 3, flags: 6, delimiter: PERCENT, offsets, size: 4_000_000_000 };
    const bytes = formatIndex(index);
    assertEquals(parseIndex(bytes, "x.dat"), index);
    assertThrows(() => parseIndex(bytes.subarray(0, bytes.length - 1), "x.dat"), Permanent, /x.dat is no index/);
  }
  assertThrows(() => parseIndex(latin1Bytes("x".repeat(100)), "x.dat"), Permanent);
});

Deno.test("texts end at a line that is the delimiter alone; empty ones are none", () => {
  assertEquals(texts("a\n%\n%\nb\nc\n%\n"), ["a\n", "b\nc\n"]);
  assertEquals(texts("%%\n%x\n % \nlast"), ["%%\n%x\n % \nlast"]);
  assertEquals([texts(""), texts("%\n"), texts("%"), texts("a\n%")], [[], [], [], ["a\n"]]);
  // however texts are joined, they come apart again
  const parts = ["x\n", "%%\n", "\n", "y%\nz\n", "  %\n"];
  for (let mask = 1; mask < 32; mask++) {
    const some = parts.filter((_, at) => mask >> at & 1);
    assertEquals(texts(some.join("%\n")), some);
  }
});

Deno.test("letters moved by 13 come back", () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
  assertEquals(rotate(rotate(bytes)), bytes);
  assertEquals(latin1Text(rotate(latin1Bytes("Azma Nop [{@` 1%"))), "Nmzn Abc [{@` 1%");
});

Deno.test("texts are ordered by their first letter or digit on; a shuffle keeps all", () => {
  const bytes = latin1Bytes("b\n%\n..A\n%\na\n%\n\n 1x\n%\n");
  const all = [...textsOf(bytes, PERCENT)];
  const order = (options: { ignoreCase: boolean }) =>
    orderTexts(bytes, all, options).map(({ start, end }) => latin1Text(bytes.subarray(start, end)).trim());
  assertEquals(order({ ignoreCase: false }), ["1x", "..A", "a", "b"]);
  assertEquals(order({ ignoreCase: true }), ["1x", "..A", "a", "b"]);
  assertEquals(shuffle([3, 1, 2]).toSorted(), [1, 2, 3]);
});

Deno.test("percentages are shared out as asked, and only sensible ones are taken", () => {
  assertEquals(parseOperands(["10%", "a", "b", "5%c"]), [
    { name: "a", percent: 10 },
    { name: "b", percent: undefined },
    { name: "c", percent: 5 },
  ]);
  for (const wrong of [["10%"], ["1.5%", "a"], ["101%", "a"]]) assertThrows(() => parseOperands(wrong), Usage);
  const choice = (count: number): FileChoice => {
    const index = { longest: 1, shortest: 1, flags: 0, delimiter: PERCENT, offsets: Array(count).fill(0), size: 1 };
    return { kind: "file", name: "a", file: TextFile.of("a", index) };
  };
  const share = (options: { even: boolean }, ...rows: [number, number | undefined][]) =>
    shareOut(rows.map(([count, percent]) => ({ choice: choice(count), percent })), options).map((each) => each.share);
  assertEquals(share({ even: false }, [30, undefined], [10, undefined]), [0.75, 0.25]);
  assertEquals(share({ even: true }, [30, undefined], [10, undefined]), [0.5, 0.5]);
  assertEquals(share({ even: false }, [30, 20], [10, undefined], [30, undefined]), [0.2, 0.2, 0.6000000000000001]);
  for (const percents of [[60, 60], [30, 20], [100, undefined]]) {
    assertThrows(
      () => share({ even: false }, ...percents.map((percent): [number, number | undefined] => [1, percent])),
      Permanent,
    );
  }
});

Deno.test("basic expressions mean what grep means by them", () => {
  const rows: [pattern: string, yes: string, no: string][] = [
    ["a+b", "a+b", "aab"],
    ["a\\+b", "aab", "b"],
    ["^\\(ab\\)\\1$", "abab", "abba"],
    ["a\\{2\\}", "aa", "a"],
    ["a{2}", "a{2}", "aa"],
    ["*a", "*a", "ba"],
    ["^*a", "*a", "b*a"],
    ["a^b$c", "a^b$c", "abc"],
    ["^ab$", "ab", "abc"],
    ["[]x]", "]", "y"],
    ["[^[:digit:]]", "a", "12"],
    ["a\\|b", "b", "c"],
    ["a|b", "a|b", "a"],
    ["\\.", ".", "a"],
    ["(x)", "(x)", "x"],
    ["ä.", "äß", "ä"],
  ];
  for (const [pattern, yes, no] of rows) {
    const expression = basicRegExp(pattern, { ignoreCase: false });
    assert(expression.test(yes), `${pattern} does not match ${yes}`);
    assert(!expression.test(no), `${pattern} matches ${no}`);
  }
  assert(basicRegExp("ABC", { ignoreCase: true }).test("abc"));
  for (const wrong of ["[a", "\\(a"]) assertThrows(() => basicRegExp(wrong, { ignoreCase: false }), Usage);
});
