/** control/mailroots is read strictly: a wrong line would open a fence for what nobody meant. */
import { assertEquals, assertThrows } from "../tests/support/assert.ts";
import { Permanent } from "./errors.ts";
import { MAIL_ROOTS_MAX, parseMailRoots, readMailRoots } from "./mail_roots.ts";

Deno.test("mail roots are absolute folders, a line each; comments and empty lines are left out", () => {
  assertEquals(parseMailRoots("# more disks\n/srv/mail \n\n/disk2/mail\n", "x"), ["/srv/mail", "/disk2/mail"]);
  assertEquals(readMailRoots({ control: "/nonexistent" }), []);
});

Deno.test("a mail root that is relative, the root folder or climbs is refused with file and line", () => {
  for (const line of ["srv/mail", "/", "//", "/srv/../etc", "../x"]) {
    const error = assertThrows(() => parseMailRoots(`/ok\n${line}\n`, "control/mailroots"), Permanent);
    assertEquals(error.message.startsWith("control/mailroots line 2: "), true);
  }
  assertThrows(() => parseMailRoots("/a\n".repeat(MAIL_ROOTS_MAX + 1), "x"), Permanent);
});
