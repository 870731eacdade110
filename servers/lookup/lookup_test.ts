import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { makeSite, type Site } from "../../tests/support/site.ts";
import { Temporary } from "../../core/errors.ts";
import { libcrypt } from "../../core/libc/crypt.ts";
import { startSaslClient } from "../../mail/sasl/client.ts";
import { SASL_MECHANISMS, type SaslMechanism, type SaslVerifier, startSasl } from "../../mail/sasl/server.ts";
import { LookupClient } from "../../storage/accounts/lookup_client.ts";
import { lookupVerifier } from "../../storage/accounts/lookup_verifier.ts";
import type { AuthContext, AuthResult } from "../../storage/accounts/lookup_types.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { LIMITS_DEFAULT } from "../../storage/accounts/tables/vlimits.ts";
import { startLookup } from "./testing.ts";

libcrypt();

const IMAP: AuthContext = { service: "imap", remoteHost: "192.0.2.1" };
/** An address whose wrong passwords are not counted. */
const TRUSTED: AuthContext = { service: "imap", remoteHost: "127.0.0.1" };
const SMTP: AuthContext = { service: "smtp", remoteHost: "192.0.2.1" };

async function exampleSite(): Promise<Site> {
  const site = await makeSite();
  await site.addDomain("example.org");
  await site.addUser("alice@example.org", "secret");
  await site.command.accounts.aliases.add("info", "example.org", "&alice@example.org");
  return site;
}

async function kindOf(client: LookupClient, address: string): Promise<string> {
  return (await client.recipient(address)).kind;
}

Deno.test("recipients are known, absent or none of ours", async () => {
  await using site = await exampleSite();
  await site.command.domains.addAlias("example.net", "example.org");
  await Deno.writeTextFile(`${site.paths.domains}/example.org/.qmail-list-default`, "&x@y\n");
  await using lookup = await startLookup(site);
  const { client } = lookup;
  const expected: Record<string, string> = {
    "alice@example.org": "known",
    "alice-lists@example.org": "known",
    "info@example.org": "known",
    "postmaster@example.org": "known",
    "abuse@example.org": "known",
    "list-subscribe@example.org": "known",
    "bob@example.org": "absent",
    "alicex@example.org": "absent",
    "alice@example.net": "known",
    "bob@example.net": "absent",
    "alice@example.com": "not-local",
    "alice": "not-local",
    "@example.org": "absent",
  };
  for (const round of ["asked", "kept"]) {
    for (const [address, kind] of Object.entries(expected)) {
      assertEquals(await kindOf(client, address), kind, `${address} ${round}`);
    }
  }
  assertEquals(await client.realDomain("example.net"), "example.org");
  assertEquals(await client.realDomain("example.org"), "example.org");
  assertEquals(await client.realDomain("example.com"), undefined);
  assert(lookup.server.counts.kept >= Object.keys(expected).length);
});

Deno.test("a change by another process is seen at once", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const { client } = lookup;
  assertEquals(await kindOf(client, "bob@example.org"), "absent");
  await site.addUser("bob@example.org", "x");
  assertEquals(await kindOf(client, "bob@example.org"), "known");
  await site.command.accounts.users.setFlags("bob", "example.org", { set: USER_FLAGS.bounceMail });
  assertEquals(await kindOf(client, "bob@example.org"), "over-quota");
  await site.command.accounts.users.setFlags("bob", "example.org", { clear: USER_FLAGS.bounceMail });
  await site.command.accounts.users.setInactive("bob", "example.org", true);
  assertEquals(await kindOf(client, "bob@example.org"), "inactive");
  assertEquals(await kindOf(client, "x@new.example"), "not-local");
  await site.addDomain("new.example");
  await client.forget();
  assertEquals(await kindOf(client, "x@new.example"), "absent");
  assertEquals(await kindOf(client, "postmaster@new.example"), "known");
});

Deno.test("what a domain does with mail for nobody makes everyone known, or not", async () => {
  await using site = await makeSite();
  const fallbacks = { "bounce-no-mailbox": "absent", delete: "known", "x@example.com": "known", "/home/all": "known" };
  let number = 0;
  for (const fallback of Object.keys(fallbacks)) await site.addDomain(`d${number++}.example`, { fallback });
  await using lookup = await startLookup(site);
  number = 0;
  for (const kind of Object.values(fallbacks)) {
    assertEquals(await kindOf(lookup.client, `any@d${number++}.example`), kind);
  }
});

