/** The checksum against the published values and against the plain bitwise form. */
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { crc32c } from "./crc32c.ts";

function bitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

Deno.test("CRC-32C gives the published values [rfc3720 B.4]", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assertEquals(crc32c(Uint8Array.from({ length: 32 }, (_, at) => at)), 0x46dd794e);
});

Deno.test("CRC-32C equals the bitwise form at every length, and can be taken in parts", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, at) => (at * 167 + 13) & 255);
  for (let length = 0; length <= bytes.length; length++) {
    const part = bytes.subarray(0, length);
    assertEquals(crc32c(part), bitwise(part));
    assertEquals(crc32c(part.subarray(length >> 1), crc32c(part.subarray(0, length >> 1))), bitwise(part));
  }
});

Deno.test("CRC-32C notices any single flipped bit of a record", () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => at);
  const good = crc32c(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    assert(crc32c(bytes) !== good);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
  }
});
