/** The layout's codecs against the original's records [spec formats 1.5, 1.6]. */
import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import {
  formatChannel,
  formatInfo,
  formatTodo,
  parseChannel,
  QueueLayout,
  tryParseFileId,
  tryParseInfo,
  tryParseTodo,
} from "./layout.ts";

Deno.test("paths are split by the remainder of the inode number, bounce and pid are not", () => {
  const layout = new QueueLayout("/q/queue1");
  assertEquals(layout.path("mess", 1000), "/q/queue1/mess/94/1000");
  assertEquals(layout.path("todo", 1000), "/q/queue1/todo/94/1000");
  assertEquals(layout.path("bounce", 1000), "/q/queue1/bounce/1000");
  const small = new QueueLayout("/q/queue1", { split: 23, bigTodo: false });
  assertEquals(small.path("todo", 1000), "/q/queue1/todo/1000");
  assertEquals(small.path("info", 1000), "/q/queue1/info/11/1000");
  assertEquals([small.parents("info").length, small.parents("todo")], [23, ["/q/queue1/todo"]]);
});

Deno.test("only a decimal number without leading zero is a queue file", () => {
  for (const name of ["", "0", "012", "12a", "-1", "99999999999999999", "a"]) {
    assertEquals(tryParseFileId(name), undefined);
  }
  assertEquals(tryParseFileId("9007199254740991"), Number.MAX_SAFE_INTEGER);
});

Deno.test("info begins with the sender, and is read as it was written", () => {
  const info = {
    sender: "caf\xe9@x",
    extraHeader: "X-A: 1\n",
    environmentHeaders: "B: 2\n",
    origin: {
      id: "10000000100000007",
      arrivedMs: 1_763_856_000_123,
      submitter: { uid: 5, pid: 6 },
      localCount: 3,
      remoteCount: 10,
    },
    originals: new Map([[0, "a@x"], [12, "with space@x"]]),
  };
  const bytes = formatInfo(info);
  assertEquals(latin1Text(bytes).startsWith("Fcaf\xe9@x\0"), true);
  assertEquals(tryParseInfo(bytes), info);
});

Deno.test("info of another qmail is read: one record only, or with records that nobody knows", () => {
  const none = { extraHeader: "", environmentHeaders: "", origin: undefined, originals: new Map<number, string>() };
  assertEquals(tryParseInfo(latin1Bytes("Fs@x\0")), { sender: "s@x", ...none });
  assertEquals(tryParseInfo(latin1Bytes("F\0zwhat\0ibroken\0")), { sender: "", ...none });
  for (const bad of ["", "Fs@x", "Ts@x\0"]) assertEquals(tryParseInfo(latin1Bytes(bad)), undefined);
});

Deno.test("a channel file is read with its marks, a cut record left out", () => {
  const records = [{ address: "a@x", done: false }, { address: "b@x", done: true }];
  assertEquals(latin1Text(formatChannel(records)), "Ta@x\0Db@x\0");
  assertEquals(parseChannel(latin1Bytes("Ta@x\0Db@x\0Tcut")), records);
  assertEquals(parseChannel(new Uint8Array(0)), []);
});

Deno.test("todo is read as qmail-queue writes it, and refused when it is cut or strange", () => {
  const envelope = { sender: "s@x", recipients: ["a@x", "b@x"], extraHeader: "X: 1\n", environmentHeaders: "E: 2\n" };
  const bytes = formatTodo(envelope, { uid: 1, pid: 2 });
  assertEquals(latin1Text(bytes), "u1\0p2\0eX: 1\n\0hE: 2\n\0Fs@x\0Ta@x\0Tb@x\0");
  assertEquals(tryParseTodo(bytes), { envelope, submitter: { uid: 1, pid: 2 } });
  assertEquals(tryParseTodo(latin1Bytes("u1\0p2\0F\0Ta@x\0"))!.envelope, { sender: "", recipients: ["a@x"] });
  for (const bad of ["", "u1\0", "u1\0Fs@x\0Ta@x", "Fs@x\0Qwhat\0"]) {
    assertEquals(tryParseTodo(latin1Bytes(bad)), undefined);
  }
});
