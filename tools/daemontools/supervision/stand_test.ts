import { assertEquals } from "../../../tests/support/assert.ts";
import { type Stand, standCode, standLine } from "./stand.ts";
import type { Status } from "./status.ts";

const NOW_MS = 1_700_000_000_000;
const BASE: Status = {
  changedNs: BigInt(NOW_MS - 3_500) * 1_000_000n,
  pid: 762703,
  paused: false,
  want: "up",
  waitSeconds: 0,
  up: true,
};

function known(status: Partial<Status>, more: { isNormallyUp?: boolean; isAlive?: boolean } = {}) {
  return { kind: "known", isNormallyUp: true, isAlive: true, ...more, status: { ...BASE, ...status } } as const;
}

Deno.test("the line says what the manual page shows", () => {
  const line = (stand: Stand & { kind: "known" }) => standLine("s", stand, NOW_MS);
  assertEquals(line(known({})), "s: up 3.500000000 seconds pid 762703");
  assertEquals(
    line(known({ up: false, want: "down" }, { isNormallyUp: false })),
    "s: down 3.500000000 seconds spid 762703",
  );
  assertEquals(line(known({ up: false, waitSeconds: -2 })), "s: wait 3.500000000 seconds spid 762703");
  assertEquals(
    line(known({ up: false, waitSeconds: 10 })),
    "s: wait 3.500000000 seconds spid 762703 remaining 7 seconds",
  );
  assertEquals(line(known({}, { isAlive: false })), "s: up 3.500000000 seconds ?pid 762703");
  assertEquals(
    line(known({ paused: true, want: "down" }, { isNormallyUp: false })),
    "s: up 3.500000000 seconds, normally down, paused, want down pid 762703",
  );
  assertEquals(line(known({ changedNs: BigInt(NOW_MS + 5_000) * 1_000_000n })), "s: up 0.000000000 seconds pid 762703");
});

Deno.test("each state has its exit code", () => {
  assertEquals(standCode(known({})), 0);
  assertEquals(standCode(known({ up: false, want: "down" })), 1);
  assertEquals(standCode(known({ up: false, want: undefined })), 1);
  assertEquals(standCode({ kind: "unknown", code: 2, why: "" }), 2);
  assertEquals(standCode(known({ paused: true })), 3);
  assertEquals(standCode(known({ up: false })), 4);
  assertEquals(standCode(known({ want: "down" })), 5);
  assertEquals(standCode(known({ up: false, waitSeconds: -2 })), 6);
});
