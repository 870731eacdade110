/** Dot-stuffing and line ends of an outgoing message. */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { assertEquals } from "../../tests/support/assert.ts";
import { DotStuffer } from "./dot_stuffing.ts";

function stuff(text: string, size: number): string {
  const stuffer = new DotStuffer();
  const parts: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += size) parts.push(stuffer.transform(latin1Bytes(text.slice(at, at + size))));
  return latin1Text(concatBytes(...parts, stuffer.end()));
}

Deno.test("line ends, leading dots and a missing last line end come out right, however the text is cut", () => {
  const cases: readonly [string, string][] = [
    ["", ".\r\n"],
    ["a\n", "a\r\n.\r\n"],
    ["a", "a\r\n.\r\n"],
    [".\n..\n.a\na.\n", "..\r\n...\r\n..a\r\na.\r\n.\r\n"],
    ["a\r\nb\n\n\r\n", "a\r\nb\r\n\r\n\r\n.\r\n"],
    ["\n.", "\r\n..\r\n.\r\n"],
  ];
  for (const [text, expected] of cases) {
    for (let size = 1; size <= text.length + 1; size++) {
      assertEquals(stuff(text, size), expected, `${JSON.stringify(text)} by ${size}`);
    }
  }
});
