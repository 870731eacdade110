import { assertEquals } from "../../tests/support/assert.ts";
import { makeSite } from "../../tests/support/site.ts";
import { Temporary } from "../../core/errors.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import type { LastauthEvent } from "../../storage/accounts/tables/lastauth.ts";
import { AnswerCache } from "./cache.ts";
import { LoginRecorder, RECORDS_MAX } from "./recorder.ts";

Deno.test("answers are kept for their time, up to their number, and forgotten by address, domain or all", () => {
  let now = 0;
  const cache = new AnswerCache<number>(3, () => now);
  cache.set("a@x", 1, 100);
  cache.set("b@x", 2, 50);
  now = 60;
  assertEquals([cache.get("a@x"), cache.get("b@x")], [1, undefined]);
  for (const [at, key] of ["c@y", "d@y", "e@y"].entries()) cache.set(key, at, 100);
  assertEquals([cache.size, cache.get("a@x"), cache.get("e@y")], [3, undefined, 2]);
  cache.forget("c@y");
  assertEquals([cache.get("c@y"), cache.get("d@y")], [undefined, 1]);
  cache.set("f@z", 5, 100);
  cache.forget("y");
  assertEquals([cache.size, cache.get("f@z")], [1, 5]);
  cache.forget();
  assertEquals(cache.size, 0);
  const none = new AnswerCache<number>(0, () => now);
  none.set("a", 1, 100);
  assertEquals(none.get("a"), undefined);
});

const EVENT: LastauthEvent = {
  user: "alice",
  domain: "example.org",
  service: "imap",
  remoteIp: "::1",
  quotaBytes: 0,
  gecos: "",
  seconds: 1_700_000_000,
};

Deno.test("logins that could not be written are written later, and those that fit no column are dropped", async () => {
  await using site = await makeSite();
  const lines: string[] = [];
  const log = { line: (text: string) => void lines.push(text), flush: () => Promise.resolve() };
  let down = true;
  const { accounts } = site.command;
  const failing: Accounts = Object.create(accounts, {
    lastauth: {
      value: {
        write: (events: readonly LastauthEvent[]) =>
          down ? Promise.reject(new Temporary("down")) : accounts.lastauth.write(events),
      },
    },
  });
  const recorder = new LoginRecorder(failing, log, { minutes: 60, nowMs: Date.now });
  for (let count = 0; count < RECORDS_MAX + 5; count++) recorder.event({ ...EVENT, seconds: EVENT.seconds + count });
  recorder.grant({ email: "a".repeat(97), ipAddress: "::1", seconds: 1 });
  recorder.grant({ email: "alice@example.org", ipAddress: "::1", seconds: 1 });
  await recorder.close();
  assertEquals(lines, ["inlookup: warning: cannot write logins, trying again: down"]);
  down = false;
  await recorder.close();
  assertEquals((await accounts.lastauth.find("alice", "example.org"))[0]?.seconds, EVENT.seconds + RECORDS_MAX + 4);
  assertEquals((await accounts.relay.list(0)).map((grant) => grant.email), ["alice@example.org"]);
  assertEquals(lines.length, 2, "the grant that does not fit is told of");
});
