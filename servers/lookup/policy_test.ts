/** The login policy at the daemon: bans over the socket, expiry, intervals, relaying after POP, passwords stored anew. */
import { assert, assertEquals, assertMatch, assertRejects } from "../../tests/support/assert.ts";
import { makeSite, type Site } from "../../tests/support/site.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import { Temporary } from "../../core/errors.ts";
import { crypt, libcrypt } from "../../core/libc/crypt.ts";
import type { AuthContext, AuthService } from "../../storage/accounts/lookup_types.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { schemeOf } from "../../storage/accounts/logins/password_strength.ts";
import type { LastauthService } from "../../storage/accounts/tables/lastauth.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { GUARD_DEFAULTS } from "./guard_settings.ts";
import { NO_POLICY, readPolicy } from "./login_policy.ts";
import { StandIns } from "./stand_ins.ts";
import { startLookup, type TestLookup } from "./testing.ts";

libcrypt();

const USER = "alice@example.org";
const DAY_SECONDS = 86_400;

async function exampleSite(): Promise<Site> {
  const site = await makeSite();
  await site.addDomain("example.org");
  await site.addUser(USER, "secret");
  return site;
}

const from = (remoteHost: string, service: AuthService = "imap"): AuthContext => ({ service, remoteHost });

/** Delays of answers are over at once; what waits for longer waits until the daemon stops. */
function shortSleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  if (durationMs <= GUARD_DEFAULTS.slowdelaymax) return Promise.resolve();
  return new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
}

/** A clock that stands still. */
function stoppedClock(nowMs: number) {
  return { now: nowMs, nowMs: () => nowMs, sleep: shortSleep };
}

async function kindOf(lookup: TestLookup, password: string, context: AuthContext, user = USER): Promise<string> {
  return (await lookup.client.verifyPassword(user, password, context)).kind;
}

Deno.test("failures ban an account from its address; the privileged socket lists and lifts it, the other one does not", async () => {
  await using site = await exampleSite();
  await Deno.writeTextFile(`${site.paths.control}/loginguard`, "accountfailures:3\nslowafter:0\n");
  await using lookup = await startLookup(site);
  for (let at = 0; at < 3; at++) assertEquals(await kindOf(lookup, `wrong ${at}`, from("192.0.2.1")), "denied");
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "denied");
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1"), "alice%example.org"), "denied");
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1"), "alice"), "denied"); // of the default domain
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.2")), "ok");
  const status = await lookup.admin.bans();
  assertEquals(status.bans.map(({ address, account }) => [address, account]), [["192.0.2.1", USER]]);
  assertEquals([status.bansTotal, status.refused], [1, 3]);
  for (const ask of [() => lookup.client.bans(), () => lookup.client.unban()]) await assertRejects(ask, Temporary);
  assertEquals(Deno.statSync(`${site.paths.run}/lookup-admin.socket`).mode! & 0o777, 0o600);
  assertEquals(await lookup.admin.unban(USER), 1);
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "ok");
  assert(lookup.lines.some((line) => line.startsWith("inlookup: guard banned address=192.0.2.1")), lookup.lines.join());
});

Deno.test("every mechanism counts, CRAM, SCRAM, DIGEST-MD5 and tokens as well", async () => {
  await using site = await exampleSite();
  await Deno.writeTextFile(`${site.paths.control}/loginguard`, "accountfailures:4\nslowafter:0\n");
  await using lookup = await startLookup(site);
  const { client } = lookup;
  const context = from("192.0.2.1");
  await client.verifyCram(USER, { hash: "md5", challenge: "c", digestHex: "0" }, context);
  await client.verifyScram(USER, { hash: "sha-256", authMessage: "m", proofBase64: "AAAA" }, context);
  await client.verifyToken(USER, "token", context);
  const digest = { realm: "", nonce: "n", cnonce: "c", nc: "00000001", qop: "auth", uri: "imap/x", response: "0" };
  assertEquals((await client.verifyDigest(USER, digest, context)).result.kind, "denied");
  assertEquals((await lookup.admin.bans()).bansTotal, 1);
});

Deno.test("HUP takes new settings, and keeps the old ones where the new make no sense", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  await Deno.writeTextFile(`${site.paths.control}/trustednets`, "not a network\n");
  lookup.policy.reread();
  assertMatch(lookup.lines.at(-1)!, /login policy stays as it was: .*trustednets/);
  await Deno.writeTextFile(`${site.paths.control}/trustednets`, "192.0.2.0/24\n");
  await Deno.writeTextFile(`${site.paths.control}/loginguard`, "accountfailures:1\nslowafter:0\n");
  lookup.policy.reread();
  for (let at = 0; at < 5; at++) await kindOf(lookup, `wrong ${at}`, from("192.0.2.1"));
  assertEquals((await lookup.admin.bans()).bansTotal, 0);
  await kindOf(lookup, "wrong", from("127.0.0.1"));
  assertEquals((await lookup.admin.bans()).bansTotal, 1);
});

