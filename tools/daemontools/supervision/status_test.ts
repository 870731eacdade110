import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { formatStatus, type Status, STATUS_BYTES, tryParseStatus, WAITS_FOR_SERVICE } from "./status.ts";

Deno.test("a status is what it was after format and parse", () => {
  let seed = 1;
  const next = (limit: number) => (seed = (seed * 48271) % 2147483647) % limit;
  for (let round = 0; round < 500; round++) {
    const status: Status = {
      changedNs: BigInt(next(2 ** 31 - 1)) * 1_000_000_000n + BigInt(next(999_999_999)),
      pid: next(2 ** 31 - 1),
      paused: next(2) === 1,
      want: ([undefined, "up", "down"] as const)[next(3)],
      waitSeconds: next(3) === 0 ? WAITS_FOR_SERVICE : next(32767),
      up: next(2) === 1,
    };
    assertEquals(tryParseStatus(formatStatus(status)), status, `seed ${seed}`);
  }
});

Deno.test("the status of the stock daemontools is understood", () => {
  const stock = new Uint8Array([
    0x40,
    0,
    0,
    0,
    0x6b,
    0x03,
    0xb5,
    0xdb,
    0x30,
    0x77,
    0x6e,
    0xbc, // label
    0xac,
    0x67,
    0,
    0, // pid
    0,
    0x75, // not paused, wants up
  ]);
  const status = tryParseStatus(stock);
  assertEquals(status?.pid, 26540);
  assertEquals(status?.up, true);
  assertEquals(status?.want, "up");
  assertEquals(status?.changedNs, 1795405265n * 1_000_000_000n + 0x30776ebcn);
});

Deno.test("the bytes stand where the format says", () => {
  const bytes = formatStatus({
    changedNs: 5n,
    pid: 0x01020304,
    paused: true,
    want: "down",
    waitSeconds: -2,
    up: true,
  });
  assertEquals(bytes.length, STATUS_BYTES);
  assertEquals([...bytes.subarray(0, 12)], [0x40, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 5]);
  assertEquals([...bytes.subarray(12)], [4, 3, 2, 1, 1, 0x64, 0xfe, 0xff, 1]);
});

Deno.test("what is no status is refused", () => {
  for (const length of [0, 17, 19, 20, 22]) assert(tryParseStatus(new Uint8Array(length)) === undefined);
});
