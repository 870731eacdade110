import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { libcrypt } from "../../core/libc/crypt.ts";
import { parseBase64 } from "../../mail/sasl/base64.ts";
import { isScramMethod, makeCredential, parseCredential, SCRAM_METHODS } from "./credentials.ts";
import {
  chooseHashScheme,
  hashPassword,
  type HashScheme,
  isHashed,
  parseHashScheme,
  randomPassword,
  sameText,
  verifyPassword,
} from "./passwords.ts";

libcrypt();

const SHAPES: Record<HashScheme, RegExp> = {
  DES: /^[./0-9A-Za-z]{13}$/,
  MD5: /^\$1\$.{8}\$.{22}$/,
  "SHA-256": /^\$5\$.{16}\$.{43}$/,
  "SHA-512": /^\$6\$.{16}\$.{86}$/,
  BCRYPT: /^\$2b\$10\$.{53}$/,
  YESCRYPT: /^\$y\$j9T\$.{22}\$.{43}$/,
};

for (const scheme of Object.keys(SHAPES) as HashScheme[]) {
  Deno.test(`${scheme} hashes have their shape and check`, async () => {
    const hash = await hashPassword("pässword", scheme);
    assertMatch(hash, SHAPES[scheme]);
    assert(isHashed(hash));
    assert(await verifyPassword("pässword", hash));
    assert(!(await verifyPassword("passwort", hash)));
    assert(hash !== await hashPassword("pässword", scheme), "the salt is random");
  });
}

Deno.test("a hash is no password, also one of a scheme that is not known", async () => {
  const hashes = [
    "abJnggxhB/yWI",
    "_J9..rasmBYk8r9AiWNc",
    "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
    "$sha1$40000$jtNX3nZ2$x",
    "$9$x$y",
  ];
  for (const stored of hashes) {
    assert(isHashed(stored), stored);
    assert(!(await verifyPassword(stored, stored)), stored);
  }
  for (const stored of ["secret", "$money", "12 characters", "a$6$b"]) {
    assert(!isHashed(stored), stored);
    assert(await verifyPassword(stored, stored), stored);
  }
});

Deno.test("hashes made elsewhere check", async () => {
  // made by openssl passwd and by perl's crypt
  const known: readonly (readonly [string, string])[] = [
    ["Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"],
    [
      "Hello world!",
      "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ],
    ["rasmuslerdorf", "rl.3StKT.4T8M"],
    ["rasmuslerdorf", "$1$rasmusle$rISCgZzpwk3UhDidwXvin0"],
  ];
  for (const [password, hash] of known) {
    assert(await verifyPassword(password, hash), hash);
    assert(!(await verifyPassword(`${password}x`.slice(1), hash)), hash);
  }
});

Deno.test("no user, no stored password and unusable input never check", async () => {
  assert(!(await verifyPassword("x", undefined)));
  assert(!(await verifyPassword("", "")));
  assert(!(await verifyPassword("a\0b", await hashPassword("a"))));
  assert(!(await verifyPassword("x".repeat(600), await hashPassword("x"))));
  await assertRejects(() => hashPassword("x".repeat(600)), Permanent);
  await assertRejects(() => hashPassword("a\0b"), Permanent);
});

Deno.test("many checks at once all get their answers", async () => {
  const hash = await hashPassword("right", "MD5");
  const passwords = Array.from({ length: 100 }, (_, at) => at % 2 === 0 ? "right" : "wrong");
  const results = await Promise.all(passwords.map((password) => verifyPassword(password, hash)));
  assertEquals(results, passwords.map((password) => password === "right"));
});

Deno.test("the first name that is set chooses the scheme", () => {
  assertEquals(chooseHashScheme(), "SHA-512");
  assertEquals(chooseHashScheme(undefined, "", "sha-256\n", "DES"), "SHA-256");
  assertEquals(parseHashScheme("3"), "SHA-512");
  assertEquals(parseHashScheme("SHA-3"), undefined);
  assertThrows(() => chooseHashScheme("rot13"), Permanent);
});

Deno.test("random passwords have their length", () => {
  assertMatch(randomPassword(24), /^[A-Za-z2-9]{24}$/);
  assert(randomPassword(12) !== randomPassword(12));
  assert(sameText("a", "a") && !sameText("a", "b") && !sameText("a", "ab"));
});

Deno.test("SCRAM credentials of the column have the keys of RFC 5802's example", async () => {
  const column = await makeCredential("pencil", { method: "SCRAM-SHA-1", saltBase64: "QSXCR+Q6sek8bf92" });
  assertEquals(column, "{SCRAM-SHA-1}4096,QSXCR+Q6sek8bf92,6dlGYMOdZcOPutkcNY8U2g7vK9Y=,D+CSWLOshSulAsxiupA+qs2/fTE=");
  assertEquals(parseCredential(column).scram?.storedKey, parseBase64("6dlGYMOdZcOPutkcNY8U2g7vK9Y="));
});

for (const method of Object.keys(SCRAM_METHODS).filter(isScramMethod)) {
  Deno.test(`${method} credentials read back, with and without clear text, and fit their column`, async () => {
    const plain = parseCredential(await makeCredential("pa:ss,wörd", { method, iterations: 5000 }));
    assertEquals([plain.scram?.hash, plain.scram?.iterations, plain.clearText], [
      SCRAM_METHODS[method],
      5000,
      undefined,
    ]);
    const column = await makeCredential("pa:ss,wörd", { method, keepClearText: true });
    assertEquals(parseCredential(column).clearText, "pa:ss,wörd");
    if (method !== "SCRAM-SHA-512") assert(column.length <= 255, String(column.length));
  });
}

Deno.test("CRAM credentials are clear text, and what is not understood is nothing", async () => {
  assertEquals(await makeCredential("secret", { keepClearText: true }), "{CRAM}secret");
  assertEquals(await makeCredential("secret", {}), "");
  assertEquals(parseCredential("{CRAM}se:cret"), { clearText: "se:cret" });
  for (
    const column of ["", "{CRAM}", "{MD5}x", "secret", "{SCRAM-SHA-1}0,QQ==,QQ==,QQ==", "{SCRAM-SHA-1}1,Q,QQ==,QQ=="]
  ) {
    assertEquals(parseCredential(column), {}, column);
  }
  await assertRejects(() => makeCredential("x", { method: "SCRAM-SHA-1", saltBase64: "*" }), Permanent);
  await assertRejects(() => makeCredential("x", { method: "SCRAM-SHA-1", iterations: 0 }), Permanent);
});