async function note(site: Site, service: LastauthService, seconds: number): Promise<void> {
  const event = {
    user: "alice",
    domain: "example.org",
    service,
    remoteIp: "192.0.2.9",
    quotaBytes: 0,
    gecos: "",
    seconds,
  };
  await site.command.accounts.lastauth.write([event]);
}

Deno.test("PASSWORD_EXPIRY and ACCT_INACT_EXPIRY close accounts by what lastauth says", async () => {
  const nowSeconds = 1_700_000_000;
  const table: [events: [LastauthService, ageDays: number][], verdict: "ok" | RegExp][] = [
    [[["add", 400], ["imap", 1], ["pass", 59]], "ok"],
    [[["add", 400], ["imap", 1], ["pass", 60]], /password has expired/],
    [[["add", 60], ["imap", 1]], /password has expired/],
    [[["add", 59], ["imap", 1]], "ok"],
    [[["pass", 1], ["imap", 30]], /account has expired/],
    [[["pass", 1], ["imap", 90], ["pop3", 29]], "ok"],
    [[["pass", 1], ["webm", 29]], "ok"],
    [[["pass", 1], ["deli", 1], ["smtp", 1], ["pop3", 31]], /account has expired/],
    [[["pass", 1]], "ok"], // never logged in
  ];
  for (const [events, verdict] of table) {
    await using site = await exampleSite();
    await site.command.accounts.lastauth.remove("alice", "example.org");
    for (const [service, days] of events) await note(site, service, nowSeconds - days * DAY_SECONDS);
    const policy = { ...NO_POLICY, passwordDays: 60, inactiveDays: 30 };
    await using lookup = await startLookup(site, { clock: stoppedClock(nowSeconds * 1000), logins: { policy } });
    for (const service of ["imap", "smtp"] as const) {
      const result = await lookup.client.verifyPassword(USER, "secret", from("192.0.2.1", service));
      if (verdict === "ok") assertEquals(result.kind, verdict, JSON.stringify(events));
      else assertMatch(result.kind === "forbidden" ? result.reason : result.kind, verdict, JSON.stringify(events));
    }
    assertEquals(await kindOf(lookup, "wrong", from("192.0.2.1")), "denied"); // who does not know the password learns nothing
  }
});

Deno.test("within MIN_LOGIN_INTERVAL a login is not recorded, and gets TMP_MAILDIR where there is one", async () => {
  await using site = await exampleSite();
  const policy = { ...NO_POLICY, intervalSeconds: 60, hastyHome: "/home/mail/empty" };
  let nowMs = 1_700_000_000_000;
  const clock = { nowMs: () => nowMs, sleep: shortSleep };
  await using lookup = await startLookup(site, { clock, logins: { policy } });
  const homeOf = async (service: AuthService) => {
    const result = await lookup.client.verifyPassword(USER, "secret", from("192.0.2.1", service));
    return result.kind === "ok" ? result.account.home : result.kind;
  };
  const own = `${site.paths.mail}/A2E/example.org/alice`;
  assertEquals(await homeOf("pop3"), own);
  nowMs += 59_000;
  assertEquals(await homeOf("pop3"), "/home/mail/empty");
  assertEquals(await homeOf("imap"), "/home/mail/empty");
  assertEquals(await homeOf("smtp"), own);
  nowMs += 1000;
  assertEquals(await homeOf("imap"), own);
  await lookup.recorder.close();
  const events = await site.command.accounts.lastauth.find("alice", "example.org");
  const times = events.filter(({ service }) => service !== "add").map(({ service, seconds }) => [service, seconds]);
  assertEquals(times.toSorted(), [["imap", 1_700_000_060], ["pop3", 1_700_000_000], ["smtp", 1_700_000_059]]);
});

Deno.test("the policy's variables are numbers", () => {
  assertEquals(readPolicy(() => undefined), NO_POLICY);
  assertEquals(readPolicy((name) => name === "TMP_MAILDIR" ? "/x" : "7"), {
    intervalSeconds: 7,
    hastyHome: "/x",
    passwordDays: 7,
    inactiveDays: 7,
  });
  for (const wrong of ["-1", "x", "1.5"]) {
    let thrown = false;
    try {
      readPolicy((name) => name === "PASSWORD_EXPIRY" ? wrong : undefined);
    } catch (error) {
      thrown = true;
      assertMatch(String(error), /PASSWORD_EXPIRY/);
    }
    assert(thrown, wrong);
  }
});

