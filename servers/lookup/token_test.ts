/** Tokens: signatures, claims, introspection, what is kept, and who is who at the login. */
import { Temporary } from "../../core/errors.ts";
import type { TokenSettings } from "../../storage/accounts/token_settings.ts";
import { readTokenSettings } from "../../storage/accounts/token_settings.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { makeSite } from "../../tests/support/site.ts";
import { TEST_AUDIENCE, TEST_ISSUER, TokenServer } from "../../tests/support/token_server.ts";
import { startLookup } from "./testing.ts";
import { ownerOfClaims } from "./token_claims.ts";
import { BAD_KEPT_MS, CheckedTokens, CHECKS_MAX, GOOD_KEPT_MS, TOKENS_KEPT_MAX } from "./token_owners.ts";
import { tryParseSignedToken } from "./token_signature.ts";

const SETTINGS: TokenSettings = {
  introspectionUrl: undefined,
  client: undefined,
  jwks: [],
  issuers: [TEST_ISSUER],
  audiences: [TEST_AUDIENCE],
  scopes: [],
  claim: "email",
};
const EMAIL = "alice@example.org";

Deno.test("signed tokens of the three algorithms are good; those of others, changed or without a key are not", async () => {
  await using server = new TokenServer();
  const tokens = new CheckedTokens({ settings: { ...SETTINGS, jwks: [`${server.url}/jwks`] }, nowMs: Date.now });
  for (const algorithm of ["RS256", "ES256", "EdDSA"] as const) {
    const good = server.token(algorithm, { email: EMAIL });
    assertEquals(await tokens.ownerOf(good), EMAIL, algorithm);
    const [head, body, signature = ""] = good.split(".");
    const other = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
    assertEquals(await tokens.ownerOf(`${head}.${body}.${other}`), undefined);
    assertEquals(await tokens.ownerOf(`${head}.${btoa('{"email":"x"}').replaceAll("=", "")}.${signature}`), undefined);
    assertEquals(await tokens.ownerOf(server.token(algorithm, { email: EMAIL }, { kid: "no such" })), undefined);
    assertEquals(await tokens.ownerOf(server.token(algorithm, { email: EMAIL }, { crit: ["x"] })), undefined);
    // by a key whose name is not told; with a header that names another algorithm than the key's
    assertEquals(await tokens.ownerOf(server.token(algorithm, { email: EMAIL }, { kid: undefined })), EMAIL);
  }
  assertEquals(await tokens.ownerOf(server.token("RS256", { email: EMAIL }, { kid: "key-ES256" })), undefined);
  for (const alg of ["none", "HS256", "RS384", ""]) {
    assertEquals(tryParseSignedToken(server.token("RS256", { email: EMAIL }, { alg })), undefined, alg);
  }
  for (const bad of ["", "a", "a.b", "a.b.c", "..", "e30.e30.", "!.!.!", `${"a".repeat(9000)}.b.c`]) {
    assertEquals(await tokens.ownerOf(bad), undefined, bad);
  }
});

Deno.test("claims: in force, from an issuer, for an audience, with scopes, and naming a user", () => {
  const nowMs = 1_800_000_000_000;
  const now = nowMs / 1000;
  const good = {
    exp: now + 60,
    nbf: now - 60,
    iss: TEST_ISSUER,
    aud: ["x", TEST_AUDIENCE],
    email: EMAIL,
    scope: "mail openid",
  };
  const owner = (claims: Record<string, unknown>, settings: Partial<TokenSettings> = {}, endRequired = true) =>
    ownerOfClaims(new Map(Object.entries(claims)), { settings: { ...SETTINGS, ...settings }, nowMs, endRequired })
      ?.name;
  assertEquals(owner(good), EMAIL);
  assertEquals(owner({ ...good, exp: now - 59 }), EMAIL);
  assertEquals(owner({ ...good, exp: now - 60 }), undefined);
  assertEquals(owner({ ...good, exp: "never" }), undefined);
  assertEquals(owner({ ...good, exp: undefined }), undefined);
  assertEquals(owner({ ...good, exp: undefined }, {}, false), EMAIL);
  assertEquals(owner({ ...good, nbf: now + 61 }), undefined);
  assertEquals(owner({ ...good, iss: "https://other.test" }), undefined);
  assertEquals(owner({ ...good, iss: undefined }), undefined);
  assertEquals(owner({ ...good, aud: "other" }), undefined);
  assertEquals(owner({ ...good, aud: undefined }), undefined);
  assertEquals(owner({ ...good, aud: undefined, iss: undefined }, { audiences: [], issuers: [] }), EMAIL);
  assertEquals(owner(good, { scopes: ["mail"] }), EMAIL);
  assertEquals(owner(good, { scopes: ["mail", "admin"] }), undefined);
  assertEquals(owner({ ...good, email_verified: false }), undefined);
  assertEquals(owner({ ...good, email: undefined }), undefined);
  assertEquals(owner({ ...good, sub: "alice" }, { claim: "sub" }), "alice");
});

