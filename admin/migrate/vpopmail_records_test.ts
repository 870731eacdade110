/** Records of vpopmail: lines, flags, limits, its settings, and Dovecot's lists of UIDs. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { parseDovecotUids } from "./uid_lists.ts";
import {
  flagsOfVpopmail,
  indimailRow,
  lastauthRow,
  limitsRow,
  parseVpasswdLine,
  parseVpopmailLimits,
  textOfBytes,
} from "./vpopmail_records.ts";
import { parseVpopmailMysql } from "./vpopmail_source.ts";

const LINE = "Ann:$1$x$y:2:2048:Ann Ünal:/home/vpopmail/domains/a.test/ann/:10485760S,100C:pass:word";
const OPTIONS = { keepClearText: false, timestamp: "2026-01-02 03:04:05" };

Deno.test("a line of vpasswd becomes a row; its clear text password only when asked", () => {
  const user = parseVpasswdLine(LINE);
  assertEquals([user.name, user.uid, user.clearText], ["Ann", 2, "pass:word"]);
  const { row, notes } = indimailRow(user, "a.test", OPTIONS);
  assertEquals(notes, []);
  assertEquals(row, {
    pw_name: "ann",
    pw_domain: "a.test",
    pw_passwd: "$1$x$y",
    pw_uid: 1,
    pw_gid: USER_FLAGS.noSmtp,
    pw_gecos: "Ann Ünal",
    pw_dir: "/home/vpopmail/domains/a.test/ann",
    pw_shell: "10485760S,100C",
    scram: null,
    timestamp: OPTIONS.timestamp,
  });
  assertEquals(indimailRow(user, "a.test", { ...OPTIONS, keepClearText: true }).row["scram"], "{CRAM}pass:word");
  assertEquals(indimailRow({ ...user, shell: "" }, "a.test", OPTIONS).row["pw_shell"], "NOQUOTA");
});

Deno.test("each flag has its counterpart, and those of other programs are told of", () => {
  const ours = Object.values(USER_FLAGS);
  const theirs = [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800, 0x1000, 0x2000];
  assertEquals(theirs.map(flagsOfVpopmail).sort((a, b) => a - b), [...ours].sort((a, b) => a - b));
  assertEquals(flagsOfVpopmail(0x7c000), 0);
  assertEquals(indimailRow({ ...parseVpasswdLine(LINE), gid: 0x4001 }, "a.test", OPTIONS).notes, ["flags"]);
});

Deno.test("what is no user is refused", () => {
  for (const line of ["", "a:b:1:0:g:/h", "a:b:x:0:g:/h:NOQUOTA", "a:b:1:-1:g:/h:NOQUOTA"]) {
    assertThrows(() => parseVpasswdLine(line), Permanent);
  }
  const user = parseVpasswdLine(LINE);
  const wrong = [{ name: "a/b" }, { name: ".." }, { name: "" }, { home: "x" }, { home: "/a/../b" }, { shell: "much" }];
  for (const change of wrong) assertThrows(() => indimailRow({ ...user, ...change }, "a.test", OPTIONS), Permanent);
  assertThrows(() => indimailRow({ ...user, password: "a\0b" }, "a.test", OPTIONS), Permanent, "password holds a NUL");
});

Deno.test("comments of any character set become text", () => {
  assertEquals(textOfBytes(new TextEncoder().encode("Ünal")), "Ünal");
  assertEquals(textOfBytes(new Uint8Array([0xdc, 0x6e])), "Ün");
});

Deno.test("a last login keeps its address when it is one", () => {
  const user = { name: "Ann", domain: "a.test", gecos: "" };
  assertEquals(lastauthRow(user, { remoteIp: "2001:db8::1\n", seconds: 1_500_000_000 })["remote_ip"], "2001:db8::1");
  const row = lastauthRow(user, { remoteIp: "webmail", seconds: 0 });
  assertEquals([row["user"], row["remote_ip"], row["timestamp"]], ["ann", "0.0.0.0", "1970-01-01 00:00:01"]);
});

Deno.test("limits are read with their own names and units", () => {
  const limits = parseVpopmailLimits(
    "# comment\nmaxpopaccounts: 10\nquota 100\ndefault_quota\t5000\ndisable_pop\n#disable_imap\ndisable_external_relay\nperm_quota 7\n",
  );
  const row = limitsRow("a.test", limits, OPTIONS.timestamp);
  assertEquals([row["maxpopaccounts"], row["diskquota"], row["defaultquota"], row["maxaliases"]], [
    10,
    104_857_600,
    5000,
    -1,
  ]);
  assertEquals([row["disable_pop"], row["disable_imap"], row["disable_relay"], row["perm_quota"]], [1, 0, 1, 7]);
});

Deno.test("vpopmail.mysql names the server of its first line", () => {
  const settings = parseVpopmailMysql("# comment\n\ndb.example|0|reader|p:w|vpopmail\ndb|1|x|y|z\n", "f");
  assertEquals([settings.host, settings.port, settings.user, settings.password, settings.database], [
    "db.example",
    3306,
    "reader",
    "p:w",
    "vpopmail",
  ]);
  assertEquals(parseVpopmailMysql("localhost:/run/x|0|u|p|d\n", "f").socketPath, "/run/x");
  for (const text of ["", "host|0|u|p\n", "host|port|u|p|d\n", "# only\n"]) {
    assertThrows(() => parseVpopmailMysql(text, "f"), Permanent, "not host|port|user|password|database");
  }
});

Deno.test("Dovecot's list gives UIDs in their order, and a broken one nothing", () => {
  const head = "3 V5 N9 Gabc\n";
  assertEquals(parseDovecotUids(`${head}7 W20 S10 :b:2,S\n3 :a\n`), {
    uidValidity: 5,
    uidNext: 9,
    entries: [[3, "a"], [7, "b"]],
  });
  assertEquals(parseDovecotUids(`${head}12 :a\n`)?.uidNext, 13);
  for (
    const text of ["", "1 5 9\n", "3 N9\n", "3 V0 N1\n", `${head}x :a\n`, `${head}3 a\n`, `${head}99999999999 :a\n`]
  ) {
    assertEquals(parseDovecotUids(text), undefined);
  }
});