Deno.test("a login by POP3 lets its address relay for that sender, for a while, unless the account may not", async () => {
  await using site = await exampleSite();
  await site.addUser("bob@example.org", "secret");
  await site.command.domains.addAlias("example.net", "example.org");
  await site.command.accounts.users.setFlags("bob", "example.org", { set: USER_FLAGS.noRelay });
  let nowMs = Date.now();
  const clock = { nowMs: () => nowMs, sleep: shortSleep };
  await using lookup = await startLookup(site, { clock });
  for (const user of [USER, "bob@example.org"]) {
    assertEquals(await kindOf(lookup, "secret", from("::ffff:192.0.2.1", "pop3"), user), "ok");
  }
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.2", "smtp")), "ok"); // SMTP itself grants nothing
  await lookup.recorder.close();
  const table: [sender: string, ip: string, granted: boolean][] = [
    [USER, "192.0.2.1", true],
    ["Alice@Example.NET", "192.0.2.1", true],
    [USER, "::ffff:192.0.2.1", true],
    [USER, "192.0.2.2", false],
    ["bob@example.org", "192.0.2.1", false],
    ["carol@example.org", "192.0.2.1", false],
    ["alice@example.com", "192.0.2.1", false],
    ["", "192.0.2.1", false],
    [USER, "", false],
  ];
  for (const [sender, ip, granted] of table) {
    assertEquals(await lookup.client.relayGranted(sender, ip), granted, `${sender} ${ip}`);
  }
  nowMs += 60 * 60_000;
  assertEquals(await lookup.client.relayGranted(USER, "192.0.2.1"), false);
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.3", "pop3")), "ok"); // whose row has the others removed
  await lookup.recorder.close();
  const rows = await site.command.accounts.relay.list(0);
  assertEquals(rows.map(({ ipAddress }) => ipAddress), ["192.0.2.3"]);
});

Deno.test("lastauth has a row for logins by SMTP, and for deliveries to a group", async () => {
  await using site = await exampleSite();
  const { users, lastauth } = site.command.accounts;
  {
    await using lookup = await startLookup(site);
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "smtp")), "ok");
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "auth")), "ok"); // a check and no login
    await lookup.client.delivery(USER);
    await users.update("alice", "example.org", { gecos: "MailGroup Sales" });
    await lookup.client.forget();
    for (let count = 0; count < 2; count++) await lookup.client.delivery(USER);
  }
  const events = await lastauth.find("alice", "example.org");
  const rows = events.map(({ service, remoteIp, gecos }) => [service, remoteIp, gecos]);
  assertEquals(rows.filter(([service]) => service !== "add").toSorted(), [["deli", "", "Sales"], [
    "smtp",
    "192.0.2.1",
    "alice",
  ]]);
});

Deno.test("logins that wait for their delay hold up no other question", async () => {
  await using site = await exampleSite();
  await Deno.writeTextFile(`${site.paths.control}/loginguard`, "slowafter:1\n");
  const release = Promise.withResolvers<void>();
  const clock = { nowMs: () => Date.now(), sleep: () => release.promise };
  await using lookup = await startLookup(site, { clock });
  assertEquals(await kindOf(lookup, "wrong", from("192.0.2.1")), "denied");
  const held = Array.from(
    { length: 600 },
    (_, at) => kindOf(lookup, "secret", from(`198.51.${at >> 8}.${at & 255}`)).catch(String),
  );
  assertEquals((await lookup.client.recipient("nobody@example.org")).kind, "absent");
  assertEquals(await kindOf(lookup, "wrong", from("192.0.2.2"), "bob@example.org"), "denied");
  release.resolve();
  const answers = await Promise.all(held);
  assertEquals(answers.filter((answer) => answer === "ok").length, 512);
  assertEquals(new Set(answers).size, 2);
});

Deno.test("a login by PLAIN stores the password anew where control/passwordscheme asks for it", async () => {
  await using site = await exampleSite();
  await site.addUser("clear@example.org", "secret", { encrypted: true, clear: false });
  await Deno.writeTextFile(`${site.paths.control}/passwordscheme`, "SHA-256\n");
  const { users } = site.command.accounts;
  const schemes = async () =>
    await Promise.all(
      ["alice", "clear"].map(async (name) => schemeOf((await users.find(name, "example.org"))!.password)),
    );
  assertEquals(await schemes(), ["MD5", undefined]);
  {
    await using lookup = await startLookup(site);
    assertEquals(await kindOf(lookup, "wrong", from("192.0.2.1")), "denied");
    await lookup.policy.renewer.close();
    assertEquals(await schemes(), ["MD5", undefined]);
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "ok");
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1"), "clear@example.org"), "ok");
    await lookup.policy.renewer.close();
    assertEquals(await schemes(), ["SHA-256", undefined]);
    assert(lookup.lines.includes(`inlookup: password of ${USER} stored anew: SHA-256`), lookup.lines.join());
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "ok");
    assertEquals(await kindOf(lookup, "wrong", from("192.0.2.1")), "denied");
  }
});