Deno.test("what was found of a token is kept for a while, and never longer than the token lasts", async () => {
  let nowMs = 1_000_000;
  let asked = 0;
  let isDown = false;
  const tokens = new CheckedTokens({
    settings: { ...SETTINGS, issuers: [], audiences: [], introspectionUrl: "https://issuer.test/introspect" },
    nowMs: () => nowMs,
    ask: (_url, { form }) => {
      asked++;
      if (isDown) return Promise.reject(new Temporary("down"));
      const token = form?.get("token") ?? "";
      return Promise.resolve({
        active: token.startsWith("good"),
        email: EMAIL,
        exp: token === "good short" ? 1010 : 9000,
      });
    },
  });
  assertEquals(await Promise.all([tokens.ownerOf("good"), tokens.ownerOf("good")]), [EMAIL, EMAIL]);
  nowMs += GOOD_KEPT_MS - 1;
  assertEquals(await tokens.ownerOf("good"), EMAIL);
  assertEquals(asked, 1);
  nowMs += 1;
  assertEquals(await tokens.ownerOf("good"), EMAIL);
  assertEquals(asked, 2);
  nowMs = 1_000_000;
  await tokens.ownerOf("good short");
  nowMs += 10_000;
  await tokens.ownerOf("good short");
  assertEquals(asked, 4);
  isDown = true;
  await assertRejects(() => tokens.ownerOf("bad"), Temporary);
  isDown = false;
  assertEquals(await tokens.ownerOf("bad"), undefined);
  nowMs += BAD_KEPT_MS - 1;
  assertEquals(await tokens.ownerOf("bad"), undefined);
  assertEquals(asked, 6);
  for (let number = 0; number < TOKENS_KEPT_MAX; number++) await tokens.ownerOf(`bad ${number}`);
  assertEquals(tokens.kept, TOKENS_KEPT_MAX);
});

Deno.test("too many checks at once are a temporary failure", async () => {
  const answers: (() => void)[] = [];
  const tokens = new CheckedTokens({
    settings: { ...SETTINGS, introspectionUrl: "https://issuer.test/introspect" },
    nowMs: Date.now,
    ask: () => new Promise((resolve) => answers.push(() => resolve({ active: false }))),
  });
  const running = Array.from({ length: CHECKS_MAX }, (_, number) => tokens.ownerOf(`token ${number}`));
  await assertRejects(() => tokens.ownerOf("one more"), Temporary);
  answers.forEach((answer) => answer());
  assertEquals(await Promise.all(running), running.map(() => undefined));
});

