/** Tests of crypt.ts: every scheme against libcrypt, both ways, with passwords and salts of all kinds. */
import { assertEquals } from "../../tests/support/assert.ts";
import { crypt, libcrypt } from "../libc/crypt.ts";
import { CRYPT_PASSWORD_BYTES_MAX, cryptInJavaScript } from "./crypt.ts";

libcrypt();

const PASSWORDS = ["", "a", "secret", "12345678", "123456789", "Überraschung für 雪", "x".repeat(72), "y".repeat(73)];
const LONG = "long ".repeat(100).slice(0, CRYPT_PASSWORD_BYTES_MAX);

/** Settings of a scheme, and whether they take long. */
const SETTINGS: readonly (readonly [name: string, settings: readonly string[], passwords: readonly string[]])[] = [
  ["DES", ["ab", "./", "zZ", "9A", "ab1234567890."], [...PASSWORDS, LONG]],
  ["MD5", ["$1$", "$1$abc", "$1$saltsalt", "$1$saltsalt$", "$1$./012345$whatever"], [...PASSWORDS, LONG]],
  ["SHA-256", ["$5$salt", "$5$rounds=1000$saltsaltsaltsalt", "$5$rounds=1400$anotherlongsaltstring"], [
    ...PASSWORDS,
    LONG,
  ]],
  ["SHA-512", ["$6$salt", "$6$rounds=1000$saltsaltsaltsalt", "$6$rounds=1234$s$x"], [...PASSWORDS, LONG]],
  [
    "bcrypt",
    ["$2b$04$abcdefghijklmnopqrstuu", "$2y$05$./ABCDEFGHIJKLMNOPQRS.", "$2a$04$......................"],
    PASSWORDS,
  ],
  [
    "yescrypt",
    ["$y$j75$saltSALT1234", "$y$j85$././abcdefghijklmnop/.", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1"],
    PASSWORDS.slice(2, 6),
  ],
];

for (const [name, settings, passwords] of SETTINGS) {
  Deno.test(`${name} is what libcrypt makes`, async () => {
    for (const setting of settings) {
      for (const password of passwords) {
        const expected = crypt(password, setting);
        assertEquals([setting, password, await cryptInJavaScript(password, setting)], [setting, password, expected]);
        if (expected === undefined) throw new Error(`libcrypt refuses ${setting}`);
        assertEquals(await cryptInJavaScript(password, expected), expected);
      }
    }
  });
}

Deno.test("random salts of every scheme give what libcrypt makes", async () => {
  const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  const salt = (length: number) =>
    Array.from(crypto.getRandomValues(new Uint8Array(length)), (n) => digits[n & 63]).join("");
  for (let round = 0; round < 20; round++) {
    const password = salt(1 + round * 3);
    for (
      const setting of [
        salt(2),
        `$1$${salt(8)}`,
        `$5$rounds=1000$${salt(16)}`,
        `$6$rounds=1000$${salt(16)}`,
        `$2b$04$${salt(21)}.`,
      ]
    ) {
      assertEquals(await cryptInJavaScript(password, setting), crypt(password, setting), `${setting} ${password}`);
    }
  }
});

Deno.test("what is no setting, has a NUL or is too long gives nothing", async () => {
  for (
    const setting of [
      "",
      "a",
      "$",
      "$9$salt",
      "$6$rounds=10$salt",
      "$2b$03$abcdefghijklmnopqrstuu",
      "$2b$04$short",
      "$y$",
      "$y$zzz$x",
      "*0",
    ]
  ) {
    assertEquals(await cryptInJavaScript("secret", setting), undefined, setting);
  }
  assertEquals(await cryptInJavaScript("a\0b", "ab"), undefined);
  assertEquals(await cryptInJavaScript("x".repeat(CRYPT_PASSWORD_BYTES_MAX + 1), "$6$salt"), undefined);
});