Deno.test("system users are known by users/cdb, alias files and prefixes of virtual domains", async () => {
  await using site = await makeSite();
  const { control, alias } = site.paths;
  await Deno.writeTextFile(`${control}/locals`, "mx.example\n");
  await Deno.writeTextFile(`${control}/virtualdomains`, "v.example:carol\nsome@w.example:carol\n.sub.example:carol\n");
  await Deno.writeTextFile(`${alias}/.qmail-list`, "");
  await Deno.writeTextFile(`${alias}/.qmail-club-default`, "");
  const owner = { uid: 1, gid: 1, home: "/home/carol", dash: "-", ext: "", user: "carol" };
  await site.command.domains.assign({ kind: "exact", local: "carol", ...owner, dash: "" });
  await site.command.domains.assign({ kind: "prefix", local: "carol-", ...owner });
  await using lookup = await startLookup(site);
  const expected: Record<string, string> = {
    "carol@mx.example": "known",
    "carol-x@mx.example": "known",
    "list@mx.example": "known",
    "club-now@mx.example": "known",
    "no-such-user-here@mx.example": "absent",
    "anyone@v.example": "known",
    "some@w.example": "known",
    "other@w.example": "not-local",
    "x@deep.sub.example": "known",
  };
  for (const [address, kind] of Object.entries(expected)) {
    assertEquals(await kindOf(lookup.client, address), kind, address);
  }
  assertEquals(await lookup.client.realDomain("mx.example"), "mx.example");
});

Deno.test("accounts and delivery targets come without secrets", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const { client } = lookup;
  const account = await client.account("alice@example.org");
  const owner = Deno.statSync(`${site.paths.domains}/example.org`); // the account indimail where it exists
  assertEquals(account, {
    address: "alice@example.org",
    uid: owner.uid ?? 0,
    gid: owner.gid ?? 0,
    flags: 0,
    gecos: "alice",
    home: `${site.paths.mail}/A2E/example.org/alice`,
    quota: "52428800S",
    inactive: false,
  });
  assertEquals(await client.account("bob@example.org"), undefined);
  assertEquals(await client.account("alice@example.com"), undefined);
  assertEquals(await client.delivery("alice@example.org"), { kind: "found", account, aliasLines: [] });
  assertEquals(await client.delivery("alice-lists@example.org"), { kind: "found", account, aliasLines: [] });
  const info = await client.delivery("info@example.org");
  assert(info.kind === "found" && info.account === undefined);
  assertEquals(info.aliasLines, ["&alice@example.org"]);
  assertEquals(await client.delivery("bob@example.org"), { kind: "absent" });
});

Deno.test("a client may keep a target that was found, never one that was absent", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const client = new LookupClient({ path: lookup.path, keepTargetsMs: 1_000_000 });
  const linesOf = async (address: string) => {
    const target = await client.delivery(address);
    return target.kind === "found" ? target.aliasLines : target.kind;
  };
  assertEquals(await linesOf("info@example.org"), ["&alice@example.org"]);
  assertEquals(await linesOf("new@example.org"), "absent");
  for (const alias of ["info", "new"]) {
    await site.command.accounts.aliases.add(alias, "example.org", "&bob@example.org");
  }
  assertEquals(await linesOf("info@example.org"), ["&alice@example.org"]);
  assertEquals(await linesOf("new@example.org"), ["&bob@example.org"]);
  client.close();
});

Deno.test("quota notes set and clear the bounce flag", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  await lookup.client.noteQuota("alice@example.org", 60_000_000);
  assertEquals(await kindOf(lookup.client, "alice@example.org"), "over-quota");
  assertEquals(await site.command.accounts.quotas.find("alice", "example.org"), 60_000_000);
  await lookup.client.noteQuota("alice@example.org", 0);
  assertEquals(await kindOf(lookup.client, "alice@example.org"), "known");
  assertEquals(await site.command.accounts.quotas.find("alice", "example.org"), undefined);
  await lookup.client.noteQuota("nobody@example.org", 5);
  assertEquals(await site.command.accounts.quotas.find("nobody", "example.org"), undefined);
});

Deno.test("passwords check, and every failure looks the same", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const { client } = lookup;
  const denied: AuthResult = { kind: "denied" };
  const good = await client.verifyPassword("Alice@Example.ORG", "secret", SMTP);
  assert(good.kind === "ok" && good.mayRelay && good.account.address === "alice@example.org");
  assertEquals((await client.verifyPassword("alice%example.org", "secret", SMTP)).kind, "ok");
  assertEquals((await client.verifyPassword("alice", "secret", SMTP)).kind, "ok");
  assertEquals(await client.verifyPassword("alice@example.org", "Secret", SMTP), denied);
  assertEquals(await client.verifyPassword("nobody@example.org", "secret", SMTP), denied);
  assertEquals(await client.verifyPassword("alice@example.com", "secret", SMTP), denied);
  assertEquals(await client.verifyPassword("", "secret", SMTP), denied);
});

