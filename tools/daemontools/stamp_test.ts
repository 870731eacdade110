/** Unit tests of TAI64N labels and of what selects lines by them. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { formatStamp, nowNanoseconds, parseStamp, StampWriter } from "./stamp.ts";
import { StampRange } from "./stamp_range.ts";

const PAGE_LABEL = "@4000000037c219bf2ef02e94"; // of tai64n's manual page

Deno.test("the label of the manual page is read and written", () => {
  assertEquals(parseStamp(latin1Bytes(PAGE_LABEL)), { seconds: 935467445, nanoseconds: 787492500 });
  assertEquals(formatStamp(935467445787492500n), PAGE_LABEL);
});

Deno.test("labels come back as the times they were made of, by both writers", () => {
  const writer = new StampWriter();
  const day = 86_400_000_000_000n;
  for (const time of [0n, 1n, nowNanoseconds(), 4_102_444_800_123_456_789n, ...[1n, 9n, 30_000n].map((n) => n * day)]) {
    writer.set(time);
    assertEquals(latin1Text(writer.bytes), `${formatStamp(time)} `);
    const moment = parseStamp(writer.bytes);
    assert(moment);
    assertEquals(BigInt(moment.seconds) * 1_000_000_000n + BigInt(moment.nanoseconds), time);
  }
  assertEquals(parseStamp(latin1Bytes(formatStamp(-8_500_000_000n))), { seconds: -9, nanoseconds: 500_000_000 });
  assertEquals(parseStamp(latin1Bytes(formatStamp(-5_000_000_000n * 1_000_000_000n)))?.seconds, -5_000_000_000);
});

Deno.test("what is no label is none", () => {
  const wrong = [
    "",
    "@",
    PAGE_LABEL.slice(1),
    PAGE_LABEL.slice(0, 24),
    `${PAGE_LABEL.slice(0, 20)}g0000`,
    `@${"f".repeat(24)}`,
  ];
  for (const text of wrong) assertEquals(parseStamp(latin1Bytes(text)), undefined);
  assertEquals(parseStamp(latin1Bytes(`xx${PAGE_LABEL}`), 2)?.seconds, 935467445);
});

Deno.test("lines of a range are the same however the log is cut", () => {
  const label = (second: number) => formatStamp(BigInt(second) * 1_000_000_000n);
  const lines = ["none\n", ...[1, 2, 3, 2, 4].map((second) => `${label(second)} at ${second}\n`), "\n", `${label(2)}`];
  const log = latin1Bytes(lines.join(""));
  const wanted = ["none\n", lines[2], lines[3], lines[4], "\n", lines[7]].join("");
  for (let size = 1; size <= log.length; size++) {
    const range = new StampRange({ start: label(2), stop: label(4) });
    let output = "";
    for (let at = 0; at < log.length; at += size) {
      output += range.push(log.slice(at, at + size)).map(latin1Text).join("");
    }
    assertEquals(output + range.end().map(latin1Text).join(""), wanted, `in parts of ${size}`);
  }
});
