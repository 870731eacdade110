/** Networks of a range: they cover it exactly, in order, and no two could be one. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { addressBytes, addressNumber, networksOf } from "./cidr_ranges.ts";

const WIDTH = 7;

Deno.test("every range is covered exactly, by networks that are aligned and cannot be joined", () => {
  const end = 1n << BigInt(WIDTH);
  for (let from = 0n; from < end; from++) {
    for (let to = from; to < end; to++) {
      let next = from;
      let before: { first: bigint; bits: number } | undefined;
      for (const { first, bits } of networksOf(from, to, WIDTH)) {
        const size = 1n << BigInt(WIDTH - bits);
        assertEquals([first, first % size], [next, 0n]);
        assert(!before || before.bits !== bits || before.first % (size * 2n) !== 0n);
        before = { first, bits };
        next = first + size;
      }
      assertEquals(next, to + 1n);
    }
  }
  assertEquals([...networksOf(5n, 4n, WIDTH)], []);
  assertEquals([...networksOf(0n, (1n << 128n) - 1n, 128)], [{ first: 0n, bits: 0 }]);
});

Deno.test("an address is a number and back", () => {
  for (const bytes of [[192, 0, 2, 255], [0, 0, 0, 0], Array.from({ length: 16 }, (_, at) => at * 17)]) {
    assertEquals([...addressBytes(addressNumber(Uint8Array.from(bytes)), bytes.length)], bytes);
  }
});
