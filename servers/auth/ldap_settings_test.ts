import { assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { seededRandom } from "../../tests/support/mail_log.ts";
import { escapeFilterValue, fillFilter, readLdapSettings, serverName } from "./ldap_settings.ts";

const read = (env: Readonly<Record<string, string>> = {}) => readLdapSettings((name) => env[name], env);
const SEED = 7_401;

Deno.test("without variables the settings are the original's", () => {
  assertEquals(read(), {
    server: { kind: "tcp", host: "localhost", port: 389, tls: "none" },
    caFile: undefined,
    verify: true,
    timeoutMs: 10_000,
    bindDn: "",
    bindPassword: "",
    base: "ou=mail,o=enterprise",
    scope: "sub",
    filter: "(&(uid=%u)(dc=%h))",
    fields: new Map(),
  });
});

Deno.test("the server is a host, an address or a URL, its port in the URL before LDAP_PORT", () => {
  const server = (LDAP_HOST: string, more: Readonly<Record<string, string>> = {}) =>
    serverName(read({ LDAP_HOST, ...more }).server);
  assertEquals(server("ldap.test"), "ldap.test port 389");
  assertEquals(server("ldap.test:1389", { LDAP_PORT: "5" }), "ldap.test port 1389");
  assertEquals(server("ldap://ldap.test/", { LDAP_PORT: "5" }), "ldap.test port 5");
  assertEquals(server("LDAPS://ldap.test"), "ldap.test port 636");
  assertEquals(server("::1"), "::1 port 389");
  assertEquals(server("ldaps://[::1]:1636"), "::1 port 1636");
  assertEquals(server("ldapi://%2frun%2fldap"), "/run/ldap");
  assertEquals(server("ldapi:///run/ldap"), "/run/ldap");
  const tls = (env: Readonly<Record<string, string>>) => {
    const { server } = read(env);
    return server.kind === "tcp" ? server.tls : "";
  };
  assertEquals(tls({ LDAP_STARTTLS: "1" }), "start");
  assertEquals(tls({ LDAP_STARTTLS: "1", LDAP_HOST: "ldaps://a" }), "whole");
});

Deno.test("a scope may be written in full", () => {
  const scopes = ["base", "baseObject", "one", "onelevel", "sub", "subtree", "children", ""];
  assertEquals(scopes.map((LDAP_SCOPE) => read({ LDAP_SCOPE }).scope), [
    "base",
    "base",
    "one",
    "one",
    "sub",
    "sub",
    "children",
    "sub",
  ]);
});

Deno.test("a wrong variable is refused by its name", () => {
  const wrong: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ LDAP_SCOPE: "all" }, /^LDAP_SCOPE: all/],
    [{ LDAP_PORT: "70000" }, /^LDAP_PORT: 70000/],
    [{ LDAP_TIMEOUT: "0" }, /^LDAP_TIMEOUT: 0/],
    [{ LDAP_HOST: "a/b" }, /^LDAP_HOST: a\/b/],
    [{ LDAP_HOST: "http://a" }, /^LDAP_HOST: /],
  ];
  for (const [env, message] of wrong) assertMatch(assertThrows(() => read(env), Temporary).message, message);
});

Deno.test("attributes are asked for by the names behind LDAP_FIELD_, a bind password only with a name", () => {
  const env = { LDAP_FIELD_UID: "uidNumber", LDAP_FIELD_X: "", LDAP_BIND_PASSWD: "secret", LDAPTLS_REQCERT: "Never" };
  const settings = read(env);
  assertEquals([...settings.fields], [["UID", "uidNumber"]]);
  assertEquals([settings.bindPassword, settings.verify], ["", false]);
  assertEquals(read({ ...env, LDAP_BIND_DN: "cn=a" }).bindPassword, "secret");
});

Deno.test("a filter has the parts of the login in their places, escaped", () => {
  const filled = fillFilter("(&(uid=%u)(dc=%h)(mail=%e)(x=100%%)(y=%z))", "a*@b(c@d\\e");
  assertEquals(filled, "(&(uid=a\\2a@b\\28c)(dc=d\\5ce)(mail=a\\2a@b\\28c@d\\5ce)(x=100%)(y=%z))");
  assertEquals(fillFilter("(uid=%u)(dc=%h)", "alice"), "(uid=alice)(dc=)");
  assertEquals(escapeFilterValue("\0é\n"), "\\00\\c3\\a9\\0a");
});

Deno.test("an escaped value has nothing of a filter left in it, and comes back unescaped", () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 500; round++) {
    const length = Math.floor(random() * 20);
    const value = Array.from({ length }, () => String.fromCodePoint(Math.floor(random() * 0x300))).join("");
    const escaped = escapeFilterValue(value);
    assertMatch(escaped, /^(?:[ !-'+-[\]-~]|\\[0-9a-f]{2})*$/, `seed ${SEED}, round ${round}`);
    const bytes = escaped.replaceAll(/\\([0-9a-f]{2})/g, (_, hex: string) => `%${hex}`);
    const plain = bytes.replaceAll(/%(?![0-9a-f]{2})/g, "%25");
    if (!value.includes("%")) assertEquals(decodeURIComponent(plain), value);
  }
});
