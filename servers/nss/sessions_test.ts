/** Both protocols over real sockets, by peers who are root and who are not. */
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { Poller } from "../../core/libc/poll.ts";
import { type Peer, PeerServer, readExactly } from "./peer_server.ts";
import { formatQuestion, HEAD_BYTES, type NameQuery, parseAnswerHead, parseRecords } from "./protocol.ts";
import { serveQuestion } from "./question_session.ts";
import { MESSAGE_BYTES_MAX } from "./userdb.ts";
import { serveUserdb } from "./userdb_session.ts";

preloadLibc();

const ALICE = ["alice", "x", "701", "700", "Alice", "/home/alice", "/bin/sh"];
const BOB = ["bob", "x", "702", "700", "Bob", "/home/bob", "/bin/sh"];
const ANSWERS: Readonly<Record<NameQuery, Readonly<Record<string, readonly (readonly string[])[]>>>> = {
  passwdByName: { alice: [ALICE], "alice@mail.test": [ALICE], bob: [BOB] },
  passwdByUid: { 701: [ALICE] },
  passwdAll: { "": [ALICE, BOB] },
  groupByName: { staff: [["staff", "x", "700"]] },
  groupByGid: { 700: [["staff", "x", "700"]] },
  groupAll: { "": [["staff", "x", "700"]] },
  membersOfGid: { 700: [["alice"], ["bob"]] },
  gidsOfMember: { alice: [["700"]] },
  shadowByName: { alice: [["alice", "$6$s$h", "1", "0", "99999", "7", "-1", "", "0"]] },
  shadowAll: { "": [["alice", "$6$s$h", "1", "0", "99999", "7", "-1", "", "0"]] },
};

const SOURCE = {
  has: (query: NameQuery) => query !== "groupAll",
  ask(query: NameQuery, key = ""): Promise<readonly (readonly string[])[]> {
    if (key === "down") return Promise.reject(new Temporary("the database is down"));
    return Promise.resolve(ANSWERS[query][key] ?? []);
  },
};

interface Server {
  connect(): Promise<Deno.UnixConn>;
  readonly lines: string[];
}

/** A server of one protocol whose peers all have that uid. */
async function withServer(
  options: { readonly protocol: "question" | "userdb"; readonly uid?: number; readonly idleMs?: number },
  test: (server: Server) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "nss-" });
  const poller = new Poller();
  const lines: string[] = [];
  const note = (level: string, text: string) => void lines.push(`${level} ${text}`);
  const backend = { source: SOURCE, service: "io.indimail.nssd", log: note };
  const serve = (peer: Peer) => {
    if (options.uid !== undefined) Object.defineProperty(peer, "uid", { value: options.uid });
    return options.protocol === "question" ? serveQuestion(peer, backend) : serveUserdb(peer, backend);
  };
  const path = `${folder}/socket`;
  const common = { path, mode: 0o666, poller, serve, warn: (text: string) => note("warning", text) };
  const server = await PeerServer.listen({ ...common, idleMs: options.idleMs ?? 5000 });
  try {
    await test({ lines, connect: () => Deno.connect({ transport: "unix", path }) });
  } finally {
    await server.close();
    await poller.close();
    await Deno.remove(folder, { recursive: true });
  }
}

async function ask(server: Server, query: NameQuery, key: string): Promise<string[][]> {
  using connection = await server.connect();
  for (const byte of formatQuestion(query, key)) await connection.write(Uint8Array.of(byte));
  const head = parseAnswerHead((await readExactly(connection, HEAD_BYTES))!);
  const records = parseRecords((await readExactly(connection, head.bytes))!, head.count, query);
  assertEquals(await connection.read(new Uint8Array(1)), null);
  return records;
}