function verifierOf(client: LookupClient): SaslVerifier<AuthResult> {
  return {
    verifyPassword: (user, password) => client.verifyPassword(user, password, TRUSTED),
    verifyCram: (user, exchange) => client.verifyCram(user, exchange, TRUSTED),
    verifyDigest: (user, exchange) => client.verifyDigest(user, exchange, TRUSTED),
    verifyToken: (user, token) => client.verifyToken(user, token, TRUSTED),
    scramParameters: (user, hash) => client.scramParameters(user, hash),
    verifyScram: (user, exchange) => client.verifyScram(user, exchange, TRUSTED),
    succeeded: (result) => result.kind === "ok",
  };
}

async function login(
  client: LookupClient,
  mechanism: SaslMechanism,
  credentials: { readonly user: string; readonly password: string },
): Promise<string> {
  const exchange = startSasl(mechanism, verifierOf(client), { hostName: "h", nonce: () => "servernonce", nowMs: 0 });
  const sasl = startSaslClient(mechanism, { ...credentials, nonce: () => "clientnonce" });
  let step = await exchange.step(sasl.initialResponse);
  while (step.kind === "challenge") step = await exchange.step(await sasl.answer(step.bytes));
  return step.kind === "finished" ? step.result.kind : step.reason;
}

Deno.test("every mechanism works for what the account has stored", async () => {
  await using site = await exampleSite();
  await site.addUser("hash@example.org", "pw", { scram: undefined, clear: false });
  await site.addUser("cram@example.org", "pw", { scram: undefined });
  await site.addUser("open@example.org", "pw", { scram: undefined, clear: false, encrypted: true });
  await site.addUser("sha1@example.org", "pw", { scram: "SCRAM-SHA-1", clear: false });
  await site.addUser("sha512@example.org", "pw", { scram: "SCRAM-SHA-512", clear: false });
  await using lookup = await startLookup(site);
  const scram = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;
  const clear = SASL_MECHANISMS.filter((name) => name === "DIGEST-MD5" || name.startsWith("CRAM-"));
  const works: Record<string, readonly SaslMechanism[]> = {
    hash: ["PLAIN", "LOGIN"],
    cram: ["PLAIN", "LOGIN", ...clear, ...scram],
    open: ["PLAIN", "LOGIN", ...clear, ...scram],
    sha1: ["PLAIN", "LOGIN", "SCRAM-SHA-1"],
    sha512: ["PLAIN", "LOGIN", "SCRAM-SHA-512"],
    none: [],
  };
  for (const [name, good] of Object.entries(works)) {
    const user = `${name}@example.org`;
    for (const mechanism of ["PLAIN", "LOGIN", ...clear, ...scram] as const) {
      const expected = good.includes(mechanism) ? "ok" : "denied";
      assertEquals(await login(lookup.client, mechanism, { user, password: "pw" }), expected, `${user} ${mechanism}`);
      assertEquals(await login(lookup.client, mechanism, { user, password: "no" }), "denied", `${user} ${mechanism}`);
    }
  }
  for (const mechanism of ["CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"] as const) {
    assertEquals(
      await login(lookup.client, mechanism, { user: "alice@example.org", password: "secret" }),
      "ok",
      mechanism,
    );
  }
});

Deno.test("a name without a domain gets the one that vipmap gives our address, unless INDIMAIL_DOMAIN says another", async () => {
  await using site = await exampleSite();
  await site.addDomain("example.net");
  await site.addUser("bob@example.net", "secret");
  await site.command.accounts.ipAliases.set("192.0.2.9", "example.net");
  const here = { ...TRUSTED, localHost: "192.0.2.9" };
  {
    await using lookup = await startLookup(site);
    const { client } = lookup;
    for (const localHost of ["192.0.2.9", "::ffff:192.0.2.9"]) {
      const bob = await client.verifyPassword("Bob", "secret", { ...TRUSTED, localHost });
      assertEquals(bob.kind === "ok" && bob.account.address, "bob@example.net");
    }
    assertEquals((await client.verifyPassword("bob", "secret", TRUSTED)).kind, "denied");
    assertEquals((await client.verifyPassword("bob", "secret", { ...here, localHost: "192.0.2.8" })).kind, "denied");
    assertEquals((await client.verifyPassword("alice", "secret", here)).kind, "denied");
    assertEquals((await client.verifyPassword("alice@example.org", "secret", here)).kind, "ok");
    const named = await client.scramParameters("bob@example.net", "sha-256");
    assertEquals(await client.scramParameters("bob", "sha-256", here.localHost), named);
    const verifier = lookupVerifier(client, here, { loginOf: (_user, result) => result, succeeded: () => true });
    assertEquals(await verifier.scramParameters("bob", "sha-256"), named);
    assert((await client.scramParameters("bob", "sha-256")).saltBase64 !== named.saltBase64);
  }
  await using lookup = await startLookup(site, { logins: { mapsAddresses: false } });
  assertEquals((await lookup.client.verifyPassword("bob", "secret", here)).kind, "denied");
  assertEquals((await lookup.client.verifyPassword("alice", "secret", here)).kind, "ok");
});

