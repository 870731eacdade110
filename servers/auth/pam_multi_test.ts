/** What pam-multi and pam-checkpwd decide by themselves: commands for a name, verdicts, expiry; the rest is in tests/interop/pam_test.ts. */
import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { makeSite } from "../../tests/support/site.ts";
import { Temporary } from "../../core/errors.ts";
import { PAM } from "../../core/libc/pam.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import type { AuthResult } from "../../storage/accounts/lookup_types.ts";
import { authService, checkLogin, expiryTimes } from "./iauth.ts";
import { fillCommand, partsOf, unbracketed } from "./pam_multi_source.ts";
import { pamVerdict } from "./pam_verdict.ts";

Deno.test("a command gets names that are plain, and no others", () => {
  const fill = (name: string) => fillCommand("[look %u %d '%U' \"%D\" 100%% %x]", partsOf(name, "mail.test"));
  assertEquals(fill("alice"), "look alice mail.test 'alice' \"mail.test\" 100% %x");
  assertEquals(fill("a.b_c+d-e@x-y.test"), "look a.b_c+d-e x-y.test 'a.b_c+d-e' \"x-y.test\" 100% %x");
  const hostile = [
    "",
    "-rf",
    "a b",
    "a;b",
    "a$b",
    "a`b",
    "a'b",
    'a"b',
    "a\\b",
    "a\nb",
    "é",
    "a/b",
    "a*",
    "a@",
    "a@b c",
    ".a",
  ];
  for (const name of hostile) assertEquals(fill(name), undefined, JSON.stringify(name));
});

Deno.test("brackets around a whole statement are those of the PAM file", () => {
  assertEquals(["[select 1]", " [a] ", "select [1]", "[a"].map(unbracketed), ["select 1", "a", "select [1]", "[a"]);
});

Deno.test("a verdict is yes, no, or trouble; what pam_exec hides is found in its message", () => {
  const verdict = (code: number, ...messages: string[]) => pamVerdict({ code, messages });
  assertEquals(verdict(PAM.success), "accepted");
  for (const code of [PAM.authError, PAM.userUnknown, PAM.accountExpired, PAM.permissionDenied, PAM.maxTries]) {
    assertEquals(verdict(code), "refused", String(code));
    assertEquals(verdict(PAM.systemError, "hello", `/usr/bin/pam-multi failed: exit code ${code}`), "refused");
  }
  for (const code of [PAM.authinfoUnavailable, PAM.serviceError, PAM.abort, PAM.moduleUnknown, PAM.sessionError]) {
    assertEquals(verdict(code), "temporary", String(code));
    assertEquals(verdict(PAM.systemError, `/usr/bin/pam-multi failed: exit code ${code}`), "temporary");
  }
  assertEquals(verdict(PAM.systemError), "temporary");
  assertEquals(verdict(PAM.systemError, "/bin/false failed: exit code 1"), "refused");
  assertEquals(verdict(PAM.systemError, "x failed: exit code 111"), "temporary");
  assertEquals(verdict(PAM.systemError, "x failed: caught signal 9"), "temporary");
});

Deno.test("iauth asks for the service that the name begins with, and tells why a login is not let in", async () => {
  assertEquals(["imap", "IMAP:tls", "pop3s", "smtp", "webmail", ""].map(authService), [
    "imap",
    "imap",
    "pop3",
    "smtp",
    "auth",
    "auth",
  ]);
  const login = { name: "Alice@mail.test", password: "pw", service: "imap", remoteHost: "" };
  const check = (result: AuthResult) => checkLogin({ verifyPassword: () => Promise.resolve(result) }, login);
  assertEquals((await check({ kind: "denied" })).code, PAM.authError);
  assertEquals((await check({ kind: "forbidden", reason: "IMAP is switched off" })).code, PAM.permissionDenied);
  assertEquals((await check({ kind: "forbidden", reason: "this password has expired" })).code, PAM.accountExpired);
  for (const [flags, code] of [[0, PAM.success], [USER_FLAGS.noWebmail, PAM.permissionDenied]] as const) {
    const account = {
      address: "alice@mail.test",
      uid: 1,
      gid: 1,
      flags,
      gecos: "",
      home: "",
      quota: "",
      inactive: false,
    };
    const lookup = { verifyPassword: () => Promise.resolve({ kind: "ok", account, mayRelay: true } as const) };
    assertEquals((await checkLogin(lookup, { ...login, service: "webmail" })).code, code);
    assertEquals((await checkLogin(lookup, login)).code, PAM.success);
  }
  const down = { verifyPassword: () => Promise.reject(new Temporary("no daemon")) };
  await assertRejects(() => checkLogin(down, login), Temporary);
});

Deno.test("an account ends so many days after its last login, a password after its change, or as the limits say", async () => {
  await using site = await makeSite();
  await site.addDomain("mail.test");
  await site.addUser("alice@mail.test", "pw");
  const { accounts } = site.command;
  const user = { user: "alice", domain: "mail.test" };
  const times = (env: Readonly<Record<string, string>> = {}) => expiryTimes(accounts, user, (name) => env[name]);
  await accounts.lastauth.remove("alice", "mail.test");
  assertEquals(await times(), { account: 0, password: 0 });
  const event = { ...user, remoteIp: "", quotaBytes: 0, gecos: "" };
  await accounts.lastauth.write([
    { ...event, service: "pop3", seconds: 1_000_000 },
    { ...event, service: "imap", seconds: 2_000_000 },
    { ...event, service: "deli", seconds: 9_000_000 },
    { ...event, service: "pass", seconds: 500_000 },
  ]);
  assertEquals(await times(), { account: 2_000_000 + 60 * 86_400, password: 500_000 + 60 * 86_400 });
  const days = { ACCT_INACT_EXPIRY: "1", PASSWORD_EXPIRY: "2" };
  assertEquals(await times(days), { account: 2_086_400, password: 672_800 });
  assertEquals(await times({ DOMAIN_LIMITS: "1" }), { account: 0, password: 0 });
});
