import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { makeSite } from "../../../tests/support/site.ts";
import { Permanent } from "../../../core/errors.ts";
import { LIMITS_DEFAULT } from "../tables/vlimits.ts";
import { USER_FLAGS } from "../users.ts";
import { checkedSum, defaultQuota, limitsSum, type QuotaChange, quotaSum } from "./limit_quotas.ts";

const LIMITS = { ...LIMITS_DEFAULT, diskquota: 1000, maxmsgcount: 10 };

function result(change: Omit<QuotaChange, "user">, sum = { bytes: 900, messages: 9 }): string {
  try {
    const { bytes, messages } = checkedSum(sum, { user: "ann@example.org", ...change }, LIMITS);
    return `${bytes} ${messages}`;
  } catch (error) {
    if (error instanceof Permanent) return /needs a quota of (\w+)|\((\w+)\)/.exec(error.message)?.[0] ?? "refused";
    throw error;
  }
}

Deno.test("what users may keep together is not passed, and less is always possible", () => {
  assertEquals(result({ after: "100S,1C" }), "1000 10");
  assertEquals(result({ after: "101S,1C" }), "(diskquota)");
  assertEquals(result({ after: "100S,2C" }), "(maxmsgcount)");
  assertEquals(result({ before: "200S,3C", after: "300S,4C" }), "1000 10");
  assertEquals(result({ before: "200S,3C", after: "301S,4C" }), "(diskquota)");
  const over = { bytes: 5000, messages: 50 }; // the limit came after the quotas
  assertEquals(result({ before: "2000S,20C", after: "1999S,20C" }, over), "4999 50");
  assertEquals(result({ before: "2000S,20C", after: "2001S,20C" }, over), "(diskquota)");
});

Deno.test("nobody new is without a quota that the domain has; who had none may get one", () => {
  assertEquals(result({ after: "NOQUOTA" }), "needs a quota of bytes");
  assertEquals(result({ after: "100S" }), "needs a quota of messages");
  assertEquals(result({ before: "100S,1C", after: "1C" }), "needs a quota of bytes");
  assertEquals(result({ before: "NOQUOTA", after: "NOQUOTA" }), "900 9");
  assertEquals(result({ before: "NOQUOTA", after: "5000S" }), "5900 9");
  assertEquals(result({ before: "not a quota", after: "50S" }), "950 9");
  const change = { user: "ann@example.org", after: "NOQUOTA" };
  assertEquals(checkedSum({ bytes: 1, messages: 1 }, change, undefined), { bytes: 1, messages: 1 });
  assertThrows(() => checkedSum({ bytes: 0, messages: 0 }, change, { ...LIMITS, maxmsgcount: 0 }), Permanent, "bytes");
  assertEquals([limitsSum(undefined), limitsSum(LIMITS_DEFAULT), limitsSum(LIMITS)], [false, false, true]);
});

Deno.test("a user without a quota of its own gets that of the limits, else 50 megabytes", () => {
  assertEquals(defaultQuota(undefined), "52428800S");
  assertEquals(defaultQuota({ ...LIMITS_DEFAULT, defaultmaxmsgcount: 7 }), "52428800S,7C");
  assertEquals(defaultQuota({ ...LIMITS_DEFAULT, defaultquota: 5, defaultmaxmsgcount: 7 }), "5S,7C");
  assertEquals(defaultQuota({ ...LIMITS_DEFAULT, defaultquota: -1 }), "NOQUOTA");
});

Deno.test("quotas are added up, active or not, without those of exempt users and of other domains", async () => {
  await using site = await makeSite();
  const { users } = site.command.accounts;
  for (const domain of ["example.org", "example.net"]) {
    await site.addDomain(domain);
    for (const name of ["ann", "bob", "eve"]) await site.addUser(`${name}@${domain}`, "x");
  }
  await users.update("ann", "example.org", { quota: "100S,5C" });
  await users.update("bob", "example.org", { quota: "NOQUOTA" });
  await users.setInactive("ann", "example.org", true);
  await users.setFlags("eve", "example.org", { set: USER_FLAGS.override });
  assertEquals(await quotaSum(users, "example.org"), { bytes: 52_428_800 + 100, messages: 5 });
});
