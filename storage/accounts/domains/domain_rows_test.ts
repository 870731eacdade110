import { assertEquals } from "../../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../../tests/support/mariadb.ts";
import { makeSite } from "../../../tests/support/site.ts";
import type { Database } from "../database.ts";
import { openMysql } from "../mysql.ts";
import { LIMITS_DEFAULT } from "../tables/vlimits.ts";
import { removeDomainRows, renameDomainRows, tooLongFor } from "./domain_rows.ts";

const RENAMED = {
  from: "example.org",
  to: "new.example",
  homes: [{ from: "/home/example.org/A2E/example.org/", to: "/home/example.org/A2E/new.example/" }],
  trees: ["root_A2E"],
};

/** Rows of two domains in every table that knows domains, one of them named like the end of the other. */
async function rowsAreKept(database?: Database): Promise<void> {
  await using site = await makeSite(database ? { database } : {});
  const { accounts } = site.command;
  const user = { password: "x", uid: 0, flags: 0, gecos: "", quota: "NOQUOTA", scram: "", inactive: false };
  for (const domain of ["example.org", "sub.example.org"]) {
    await accounts.users.add({ ...user, name: "ann", domain, home: `/home/example.org/A2E/${domain}/ann` });
    await accounts.users.add({ ...user, name: "bob", domain, home: `/elsewhere/${domain}/bob`, inactive: true });
    await accounts.aliases.add("team", domain, `&ann@${domain}`);
    await accounts.limits.set(domain, { ...LIMITS_DEFAULT, maxaliases: 3 });
    await accounts.limits.set(`ann@${domain}`, { ...LIMITS_DEFAULT, maxaliases: 4 });
    await accounts.atrn.add("ann", domain, "turn.example");
  }
  await accounts.aliases.add("team", "example.org", "&ann@new.example");
  await accounts.aliases.add("team", "example.org", "/var/mail@example.org");
  await accounts.ipAliases.set("192.0.2.7", "example.org");
  assertEquals(await tooLongFor(accounts, RENAMED), undefined);
  const long = { ...RENAMED, to: `${"x".repeat(150)}.example` };
  assertEquals(await tooLongFor(accounts, long), "a home would be longer than 156 characters");
  for (const _ of ["once", "again"]) await renameDomainRows(accounts, RENAMED);
  assertEquals(await accounts.users.count("example.org"), { active: 0, inactive: 0 });
  assertEquals(await accounts.users.count("sub.example.org"), { active: 1, inactive: 1 });
  assertEquals((await accounts.users.find("ann", "new.example"))?.home, "/home/example.org/A2E/new.example/ann");
  assertEquals((await accounts.users.find("bob", "new.example"))?.home, "/elsewhere/example.org/bob");
  const lines = (await accounts.aliases.list("new.example")).map(({ line }) => line).sort();
  assertEquals(lines, ["&ann@new.example", "/var/mail@example.org"]);
  assertEquals((await accounts.aliases.list("sub.example.org")).map(({ line }) => line), ["&ann@sub.example.org"]);
  assertEquals((await accounts.limits.row("ann@new.example"))?.maxaliases, 4);
  assertEquals((await accounts.limits.row("ann@sub.example.org"))?.maxaliases, 4);
  assertEquals(await accounts.ipAliases.find("192.0.2.7"), "new.example");
  assertEquals(await accounts.atrn.list("ann", "new.example"), ["turn.example"]);
  await removeDomainRows(accounts, "new.example");
  assertEquals(await accounts.users.count("new.example"), { active: 0, inactive: 0 });
  assertEquals(await accounts.limits.row("ann@new.example"), undefined);
  assertEquals((await accounts.limits.row("ann@sub.example.org"))?.maxaliases, 4);
  assertEquals(await accounts.users.count("sub.example.org"), { active: 1, inactive: 1 });
}

Deno.test("a domain's rows get another name or go, and those of others stay", () => rowsAreKept());

Deno.test({
  name: "a domain's rows get another name or go on MariaDB, and those of others stay",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await rowsAreKept(await openMysql(server.settings, { createDatabase: true }));
  },
});