Deno.test("an unknown user's SCRAM salt is stable and like a real one", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const one = await lookup.client.scramParameters("nobody@example.org", "sha-256");
  assertEquals(await lookup.client.scramParameters("Nobody@example.org", "sha-256"), one);
  assertEquals(
    one.saltBase64.length,
    (await lookup.client.scramParameters("alice@example.org", "sha-256")).saltBase64.length,
  );
  assert(one.saltBase64 !== (await lookup.client.scramParameters("nobody2@example.org", "sha-256")).saltBase64);
});

Deno.test("services that are switched off are forbidden with a reason, after the password", async () => {
  await using site = await exampleSite();
  const { users, limits } = site.command.accounts;
  await limits.set("example.org", { ...LIMITS_DEFAULT, disable_smtp: 1 });
  await using lookup = await startLookup(site, { logins: { domainLimits: true } });
  const { client } = lookup;
  const smtp = await client.verifyPassword("alice@example.org", "secret", SMTP);
  assertEquals(smtp, { kind: "forbidden", reason: "SMTP is switched off for this account" });
  assertEquals((await client.verifyPassword("alice@example.org", "no", SMTP)).kind, "denied");
  await users.setFlags("alice", "example.org", { set: USER_FLAGS.override | USER_FLAGS.noRelay | USER_FLAGS.noImap });
  const overridden = await client.verifyPassword("alice@example.org", "secret", SMTP);
  assert(overridden.kind === "ok" && !overridden.mayRelay);
  assertEquals((await client.verifyPassword("alice@example.org", "secret", IMAP)).kind, "forbidden");
  await limits.set("example.org", { ...LIMITS_DEFAULT, passwd_expiry: 1 });
  assertEquals((await client.verifyPassword("alice@example.org", "secret", SMTP)).kind, "forbidden");
  await limits.remove("example.org");
  await Deno.writeTextFile(`${site.paths.domains}/example.org/nologin`, "");
  assertEquals((await client.verifyPassword("alice@example.org", "secret", SMTP)).kind, "forbidden");
});

Deno.test("a login is recorded, lets relay, and wakes an inactive user", async () => {
  await using site = await exampleSite();
  const { users, lastauth, relay } = site.command.accounts;
  await users.setInactive("alice", "example.org", true);
  {
    await using lookup = await startLookup(site);
    assertEquals((await lookup.client.verifyPassword("alice@example.org", "secret", IMAP)).kind, "ok");
    assertEquals((await users.find("alice", "example.org"))?.inactive, false);
  }
  const events = await lastauth.find("alice", "example.org");
  assertEquals(events.map((one) => one.service).toSorted(), ["ACTI", "add", "imap"]);
  assertEquals(await relay.permitted("192.0.2.1", { email: "alice@example.org", sinceSeconds: 0 }), true);
});

Deno.test("a client asks again when the daemon was started anew, and says when there is none", async () => {
  await using site = await exampleSite();
  let client: LookupClient;
  {
    await using lookup = await startLookup(site);
    client = new LookupClient({ path: lookup.path });
    assertEquals(await kindOf(client, "alice@example.org"), "known");
  }
  await assertRejects(() => client.recipient("alice@example.org"), Temporary);
  {
    await using _lookup = await startLookup(site);
    assertEquals(await kindOf(client, "alice@example.org"), "known");
    client.close();
    await assertRejects(() => client.recipient("alice@example.org"), Temporary);
  }
});

Deno.test("a patient client waits for a daemon that is being started again", async () => {
  await using site = await exampleSite();
  let path: string;
  {
    await using lookup = await startLookup(site);
    path = lookup.path;
  }
  const client = new LookupClient({ path, patienceMs: 20_000 });
  const asked = kindOf(client, "alice@example.org");
  await new Promise((resolve) => setTimeout(resolve, 50));
  await using _lookup = await startLookup(site);
  assertEquals(await asked, "known");
  client.close();
});

Deno.test("a second daemon on the same socket is refused", async () => {
  await using site = await exampleSite();
  await using _lookup = await startLookup(site);
  await assertRejects(() => startLookup(site), Temporary);
});

Deno.test("many questions at once each get their own answer", async () => {
  await using site = await exampleSite();
  await using lookup = await startLookup(site);
  const addresses = Array.from(
    { length: 1500 },
    (_, at) => at % 2 === 0 ? `alice-${at}@example.org` : `nobody${at}@example.org`,
  );
  const kinds = await Promise.all(addresses.map((address) => kindOf(lookup.client, address)));
  assertEquals(kinds, addresses.map((_, at) => at % 2 === 0 ? "known" : "absent"));
});
