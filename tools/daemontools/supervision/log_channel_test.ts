import { assertEquals } from "../../../tests/support/assert.ts";
import { formatUser, tryParseUser } from "./account_logs.ts";
import { tryParseOrder, tryParseReport } from "./log_channel.ts";

Deno.test("orders and reports are taken as they are written, anything else is none", () => {
  const open = { kind: "open" as const, id: 1, script: ["t", "./main"], sync: true };
  assertEquals(tryParseOrder(JSON.parse(JSON.stringify(open))), open);
  assertEquals(tryParseOrder({ kind: "signal", id: 2, signal: "SIGALRM" }), {
    kind: "signal",
    id: 2,
    signal: "SIGALRM",
  });
  for (const value of [null, 1, [], {}, { ...open, script: [1] }, { ...open, id: "1" }, { kind: "signal", id: 1 }]) {
    assertEquals(tryParseOrder(value), undefined);
  }
  assertEquals(tryParseReport({ kind: "opened", id: 1, more: 2 }), { kind: "opened", id: 1 });
  assertEquals(tryParseReport({ kind: "ended", id: 1, code: 111 }), { kind: "ended", id: 1, code: 111 });
  assertEquals(tryParseReport({ kind: "failed", id: 1, text: "x" }), { kind: "failed", id: 1, text: "x" });
  for (
    const value of [undefined, "x", { kind: "ended", id: 1 }, { kind: "warning", id: 1, text: 5 }, {
      kind: "open",
      id: 1,
    }]
  ) {
    assertEquals(tryParseReport(value), undefined);
  }
});

Deno.test("an account is written and read as numbers", () => {
  const user = { uid: 994, gid: 994, groups: [994, 5] };
  assertEquals(formatUser(user), "994:994:994,5");
  assertEquals(tryParseUser("994:994:994,5"), user);
  for (const text of ["", "994", "994:994:", "root:0:0", "1:2:3,", "-1:0:0"]) {
    assertEquals(tryParseUser(text), undefined);
  }
});