Deno.test("a question is answered however its bytes arrive, and the connection ends", () =>
  withServer({ protocol: "question", uid: 0 }, async (server) => {
    assertEquals(await ask(server, "passwdByName", "alice"), [ALICE]);
    assertEquals(await ask(server, "passwdAll", ""), [ALICE, BOB]);
    assertEquals(await ask(server, "membersOfGid", "700"), [["alice"], ["bob"]]);
    assertEquals(await ask(server, "passwdByName", "carol"), []);
    assertEquals((await ask(server, "shadowByName", "alice"))[0]?.[1], "$6$s$h");
    assertEquals(await ask(server, "passwdByName", "down"), []);
    assertEquals(server.lines, ['alert passwdByName "down": the database is down']);
  }));

Deno.test("shadow entries are for root only", () =>
  withServer({ protocol: "question", uid: 1000 }, async (server) => {
    assertEquals(await ask(server, "passwdByName", "alice"), [ALICE]);
    assertEquals(await ask(server, "shadowByName", "alice"), []);
    assertEquals(await ask(server, "shadowAll", ""), []);
  }));

Deno.test("a question that is none finds nothing and is logged with who asked", () =>
  withServer({ protocol: "question", uid: 1000 }, async (server) => {
    using connection = await server.connect();
    await connection.write(new Uint8Array(new Int32Array([9, 0, 1]).buffer));
    assertEquals(parseAnswerHead((await readExactly(connection, HEAD_BYTES))!), { count: 0, bytes: 0 });
    assertEquals(server.lines, ["alert uid 1000: version 9 of the protocol, not 3"]);
  }));

Deno.test("a peer that asks nothing is dropped after its time", () =>
  withServer({ protocol: "question", idleMs: 20 }, async (server) => {
    using connection = await server.connect();
    await connection.write(Uint8Array.of(3, 0));
    assertEquals(await connection.read(new Uint8Array(1)), null);
    assertEquals(server.lines, []);
  }));

Deno.test("a second daemon does not take the socket of one that answers, and no file that is no socket", () =>
  withServer({ protocol: "question" }, async (server) => {
    using connection = await server.connect();
    const path = connection.remoteAddr.transport === "unix" ? connection.remoteAddr.path : "";
    const poller = new Poller();
    const serving = { mode: 0o600, poller, idleMs: 1, serve: () => Promise.resolve(), warn: () => undefined };
    try {
      const taken = await assertRejects(() => PeerServer.listen({ ...serving, path }), Temporary);
      assert(taken.message.includes("another daemon answers"), taken.message);
      await Deno.writeTextFile(`${path}.file`, "kept");
      await assertRejects(() => PeerServer.listen({ ...serving, path: `${path}.file` }), Temporary);
      assertEquals(await Deno.readTextFile(`${path}.file`), "kept");
    } finally {
      await poller.close();
    }
  }));

const METHOD = "io.systemd.UserDatabase.";

/** Reads messages up to that many, or to the end. */
async function readMessages(connection: Deno.UnixConn, count: number): Promise<unknown[]> {
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  while (text.split("\0").length <= count) {
    const read = await connection.read(buffer);
    if (read === null) break;
    text += decoder.decode(buffer.subarray(0, read), { stream: true });
  }
  return text.split("\0").filter((part) => part !== "").map((part) => JSON.parse(part));
}

async function call(server: Server, message: object, count = 1): Promise<unknown[]> {
  using connection = await server.connect();
  await connection.write(utf8Bytes(`${JSON.stringify(message)}\0`));
  return await readMessages(connection, count);
}

const SERVICE = { service: "io.indimail.nssd" };
const USER = {
  userName: "alice",
  uid: 701,
  gid: 700,
  realName: "Alice",
  homeDirectory: "/home/alice",
  shell: "/bin/sh",
  disposition: "regular",
  ...SERVICE,
};

