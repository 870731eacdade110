/** What vlimit -g switches off for a whole domain is off at login, where the limits are in force, on both drivers. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { makeSite } from "../../tests/support/site.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { LIMITS_DEFAULT } from "../../storage/accounts/tables/vlimits.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { startLookup } from "./testing.ts";

const SERVICES = ["imap", "pop3", "smtp", "auth"] as const;

/** Columns of vlimits; the services that they close, or the bit that a login comes with. */
const CASES = [
  { column: "disable_imap", closes: ["imap"], flag: USER_FLAGS.noImap },
  { column: "disable_pop", closes: ["pop3"], flag: USER_FLAGS.noPop },
  { column: "disable_smtp", closes: ["smtp"], flag: USER_FLAGS.noSmtp },
  { column: "disable_relay", closes: [], flag: USER_FLAGS.noRelay },
  { column: "disable_webmail", closes: [], flag: USER_FLAGS.noWebmail },
  { column: "disable_dialup", closes: [], flag: USER_FLAGS.noDialup },
  { column: "disable_passwordchanging", closes: [], flag: USER_FLAGS.noPasswordChange },
  { column: "domain_expiry", closes: SERVICES, flag: 0 },
  { column: "passwd_expiry", closes: SERVICES, flag: 0 },
] as const;

async function limitsHold(open?: () => Promise<Database>): Promise<void> {
  await using site = await makeSite(open ? { database: await open() } : {});
  await site.addDomain("example.org");
  for (const user of ["ann", "boss"]) await site.addUser(`${user}@example.org`, "secret");
  const { limits, users } = site.command.accounts;
  await users.setFlags("boss", "example.org", { set: USER_FLAGS.override });
  const file = `${(await site.command.realDomain("example.org")).directory}/.domain_limits`;
  for (const inForce of ["nowhere", "by the variable", "by the caller", "by the file"] as const) {
    if (inForce === "by the file") await Deno.writeTextFile(file, "");
    await using lookup = await startLookup(site, {
      ...(open ? { database: await open() } : {}),
      logins: { domainLimits: inForce === "by the variable" },
    });
    for (const { column, closes, flag } of CASES) {
      await limits.set("example.org", { ...LIMITS_DEFAULT, [column]: 1 });
      for (const service of SERVICES) {
        const what = `${column} ${inForce}: ${service}`;
        const context = { service, remoteHost: "127.0.0.1", withLimits: inForce === "by the caller" };
        const ann = await lookup.client.verifyPassword("ann@example.org", "secret", context);
        const isClosed = inForce !== "nowhere" && (closes as readonly string[]).includes(service);
        assertEquals(ann.kind, isClosed ? "forbidden" : "ok", what);
        if (ann.kind !== "ok") continue;
        assertEquals(ann.account.flags, inForce === "nowhere" ? 0 : flag, what);
        assertEquals(ann.mayRelay, (ann.account.flags & USER_FLAGS.noRelay) === 0, what);
        const boss = await lookup.client.verifyPassword("boss@example.org", "secret", context);
        assert(boss.kind === "ok" && boss.mayRelay, `${what}, exempt`);
      }
    }
  }
}

Deno.test("what limits switch off for a domain is off for its users, but not for those who are exempt", () =>
  limitsHold());

Deno.test({
  name: "what limits switch off for a domain on MariaDB is off for its users, but not for those who are exempt",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await limitsHold(() => openMysql(server.settings, { createDatabase: true }));
  },
});
