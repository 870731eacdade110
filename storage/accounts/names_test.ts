import { assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { checkDomainName, checkFallback, checkFolder } from "./names.ts";

Deno.test("a folder is named by its whole path, without what would break users/assign", () => {
  assertEquals(checkFolder("-d", "/srv/mail//".slice(0, -1)), "/srv/mail");
  assertEquals(checkFolder("-d", "/srv/ä b"), "/srv/ä b");
  for (
    const wrong of [
      "",
      "/",
      "srv",
      "../srv",
      "/srv/../x",
      "/srv/./x",
      "/srv//x",
      "/a\nb",
      "/a:b",
      `/${"x".repeat(100)}`,
    ]
  ) {
    assertThrows(() => checkFolder("-d", wrong), Permanent);
  }
});

Deno.test("what becomes of mail for nobody is one word for a shell", () => {
  for (
    const right of ["bounce-no-mailbox", "delete", "all@example.org", "/home/mail/all/Maildir", "a+b%c@example.org"]
  ) {
    assertEquals(checkFallback("-E", right), right);
  }
  for (const wrong of ["", "-x", "a b", "a;b", "$(id)", "`id`", "a'b", "a\nb", "a|b", "a>b", "*", "x".repeat(300)]) {
    assertThrows(() => checkFallback("-E", wrong), Permanent);
  }
});

Deno.test("a refused name is shown so that it can be seen", () => {
  assertMatch(assertThrows(() => checkDomainName(""), Permanent).message, /^"" is not a domain name/);
  assertMatch(assertThrows(() => checkDomainName("a\nb"), Permanent).message, /^"a\\nb" is not a domain name/);
});
