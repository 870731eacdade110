/** Tests of the codecs of descriptor 3: checkpassword, setpassword, and records of Courier's kind. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { seededRandom } from "../../tests/support/mail_log.ts";
import { cramType, formatAuthRecord, parseAuthRecord, RECORD_BYTES_MAX } from "./auth_module.ts";
import {
  formatLogin,
  formatPasswordChange,
  LOGIN_BYTES_MAX,
  parseLogin,
  parsePasswordChange,
} from "./checkpassword.ts";
import { isDisabled } from "./disabled_methods.ts";
import { parseModuleUser } from "./module_login.ts";

/** Texts of any characters but NUL, or of bytes that are no UTF-8. */
function someText(random: () => number): string {
  const alphabet = ["a", "Z", "@", "%", " ", "\n", "é", "水", "😀", "\udcff", "'", "$", "\\"];
  return Array.from({ length: Math.floor(random() * 12) }, () => alphabet[Math.floor(random() * alphabet.length)]!)
    .join(
      "",
    );
}

Deno.test("what is written for descriptor 3 is read back, whatever the texts are", () => {
  const random = seededRandom(5);
  for (let round = 0; round < 2000; round++) {
    const [name, oldPassword, newPassword] = [someText(random), someText(random), someText(random)];
    const login = parseLogin(formatLogin(name, oldPassword));
    const change = parsePasswordChange(formatPasswordChange({ name, oldPassword, newPassword }));
    // a text that is not UTF-8 as a whole comes back byte for byte: written again it is the same
    assertEquals(formatLogin(login.name, login.password), formatLogin(name, oldPassword), `round ${round}`);
    assertEquals(formatPasswordChange(change), formatPasswordChange({ name, oldPassword, newPassword }));
    assertEquals(login.method, { kind: "password" });
    assertEquals(login.response, "");
  }
});

Deno.test("a login has a name, a password, perhaps a response, and one of seventeen methods", () => {
  const kinds = new Set<string>();
  for (let method = 0; method <= 17; method++) {
    const login = parseLogin(Uint8Array.of(117, 0, 112, 0, 114, 0, method, 0));
    assertEquals([login.name, login.password, login.response], ["u", "p", "r"]);
    assertEquals(login.plain, method < 3);
    kinds.add(login.method.kind);
  }
  assertEquals([...kinds], ["password", "cram", "digest", "scram", "token"]);
  assertThrows(() => parseLogin(Uint8Array.of(117, 0, 112, 0, 0, 18, 0)), Usage);
  assertEquals(parseLogin(latin1Bytes("u\0p\0")).method.kind, "password");
  assertThrows(() => parseLogin(latin1Bytes("u\0p")), Usage);
  assertThrows(() => parseLogin(new Uint8Array()), Usage);
});

Deno.test("512 bytes are taken and 513 are not", () => {
  const most = latin1Bytes(`u\0${"p".repeat(LOGIN_BYTES_MAX - 3)}\0`);
  assertEquals(parseLogin(most).password.length, LOGIN_BYTES_MAX - 3);
  assertThrows(() => parseLogin(latin1Bytes(`u\0${"p".repeat(LOGIN_BYTES_MAX - 2)}\0`)), Usage);
  assertThrows(() => formatLogin("u", "p".repeat(LOGIN_BYTES_MAX)), RangeError);
  assertThrows(() => formatLogin("u\0v", "p"), RangeError);
  assertThrows(() => parsePasswordChange(latin1Bytes(`u\0${"p".repeat(LOGIN_BYTES_MAX)}\0n\0`)), Usage);
});

Deno.test("random bytes on descriptor 3 are a login or misuse, never a surprise", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 3000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 40) }, () => Math.floor(random() * 20));
    for (const parse of [parseLogin, parsePasswordChange, parseAuthRecord]) {
      try {
        assertEquals(parse(bytes).bytes, bytes);
      } catch (error) {
        if (!(error instanceof Usage)) throw error;
      }
    }
  }
});

Deno.test("a record of Courier's kind has a service, a type and two lines", () => {
  const record = formatAuthRecord(["imap", "login", "ann@example.org", "se cret"]);
  assertEquals(record && latin1Text(record), "imap\nlogin\nann@example.org\nse cret\n");
  assertEquals(record && parseAuthRecord(record).request, {
    kind: "password",
    name: "ann@example.org",
    password: "se cret",
  });
  const cram = parseAuthRecord(latin1Bytes(`pop3\ncram-sha256\n${btoa("<1@b>")}\n${btoa("ann b ABCDEF")}\n`));
  assertEquals(cram.service, "pop3");
  assertEquals(cram.request, {
    kind: "cram",
    name: "ann b",
    hash: "sha256",
    challenge: "<1@b>",
    digestHex: "abcdef",
  });
  assertEquals(parseAuthRecord(latin1Bytes("imap\npass\nann\nold\nnew\n")).request, { kind: "other", type: "pass" });
  assertEquals(parseAuthRecord(latin1Bytes("imap\ncram-md5\n!\n!\n")).request.kind, "malformed");
  assertThrows(() => parseAuthRecord(latin1Bytes("imap\nlogin\n")), Usage);
  assertThrows(() => parseAuthRecord(new Uint8Array(RECORD_BYTES_MAX + 1)), Usage);
  for (const bad of ["a\nb", "a\0b", "a".repeat(RECORD_BYTES_MAX)]) {
    assertEquals(formatAuthRecord(["imap", "login", bad, "x"]), undefined);
  }
  assertEquals([cramType("md5"), cramType("ripemd160"), cramType("sha224")], ["cram-md5", "cram-ripemd", undefined]);
});

Deno.test("the environment of the modules tells who was let in, or that nobody was", () => {
  const of = (text: string) => parseModuleUser(latin1Bytes(text));
  assertEquals(of("HOME=/h\0AUTHENTICATED=ann\0MAILDIR=/h/Maildir\0MAILDIRQUOTA=5S\0"), {
    user: "ann",
    maildir: "/h/Maildir",
    quota: "5S",
  });
  assertEquals(of("HOME=/h\0AUTHENTICATED=ann\0"), { user: "ann", maildir: "/h/Maildir", quota: "" });
  assertEquals(of("HOME=/h\0AUTHENTICATED=\0"), undefined);
  assertEquals(of(""), undefined);
});

Deno.test("each method has a variable that switches it off", () => {
  const set = (name: string) => (asked: string) => asked === name ? "" : undefined;
  assertEquals(isDisabled({ kind: "password" }, set("DISABLE_CRYPT")), true);
  assertEquals(isDisabled({ kind: "cram", hash: "ripemd160" }, set("DISABLE_CRAM_RIPEMD")), true);
  assertEquals(isDisabled({ kind: "scram", hash: "sha-256" }, set("DISABLE_SCRAM_SHA256")), true);
  assertEquals(isDisabled({ kind: "digest" }, set("DISABLE_DIGEST_MD5")), true);
  assertEquals(isDisabled({ kind: "token" }, set("DISABLE_AUTH_OAUTH2")), true);
  assertEquals(isDisabled({ kind: "password" }, set("DISABLE_CRAM_MD5")), false);
});
