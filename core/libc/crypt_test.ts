/** Tests of crypt.ts: the library where it is, JavaScript where it is not. */
import { assertEquals } from "../../tests/support/assert.ts";
import { backgroundCrypt, cryptInBackground, hasLibcrypt } from "./crypt.ts";

hasLibcrypt();

Deno.test("a library that is not there is told, not thrown", () => {
  assertEquals(hasLibcrypt(), true);
  assertEquals(hasLibcrypt("libcrypt-of-no-host.so.7"), false);
});

Deno.test("without the library the hashes are the same", async () => {
  const inJavaScript = await backgroundCrypt(false);
  for (
    const setting of [
      "ab",
      "$1$salt",
      "$5$rounds=1000$salt",
      "$6$rounds=1000$salt",
      "$2b$04$abcdefghijklmnopqrstuu",
      "$y$j75$salt",
    ]
  ) {
    const expected = await cryptInBackground("secret", setting);
    assertEquals(typeof expected, "string", setting);
    assertEquals(await inJavaScript("secret", setting), expected);
    assertEquals(await inJavaScript("secret", expected!), expected);
  }
});
