/** Stronger forms of stored passwords: when, which, and never over a password that was changed meanwhile; on both drivers. */
import { assert, assertEquals, assertMatch, assertThrows } from "../../../tests/support/assert.ts";
import { mariadbAvailable, startMariadb } from "../../../tests/support/mariadb.ts";
import { Permanent } from "../../../core/errors.ts";
import { libcrypt } from "../../../core/libc/crypt.ts";
import { ControlFiles } from "../../control/control.ts";
import { Accounts } from "../accounts.ts";
import { makeCredential, parseCredential } from "../credentials.ts";
import type { Database } from "../database.ts";
import { openMysql } from "../mysql.ts";
import { type PasswordRenewal, PasswordRenewals } from "./password_renewal.ts";
import { fallsShort, readWantedScheme, schemeOf, strengthened, type WantedScheme } from "./password_strength.ts";
import { hashPassword, verifyPassword } from "../passwords.ts";
import { openSqlite } from "../sqlite.ts";
import type { UserRow } from "../users.ts";

libcrypt();

const SHA256: WantedScheme = { hash: "SHA-256", clearText: false };
const SCRAM: WantedScheme = { scram: "SCRAM-SHA-256", clearText: false };

Deno.test("control/passwordscheme names a hash, a SCRAM method and cleartext, and nothing else", async () => {
  const directory = await Deno.makeTempDir();
  const read = async (text: string) => {
    await Deno.writeTextFile(`${directory}/passwordscheme`, text);
    return readWantedScheme(new ControlFiles(directory));
  };
  try {
    assertEquals(readWantedScheme(new ControlFiles(directory)), undefined);
    assertEquals(await read("# none\n"), undefined);
    assertEquals(await read("yescrypt\n"), { hash: "YESCRYPT", clearText: false });
    assertEquals(await read("SHA-512 scram-sha-256\ncleartext\n"), {
      hash: "SHA-512",
      scram: "SCRAM-SHA-256",
      clearText: true,
    });
    for (const wrong of ["SHA-1", "SHA-512 MD5", "SCRAM-SHA-1 SCRAM-SHA-256"]) {
      await Deno.writeTextFile(`${directory}/passwordscheme`, wrong);
      const error = assertThrows(() => readWantedScheme(new ControlFiles(directory)), Permanent);
      assertMatch(error.message, /passwordscheme/, wrong);
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("what falls short of what is wanted, and what never does", async () => {
  const des = { password: "rl.3StKT.4T8M", scram: "" };
  const hashes = [des.password, "$1$rasmusle$rISCgZzpwk3UhDidwXvin0", "$5$s$hashhashhash", "$6$s$hashhashhash"];
  const stronger = ["$2b$10$hashhashhash", "$y$j9T$hashhashhash"];
  const falls = (password: string, wanted: WantedScheme) => fallsShort({ password, scram: "" }, wanted);
  assertEquals(hashes.map((hash) => falls(hash, SHA256)), [true, true, false, false]);
  assertEquals(stronger.map((hash) => falls(hash, SHA256)), [false, false]);
  assertEquals([...hashes, ...stronger].map((hash) => falls(hash, { hash: "YESCRYPT", clearText: false })), [
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
  assertEquals(falls("clear text", SHA256), false);
  assertEquals(falls("clear text", { ...SCRAM, ...SHA256 }), false);
  assertEquals(falls("clear text", { ...SHA256, clearText: true }), true);
  assertEquals(falls("", { ...SHA256, clearText: true }), false);
  const sha1 = await makeCredential("secret", { method: "SCRAM-SHA-1", iterations: 10 });
  const sha256 = await makeCredential("secret", { method: "SCRAM-SHA-256", iterations: 10 });
  const sha512 = await makeCredential("secret", { method: "SCRAM-SHA-512", iterations: 10 });
  const scrams = ["", "{CRAM}secret", sha1, sha256, sha512, "{OTHER}kept"];
  assertEquals(scrams.map((scram) => fallsShort({ ...des, scram }, SCRAM)), [true, true, true, false, false, false]);
});

Deno.test("a form made anew checks, keeps clear text that was kept, and nothing that would not fit", async () => {
  const both: WantedScheme = { ...SHA256, ...SCRAM };
  const stored = { password: await hashPassword("secret", "MD5"), scram: "{CRAM}secret" };
  const after = await strengthened("secret", stored, both);
  assert(after && schemeOf(after.password) === "SHA-256" && await verifyPassword("secret", after.password));
  assertEquals(parseCredential(after.scram).scram?.hash, "sha-256");
  assertEquals(parseCredential(after.scram).clearText, "secret");
  assertEquals(await strengthened("secret", after, both), undefined);
  const other = await strengthened("secret", { ...stored, scram: "{CRAM}of another password" }, both);
  assertEquals(other?.scram, "{CRAM}of another password");
  const long = "x".repeat(60);
  const tight = { password: await hashPassword(long, "MD5"), scram: `{CRAM}${long}` };
  for (const scram of ["SCRAM-SHA-256", "SCRAM-SHA-512"] as const) {
    assertEquals(await strengthened(long, tight, { scram, clearText: false }), undefined, scram);
  }
});

function userOf(name: string, stored: { readonly password: string; readonly scram: string }): UserRow {
  return {
    name,
    domain: "example.org",
    uid: 0,
    flags: 0,
    gecos: "",
    home: "/h",
    quota: "NOQUOTA",
    inactive: false,
    ...stored,
  };
}

async function suite(t: Deno.TestContext, database: Database): Promise<void> {
  const accounts = new Accounts(database);
  const { users } = accounts;
  const renewals = new PasswordRenewals(database, accounts.tables);
  const before = { password: "$1$salt$Hash", scram: "" };
  const after = { password: "$6$salt$hash", scram: "{CRAM}x" };
  const renewal = (name: string): PasswordRenewal => ({ name, domain: "example.org", before, after });
  const columns = async (name: string) => {
    const user = await users.find(name, "example.org");
    return user && { password: user.password, scram: user.scram };
  };
  try {
    await t.step("a renewal replaces the form that was found, of active and inactive users", async () => {
      await users.add(userOf("active", before));
      await users.add({ ...userOf("inactive", before), inactive: true });
      const done = await renewals.apply(["active", "inactive", "nobody"].map(renewal));
      assertEquals(done.map(({ name }) => name), ["active", "inactive"]);
      assertEquals([await columns("active"), await columns("inactive")], [after, after]);
      assertEquals((await users.find("inactive", "example.org"))?.inactive, true);
    });
    await t.step("a password changed meanwhile stays, even when it differs in case only", async () => {
      const changes = [
        { password: "$6$new$hash", scram: "" },
        { password: "$1$salt$hash", scram: "" },
        { password: "$1$salt$Hash", scram: "{CRAM}new" },
      ];
      for (const [at, changed] of changes.entries()) {
        await users.add(userOf(`changed${at}`, changed));
        assertEquals(await renewals.apply([renewal(`changed${at}`)]), []);
        assertEquals(await columns(`changed${at}`), changed);
      }
    });
    await t.step("a renewal against a change at the same time never wins", async () => {
      for (let round = 0; round < 10; round++) {
        await users.add(userOf(`race${round}`, before));
        const changed = { password: `$6$changed$${round}`, scram: "" };
        await Promise.all([
          renewals.apply([renewal(`race${round}`)]),
          users.update(`race${round}`, "example.org", changed),
        ]);
        assertEquals(await columns(`race${round}`), changed);
      }
    });
    await t.step("an empty credential becomes none and not an empty text", async () => {
      await users.add(userOf("plain", { password: "$1$a$b", scram: "{CRAM}x" }));
      const cleared = { password: "$6$a$b", scram: "" };
      const one = {
        name: "plain",
        domain: "example.org",
        before: { password: "$1$a$b", scram: "{CRAM}x" },
        after: cleared,
      };
      assertEquals((await renewals.apply([one])).length, 1);
      const [row] = await database.query("SELECT scram FROM indimail WHERE pw_name = 'plain'");
      assertEquals(row?.["scram"], null);
    });
  } finally {
    await accounts.close();
  }
}

Deno.test("passwords are stored anew in the embedded database", async (t) => {
  const folder = await Deno.makeTempDir();
  try {
    await suite(t, openSqlite(`${folder}/accounts.sqlite`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "passwords are stored anew on MariaDB",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    await suite(t, await openMysql(server.settings, { createDatabase: true }));
  },
});