Deno.test("a password changed between login and renewal stays changed", async () => {
  await using site = await exampleSite();
  await Deno.writeTextFile(`${site.paths.control}/passwordscheme`, "SHA-256\n");
  await using lookup = await startLookup(site);
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "ok");
  await site.command.accounts.users.update("alice", "example.org", { password: "$1$rasmusle$rISCgZzpwk3UhDidwXvin0" });
  await lookup.policy.renewer.close();
  assertEquals(await kindOf(lookup, "rasmuslerdorf", from("192.0.2.1")), "ok");
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "denied");
});

Deno.test("a user who is not there costs what the others of the domain do, and no stand-in opens anything", async () => {
  const standIns = new StandIns();
  const hashes: Record<string, string> = {
    DES: "rl.3StKT.4T8M",
    MD5: "$1$rasmusle$rISCgZzpwk3UhDidwXvin0",
    "SHA-256": "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    "SHA-512": "$6$rounds=1234$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5",
    BCRYPT: `$2b$07$${"a".repeat(21)}.${"b".repeat(31)}`,
    YESCRYPT: `$y$j9T$${"a".repeat(21)}.$${"b".repeat(43)}`,
  };
  for (const [scheme, password] of Object.entries(hashes)) {
    standIns.seen({ domain: `${scheme}.example`, password });
    const standIn = standIns.of(`${scheme}.example`)!;
    assertEquals<string | undefined>(schemeOf(standIn), scheme);
    const setting = /^\$(?:2b\$\d\d|y\$[^$]+|[156](?:\$rounds=\d+)?)\$/;
    assertEquals(setting.exec(standIn)?.[0], setting.exec(password)?.[0]);
    const hash = crypt("secret", standIn);
    assert(hash !== undefined && hash.length === standIn.length && hash !== standIn, scheme); // libcrypt does the work
  }
  assertEquals(standIns.of("unknown.example"), undefined);
  standIns.seen({ domain: "clear.example", password: "clear text" });
  assertEquals(standIns.of("clear.example"), undefined);
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1")), "ok"); // the domain is known to have MD5 now
  assertEquals(await kindOf(lookup, "secret", from("192.0.2.1"), "nobody@example.org"), "denied");
  await site.command.accounts.users.update("alice", "example.org", { password: "" });
  for (const password of ["", "secret"]) assertEquals(await kindOf(lookup, password, from("192.0.2.3")), "denied");
});

Deno.test({
  name: "expiry, grants, bans and renewals work on MariaDB",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await using site = await makeSite({ database: await openMysql(server.settings, { createDatabase: true }) });
    await site.addDomain("example.org");
    await site.addUser(USER, "secret", { clear: false });
    await Deno.writeTextFile(`${site.paths.control}/loginguard`, "accountfailures:3\nslowafter:0\n");
    await Deno.writeTextFile(`${site.paths.control}/passwordscheme`, "SHA-256 SCRAM-SHA-512\n");
    const { lastauth, users } = site.command.accounts;
    let nowMs = Date.now();
    const clock = { nowMs: () => nowMs, sleep: shortSleep };
    const policy = { ...NO_POLICY, intervalSeconds: 60, inactiveDays: 30, passwordDays: 60 };
    const database = await openMysql(server.settings, {});
    await using lookup = await startLookup(site, { clock, database, logins: { policy } });
    for (let at = 0; at < 2; at++) {
      assertEquals(await kindOf(lookup, `wrong ${at}`, from("192.0.2.1", "pop3")), "denied");
    }
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "pop3")), "ok");
    nowMs += 59_000;
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "imap")), "ok");
    await lookup.recorder.close();
    await lookup.policy.renewer.close();
    const events = await lastauth.find("alice", "example.org");
    assertEquals(events.map(({ service }) => service).toSorted(), ["add", "pop3"]); // imap came too soon
    assertEquals(await lookup.client.relayGranted(USER, "192.0.2.1"), true);
    const user = await users.find("alice", "example.org");
    assertEquals(schemeOf(user?.password ?? ""), "SHA-256");
    assertMatch(user?.scram ?? "", /^\{SCRAM-SHA-512\}/);
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "imap")), "ok");
    nowMs += 31 * DAY_SECONDS * 1000;
    assertEquals(await kindOf(lookup, "secret", from("192.0.2.1", "smtp")), "forbidden");
    for (let at = 0; at < 3; at++) await kindOf(lookup, `guess ${at}`, from("192.0.2.1"));
    assertEquals((await lookup.admin.bans()).bansTotal, 1);
  },
});