Deno.test("keys are fetched once for many tokens, again for an unknown one but not at once, and used while they cannot be", async () => {
  await using server = new TokenServer();
  let nowMs = Date.now();
  const settings = { ...SETTINGS, jwks: [`${server.url}/jwks`] };
  const tokens = new CheckedTokens({ settings, nowMs: () => nowMs });
  const token = (number: number, header = {}) => server.token("ES256", { email: EMAIL, number, exp: 9e9 }, header);
  server.isDown = true;
  await assertRejects(() => tokens.ownerOf(token(0)), Temporary, "503");
  server.isDown = false;
  await assertRejects(() => tokens.ownerOf(token(0)), Temporary, "503");
  nowMs += 30_000;
  for (let number = 0; number < 5; number++) assertEquals(await tokens.ownerOf(token(number)), EMAIL);
  for (let number = 0; number < 5; number++) {
    assertEquals(await tokens.ownerOf(token(number, { kid: `other ${number}` })), undefined);
  }
  assertEquals(server.counts.keys, 1);
  nowMs += 31_000;
  assertEquals(await tokens.ownerOf(token(9, { kid: "other" })), undefined);
  assertEquals(server.counts.keys, 2);
  server.isDown = true;
  nowMs += 2 * 3_600_000;
  assertEquals(await tokens.ownerOf(token(10)), EMAIL);
  nowMs += 24 * 3_600_000;
  await assertRejects(() => tokens.ownerOf(token(11)), Temporary);
});

Deno.test("a token logs in its own user, named or not, and nobody else", async () => {
  await using site = await makeSite();
  await site.addDomain("example.org");
  await site.addUser(EMAIL, "secret");
  await site.addUser("bob@example.org", "secret");
  await using server = new TokenServer();
  const tokens = new CheckedTokens({ settings: { ...SETTINGS, jwks: [`${server.url}/jwks`] }, nowMs: Date.now });
  await using lookup = await startLookup(site, { logins: { tokens } });
  const context = { service: "imap", remoteHost: "192.0.2.1" } as const;
  const kind = async (user: string, email: string) =>
    (await lookup.client.verifyToken(user, server.token("EdDSA", { email }), context)).kind;
  assertEquals(await kind(EMAIL, EMAIL), "ok");
  assertEquals(await kind("Alice@Example.ORG", "ALICE@example.org"), "ok");
  assertEquals(await kind("", EMAIL), "ok");
  assertEquals(await kind("alice%example.org", "alice"), "ok");
  assertEquals(await kind("bob@example.org", EMAIL), "denied");
  assertEquals(await kind("nobody@example.org", "nobody@example.org"), "denied");
  assertEquals(await kind("nobody@example.org", EMAIL), "denied");
  assertEquals((await lookup.client.verifyToken(EMAIL, "nonsense", context)).kind, "denied");
  assert(lookup.lines.every((line) => !line.includes("eyJ")));
});

Deno.test("control files that make no sense are refused with the file's name", async () => {
  const folder = await Deno.makeTempDir();
  const settings = async (files: Readonly<Record<string, string>>) => {
    for await (const entry of Deno.readDir(folder)) await Deno.remove(`${folder}/${entry.name}`);
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    return readTokenSettings(new ControlFiles(folder));
  };
  const url = "https://issuer.test/x";
  assertEquals(await settings({}), undefined);
  assertEquals(await settings({ oauthclient: "id:secret" }), undefined);
  const read = await settings({ oauthintrospection: url, oauthclient: "id:se:cret\n" });
  assertEquals(read, {
    introspectionUrl: url,
    client: { id: "id", secret: "se:cret" },
    jwks: [],
    issuers: [],
    audiences: [],
    scopes: [],
    claim: "email",
  });
  const wrong: readonly (readonly [Readonly<Record<string, string>>, string])[] = [
    [{ oauthintrospection: "issuer" }, "oauthintrospection"],
    [{ oauthintrospection: "http://issuer.test/x" }, "oauthintrospection"],
    [{ oauthintrospection: `${url}\n${url}\n` }, "oauthintrospection"],
    [{ oauthjwks: "/etc/keys" }, "oauthaudience"],
    [{ oauthjwks: "ftp://issuer.test/x", oauthaudience: "mail" }, "oauthjwks"],
    [{ oauthintrospection: url, oauthclient: "id" }, "oauthclient"],
  ];
  for (const [files, name] of wrong) {
    const result = await settings(files).then(() => "", (error) => error instanceof Error ? error.message : "");
    assert(result.includes(`control/${name}`), `${JSON.stringify(files)}: ${result}`);
  }
  await Deno.remove(folder, { recursive: true });
});
