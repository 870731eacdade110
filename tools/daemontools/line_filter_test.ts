/** Unit tests of the filters that change the start of lines. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { decimalStart, labelStart, stampingStart, taiSeconds } from "./label_filters.ts";
import { LineFilter, type LineStart } from "./line_filter.ts";

function filtered(start: LineStart, text: string, size: number): string {
  const filter = new LineFilter(start);
  let output = "";
  for (let at = 0; at < text.length; at += size) {
    output += latin1Text(filter.push(latin1Bytes(text.slice(at, at + size))));
  }
  return output + latin1Text(filter.end());
}

const LABEL = "@4000000037c219bf2ef02e94";
const INPUT = `${LABEL} one\n${LABEL}\n\n@4000 short\n@\n${LABEL.toUpperCase()} upper\nplain ${LABEL}\n${
  LABEL.slice(0, 24)
}`;

Deno.test("labels are replaced at the start of lines only, however the input is cut", () => {
  const wanted = INPUT.replaceAll(new RegExp(`^${LABEL}`, "gim"), "935467445.787492500");
  for (let size = 1; size <= INPUT.length; size++) assertEquals(filtered(labelStart(String), INPUT, size), wanted);
});

Deno.test("decimal seconds become the label that they were made of", () => {
  const decimal = filtered(labelStart(taiSeconds), INPUT, 1000);
  const back = INPUT.replace(LABEL.toUpperCase(), LABEL);
  for (let size = 1; size <= decimal.length; size += 3) assertEquals(filtered(decimalStart(), decimal, size), back);
});

Deno.test("each line gets a label when it begins, also when it comes byte by byte", () => {
  for (const size of [1, 2, 100]) {
    assertMatch(
      filtered(stampingStart(), "a\n\nlong line\nlast", size),
      /^@\w{24} a\n@\w{24} \n@\w{24} long line\n@\w{24} last$/,
    );
  }
  assertEquals(filtered(stampingStart(), "", 1), "");
});

Deno.test("a line longer than any buffer passes", () => {
  const line = `${LABEL} ${"x".repeat(3_000_000)}\n`;
  assertEquals(filtered(labelStart(String), line, 65_536).length, line.length - 6);
});
