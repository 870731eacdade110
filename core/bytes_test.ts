/** Byte helpers that work on whole words are the same as going byte by byte, at every length and alignment. */
import { assertEquals } from "../tests/support/assert.ts";
import { isAscii } from "./bytes.ts";

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