Deno.test("systemd's calls get users, groups and memberships, several answers when more are wanted", () =>
  withServer({ protocol: "userdb", uid: 1000 }, async (server) => {
    const user = (parameters: object, more = false) => ({
      method: `${METHOD}GetUserRecord`,
      parameters: { ...SERVICE, ...parameters },
      more,
    });
    const incomplete = { parameters: { record: USER, incomplete: true } };
    assertEquals(await call(server, user({ userName: "alice" })), [incomplete]);
    assertEquals(await call(server, user({ uid: 701 })), [incomplete]);
    const conflict = [{ error: `${METHOD}ConflictingRecordFound`, parameters: {} }];
    assertEquals(await call(server, user({ uid: 700, userName: "alice" })), conflict);
    const all = await call(server, user({}, true), 2);
    assertEquals([all.length, all[0]], [2, { ...incomplete, continues: true }]);
    const error = (name: string) => [{ error: METHOD + name, parameters: {} }];
    assertEquals(await call(server, user({ userName: "carol" })), error("NoRecordFound"));
    assertEquals(await call(server, user({})), error("EnumerationNotSupported"));
    assertEquals(await call(server, user({ service: "else", userName: "alice" })), error("BadService"));
    assertEquals(await call(server, user({ userName: "down" })), error("ServiceNotAvailable"));
    const group = { groupName: "staff", gid: 700, members: ["alice", "bob"], disposition: "regular", ...SERVICE };
    const groupCall = { method: `${METHOD}GetGroupRecord`, parameters: { ...SERVICE, groupName: "staff" } };
    assertEquals(await call(server, groupCall), [{ parameters: { record: group } }]);
    const members = (parameters: object) => ({
      method: `${METHOD}GetMemberships`,
      parameters: { ...SERVICE, ...parameters },
      more: true,
    });
    const membership = { parameters: { userName: "alice", groupName: "staff" } };
    assertEquals(await call(server, members({ userName: "alice" })), [membership]);
    const both = [{ ...membership, continues: true }, { parameters: { userName: "bob", groupName: "staff" } }];
    assertEquals(await call(server, members({ groupName: "staff" }), 2), both);
    assertEquals(await call(server, members({})), error("EnumerationNotSupported"));
  }));

Deno.test("root gets the hash with the record", () =>
  withServer({ protocol: "userdb", uid: 0 }, async (server) => {
    const method = `${METHOD}GetUserRecord`;
    const [answer] = await call(server, { method, parameters: { ...SERVICE, userName: "alice" } });
    const privileged = { hashedPassword: ["$6$s$h"] };
    const days = { lastPasswordChangeUSec: 86_400_000_000, passwordChangeWarnUSec: 604_800_000_000 };
    assertEquals(answer, { parameters: { record: { ...USER, privileged, ...days } } });
  }));

Deno.test("several calls come in one write, some without answer, and what is unknown is said by Varlink's errors", () =>
  withServer({ protocol: "userdb", uid: 0 }, async (server) => {
    using connection = await server.connect();
    const calls = [
      { method: "org.varlink.service.GetInfo" },
      { method: `${METHOD}GetUserRecord`, parameters: { ...SERVICE, userName: "alice" }, oneway: true },
      { method: "a.B" },
      { method: `${METHOD}GetUserRecord`, parameters: { ...SERVICE, userName: 5 } },
      { method: "org.varlink.service.GetInterfaceDescription", parameters: { interface: "io.systemd.UserDatabase" } },
    ];
    await connection.write(utf8Bytes(calls.map((one) => `${JSON.stringify(one)}\0`).join("")));
    const [info, unknown, invalid, description] = await readMessages(connection, 4);
    assert(JSON.stringify(info).includes('"product":"nssd"'));
    assertEquals(unknown, { error: "org.varlink.service.MethodNotFound", parameters: { method: "a.B" } });
    assertEquals(invalid, { error: "org.varlink.service.InvalidParameter", parameters: { parameter: "userName" } });
    assert(JSON.stringify(description).includes("method GetMemberships"));
  }));

Deno.test("what is no call, and a message without end, end the connection", () =>
  withServer({ protocol: "userdb", uid: 5 }, async (server) => {
    for (const bytes of [utf8Bytes("hello\0"), new Uint8Array(MESSAGE_BYTES_MAX).fill(32)]) {
      using connection = await server.connect();
      await connection.write(bytes);
      assertEquals(await connection.read(new Uint8Array(1)), null);
    }
    assertEquals(server.lines, [
      "alert uid 5: a message that is no JSON",
      `alert uid 5: a message of more than ${MESSAGE_BYTES_MAX} bytes`,
    ]);
  }));
