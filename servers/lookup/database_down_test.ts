/** The lookup daemon while its MySQL server is away or slow. */
import { assert, assertEquals, assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { makeSite } from "../../tests/support/site.ts";
import { Temporary } from "../../core/errors.ts";
import { libcrypt } from "../../core/libc/crypt.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { REQUESTS_MAX } from "./server.ts";
import { startLookup } from "./testing.ts";

libcrypt();

Deno.test({
  name: "a database that is down gives temporary answers, and is used again when it is back",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const database = await openMysql(server.settings, { createDatabase: true });
    await using site = await makeSite({ database });
    await site.addDomain("example.org");
    await site.addUser("alice@example.org", "secret");
    await using lookup = await startLookup(site, { database: await openMysql(server.settings) });
    const { client } = lookup;
    const context = { service: "imap", remoteHost: "192.0.2.1" } as const;
    assertEquals((await client.recipient("alice@example.org")).kind, "known");
    assertEquals((await client.verifyPassword("alice@example.org", "secret", context)).kind, "ok");

    await server.stop();
    const down = await assertRejects(() => client.recipient("postmaster@example.org"), Temporary);
    assertEquals(down.message, "the accounts cannot be read now, try again later", "no host or file for strangers");
    assertMatch(lookup.lines.join("\n"), /^inlookup: warning: database server \S+\/socket: /);
    const logged = lookup.lines.length;
    await assertRejects(() => client.recipient("postmaster@example.org"), Temporary);
    assertEquals(lookup.lines.length, logged, "the same failure is logged once");
    await assertRejects(() => client.verifyPassword("alice@example.org", "secret", context), Temporary);
    assertEquals((await client.recipient("alice@example.org")).kind, "known", "what is kept is still answered");
    assertEquals((await client.recipient("alice@example.com")).kind, "not-local", "other domains need no database");

    await server.start();
    assertEquals((await client.recipient("postmaster@example.org")).kind, "known");
    assertEquals((await client.verifyPassword("alice@example.org", "secret", context)).kind, "ok");
  },
});

Deno.test({
  name: "a database that does not answer makes nothing pile up",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const settings = { ...server.settings, connectTimeoutMs: 1000, queryTimeoutMs: 1000 };
    const database = await openMysql(server.settings, { createDatabase: true });
    await using site = await makeSite({ database });
    await site.addDomain("example.org");
    await using lookup = await startLookup(site, { database: await openMysql(settings) });
    const { client } = lookup;
    assertEquals((await client.recipient("postmaster@example.org")).kind, "known");

    server.freeze(true);
    const asked = Array.from({ length: REQUESTS_MAX + 500 }, (_, at) => client.recipient(`u${at}@example.org`));
    const results = await Promise.allSettled(asked);
    assert(results.every((one) => one.status === "rejected" && one.reason instanceof Temporary));
    const texts = results.map((one) => one.status === "rejected" ? String(one.reason) : "");
    assert(
      [...texts, ...lookup.lines].some((text) => /more than \d+ questions|Queue limit/.test(text)),
      "what is too much fails at once",
    );
    assertEquals((await client.recipient("postmaster@example.org")).kind, "known");

    server.freeze(false);
    assertEquals((await client.recipient("u1@example.org")).kind, "absent");
  },
});
