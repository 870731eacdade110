/** Byte helpers that work on whole words are the same as going byte by byte, at every length and alignment. */
import { assertEquals } from "../tests/support/assert.ts";
import { isAscii, latin1Text, latin1TextWithoutBuffer } from "./bytes.ts";

Deno.test("isAscii looks at every byte, wherever the bytes lie in their buffer", () => {
  const buffer = new Uint8Array(32);
  for (let from = 0; from < 8; from++) {
    for (let length = 0; length < 16; length++) {
      const bytes = buffer.subarray(from, from + length);
      assertEquals(isAscii(bytes), true);
      for (let at = 0; at < 32; at++) {
        buffer[at] = 0x80;
        assertEquals(isAscii(bytes), at < from || at >= from + length);
        buffer[at] = 0;
      }
    }
  }
});

Deno.test("latin1 text is one character a byte, by whatever way it is made", () => {
  const all = new Uint8Array(20_000).map((_, at) => at < 9000 ? 97 : at & 255);
  for (const [from, to] of [[0, 0], [0, 8], [3, 9000], [5, 9500], [4095, 20_000]] as const) {
    const bytes = all.subarray(from, to);
    const expected = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
    assertEquals(latin1Text(bytes) === expected, true);
    assertEquals(latin1TextWithoutBuffer(bytes) === expected, true);
  }
});
