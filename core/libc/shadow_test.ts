/** Tests of shadow.ts: lines of the file, ages, and the C library where it may read the file. */
import { assertEquals } from "../../tests/support/assert.ts";
import { libc } from "./libc.ts";
import { parseShadowLine, passwordFieldByName, shadowByName, shadowRefusal } from "./shadow.ts";

libc();

Deno.test("a line of shadow gives hash and days, and only to its own account", () => {
  const line = "ann:$6$salt$hash:20000:0:90:7:14:21000:";
  assertEquals(parseShadowLine(line, "ann"), { hash: "$6$salt$hash", expiresDay: 21000, passwordEndsDay: 20104 });
  assertEquals(parseShadowLine(line, "an"), undefined);
  assertEquals(parseShadowLine("bob:*:20000:0:99999:7:::", "bob"), {
    hash: "*",
    expiresDay: -1,
    passwordEndsDay: -1,
  });
});

Deno.test("an account is closed from its day on, a password the day after its last", () => {
  const entry = { hash: "x", expiresDay: 100, passwordEndsDay: 50 };
  assertEquals(shadowRefusal(entry, 50), undefined);
  assertEquals(shadowRefusal(entry, 51), "the password has expired");
  assertEquals(shadowRefusal({ ...entry, passwordEndsDay: -1 }, 99), undefined);
  assertEquals(shadowRefusal({ ...entry, passwordEndsDay: -1 }, 100), "the account has expired");
});

Deno.test("the C library knows root, and nobody called like no account", () => {
  assertEquals(passwordFieldByName("root") === undefined, false);
  assertEquals(passwordFieldByName("no-such-account"), undefined);
  assertEquals(shadowByName("no-such-account"), undefined);
  if (Deno.uid() === 0) assertEquals(typeof shadowByName("root")?.hash, "string");
});
