import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { seededRandom } from "../../tests/support/mail_log.ts";
import { formatError, formatReply, groupRecord, parseCall, userRecord } from "./userdb.ts";

const ROW = ["alice", "x", "701", "700", "Alice", "/home/alice", "/bin/sh"];
const SERVICE = { service: "io.indimail.nssd" };
const SEED = 7_600;

Deno.test("a call is read with what it may leave out", () => {
  assertEquals(parseCall(utf8Bytes('{"method":"a.B"}')), { method: "a.B", parameters: {}, more: false, oneway: false });
  const full = parseCall(utf8Bytes('{"method":"a.B","parameters":{"uid":5},"more":true,"oneway":true}'));
  assertEquals(full, { method: "a.B", parameters: { uid: 5 }, more: true, oneway: true });
});

Deno.test("what is no call is refused, whatever the bytes are", () => {
  for (
    const text of ["", "{", "null", "[]", "1", '{"method":1}', '{"method":"a","parameters":[]}', '{"parameters":{}}']
  ) {
    assertThrows(() => parseCall(utf8Bytes(text)), Permanent);
  }
  const random = seededRandom(SEED);
  const seed = utf8Bytes('{"method":"io.systemd.UserDatabase.GetUserRecord","parameters":{"userName":"é"}}');
  for (let round = 0; round < 500; round++) {
    const bytes = seed.slice();
    bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      parseCall(bytes);
    } catch (error) {
      assertEquals(error instanceof Permanent, true, `seed ${SEED}, round ${round}: ${error}`);
    }
  }
});

Deno.test("messages end with one NUL, which stands nowhere else", () => {
  const messages = [formatReply({ text: "a\0b" }), formatReply({}, true), formatError("a.E", { text: "\0" })];
  for (const message of messages) assertEquals(message.indexOf(0), message.length - 1);
  assertEquals(new TextDecoder().decode(formatReply({ a: 1 }, true)), '{"parameters":{"a":1},"continues":true}\0');
});

Deno.test("a record has the name that was asked for when the row has its part before the @", () => {
  assertEquals(userRecord(ROW, { ...SERVICE, asked: "alice@mail.test" })["userName"], "alice@mail.test");
  assertEquals(userRecord(ROW, { ...SERVICE, asked: "al@mail.test" })["userName"], "alice");
  assertEquals(userRecord(ROW, SERVICE), {
    userName: "alice",
    uid: 701,
    gid: 700,
    realName: "Alice",
    homeDirectory: "/home/alice",
    shell: "/bin/sh",
    disposition: "regular",
    service: "io.indimail.nssd",
  });
});

Deno.test("what systemd takes for no path is replaced", () => {
  const shells = ["NOQUOTA", "5242880S", "", "bin/sh", "/bin/../sh", "/bin//sh", "/bin/."];
  for (const shell of shells) {
    assertEquals(userRecord(ROW.with(6, shell), SERVICE)["shell"], "/usr/sbin/nologin", shell);
  }
  assertEquals(userRecord(ROW.with(5, "home"), SERVICE)["homeDirectory"], "/");
});

Deno.test("a shadow line gives the hash and the days that are set", () => {
  const shadow = ["alice", "$6$salt$hash", "20000", "0", "99999", "7", "-1", "", "0"];
  const record = userRecord(ROW, { ...SERVICE, shadow });
  assertEquals(record["privileged"], { hashedPassword: ["$6$salt$hash"] });
  assertEquals(record["lastPasswordChangeUSec"], 20_000 * 86_400_000_000);
  assertEquals([record["passwordChangeWarnUSec"], record["passwordChangeMaxUSec"]], [7 * 86_400_000_000, undefined]);
});

Deno.test("a group has its members", () => {
  assertEquals(groupRecord(["staff", "x", "700"], ["alice"], SERVICE), {
    groupName: "staff",
    gid: 700,
    members: ["alice"],
    disposition: "regular",
    service: "io.indimail.nssd",
  });
});
