import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { BAD_COMMANDS_MAX, LOGIN_FAILURE_WAIT_MS, LOGIN_FAILURES_MAX } from "./session.ts";
import { MemoryMaildrop, MESSAGES, runSession, type SessionOptions } from "../../tests/support/pop3_memory.ts";
import { VERBS } from "./verbs.ts";

/** Replies to commands sent one by one, without the greeting. */
async function replies(commands: string[], options: SessionOptions = { loggedIn: true }): Promise<string[]> {
  const { writes } = await runSession(commands.map((command) => `${command}\r\n`), options);
  return writes.slice(1);
}

Deno.test("every verb in every state: what the table does not allow is refused, nothing breaks", async () => {
  const words: Readonly<Record<string, string>> = {
    LIST: "1",
    RETR: "1",
    DELE: "1",
    TOP: "1 0",
    USER: "u",
    PASS: "p w",
  };
  for (const [verb, row] of VERBS) {
    for (const loggedIn of [false, true]) {
      const [reply = ""] = await replies([`${verb} ${words[verb] ?? ""}`.trim(), "NOOP"], { loggedIn });
      const refused = row[loggedIn ? "transaction" : "authorization"] === undefined;
      assertMatch(reply, refused ? /^-ERR \S+ is not possible (now|before login)\r\n$/ : /^(\+OK|-ERR)/, verb);
    }
  }
});

Deno.test("a session from greeting to QUIT", async () => {
  const { text, maildrop, events } = await runSession([
    "user u\r\n",
    "PASS p w\r\n",
    "STAT\r\n",
    "LIST\r\n",
    "UIDL 2\r\n",
    "DELE 2\r\n",
    "LIST\r\n",
    "LIST 2\r\n",
    "RSET\r\n",
    "DELE 1\r\n",
    "NOOP\r\n",
    "LAST\r\n",
    "QUIT\r\n",
  ]);
  const [one, two, three] = MESSAGES.map((message) => message.length);
  assertEquals(text.split("\r\n"), [
    "+OK mail.example POP3 ready",
    "+OK password, please",
    "+OK logged in",
    `+OK 3 ${one! + two! + three!}`,
    `+OK 3 messages (${one! + two! + three!} octets)`,
    `1 ${one}`,
    `2 ${two}`,
    `3 ${three}`,
    ".",
    "+OK 2 UID2-77",
    "+OK deleted when you quit",
    `+OK 2 messages (${one! + three!} octets)`,
    `1 ${one}`,
    `3 ${three}`,
    ".",
    "-ERR message 2 is deleted",
    "+OK nothing is deleted",
    "+OK deleted when you quit",
    "+OK",
    "+OK 1",
    "+OK good bye",
    "",
  ]);
  assertEquals([maildrop.removed, maildrop.closed], [[0], 1]);
  const end = events.at(-1)!;
  assert(end.kind === "end" && end.reason === "quit" && end.removed === 1 && end.sentBytes === text.length);
});

Deno.test("messages come dot-stuffed and ended, whole or in pieces of any size", async () => {
  for (const pieceBytes of [0, 1, 2, 3, 7, 1000]) {
    const maildrop = new MemoryMaildrop();
    maildrop.pieceBytes = pieceBytes;
    const answer = await replies(["RETR 1", "RETR 3", "TOP 1 0", "TOP 1 2", "TOP 1 99", "TOP 2 5"], {
      loggedIn: true,
      maildrop,
    });
    const body = "Subject: one\r\n\r\nfirst\r\n..hidden\r\n...\r\nlast\r\n.\r\n";
    assertEquals(answer, [
      `+OK ${MESSAGES[0]!.length} octets\r\n${body}`,
      `+OK ${MESSAGES[2]!.length} octets\r\nSubject: three\r\n\r\nno line end\r\n.\r\n`,
      "+OK top of message\r\nSubject: one\r\n\r\n.\r\n",
      "+OK top of message\r\nSubject: one\r\n\r\nfirst\r\n..hidden\r\n.\r\n",
      `+OK top of message\r\n${body}`,
      "+OK top of message\r\nSubject: two\r\n\r\n.\r\n",
    ], `pieces of ${pieceBytes}`);
  }
});

Deno.test("commands that come together are answered in one write", async () => {
  const { writes } = await runSession(["NOOP\r\nSTAT\r\nRETR 2\r\nUIDL\r\n"], { loggedIn: true });
  assertEquals(writes.length, 2);
  assertMatch(writes[1]!, /^\+OK\r\n\+OK 3 \d+\r\n\+OK 16 octets\r\n[^]*\.\r\n\+OK these\r\n1 UID1-77\r\n/);
});

Deno.test("bad arguments are refused and say why", async () => {
  const cases: [string, RegExp][] = [
    ["RETR", /argument is missing/],
    ["RETR 0", /no such message/],
    ["RETR 4", /only 3 messages/],
    ["RETR x", /not a number/],
    ["RETR 1 2", /too many arguments/],
    ["RETR 99999999999999999999", /not a number/],
    ["TOP 1", /argument is missing/],
    ["TOP 1 -1", /not a number/],
    ["DELE", /argument is missing/],
    ["BLAH", /unknown command BLAH/],
    ["", /begins with a keyword/],
    ["\u0001", /begins with a keyword/],
    ["NOOP \0", /NUL/],
  ];
  for (const [command, pattern] of cases) assertMatch((await replies([command]))[0]!, pattern, command);
});

Deno.test("nothing is removed without QUIT, and a removal that fails is said", async () => {
  const dropped = await runSession(["DELE 1\r\n"], { loggedIn: true });
  assertEquals([dropped.maildrop.removed, dropped.maildrop.closed], [[], 1]);
  const maildrop = new MemoryMaildrop();
  maildrop.failure = new Error("EIO");
  const [, reply] = await replies(["DELE 1", "QUIT"], { loggedIn: true, maildrop });
  assertEquals(reply, "-ERR [SYS/TEMP] some deleted messages not removed\r\n");
});

Deno.test("a message that another program removed is refused, the session goes on", async () => {
  const maildrop = new MemoryMaildrop();
  maildrop.removed.push(0);
  const answer = await replies(["RETR 1", "NOOP"], { loggedIn: true, maildrop });
  assertEquals(answer, ["-ERR that message has been removed by another program\r\n", "+OK\r\n"]);
});

Deno.test("wrong passwords wait, are counted and end the session", async () => {
  const lines = Array.from({ length: LOGIN_FAILURES_MAX + 2 }, () => ["USER u\r\n", "PASS wrong\r\n"]).flat();
  const { writes, clock, events } = await runSession(lines);
  const failures = writes.filter((text) => text === "-ERR [AUTH] wrong user or password\r\n");
  assertEquals([failures.length, clock.sleptMs], [LOGIN_FAILURES_MAX, LOGIN_FAILURES_MAX * LOGIN_FAILURE_WAIT_MS]);
  assertEquals(events.filter((event) => event.kind === "login-failed").length, LOGIN_FAILURES_MAX);
});

Deno.test("too many commands that are none end the session", async () => {
  const { writes, events } = await runSession(Array.from({ length: BAD_COMMANDS_MAX + 5 }, () => "XX\r\n"));
  assertEquals(writes.length, BAD_COMMANDS_MAX + 1);
  const end = events.at(-1)!;
  assert(end.kind === "end" && end.reason === "refused");
});

Deno.test("without TLS no password is taken, and STLS changes that", async () => {
  const options = { plainTextAllowed: false, canStartTls: true };
  const plain = btoa("\0u\0p w");
  const answer = await replies(
    ["CAPA", "USER u", `AUTH PLAIN ${plain}`, "STLS", "CAPA", "STLS", `AUTH PLAIN ${plain}`, "CAPA"],
    options,
  );
  const common = "TOP\r\nUIDL\r\nPIPELINING\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nEXPIRE NEVER\r\n";
  assertEquals(answer, [
    `+OK these\r\n${common}SASL CRAM-MD5\r\nSTLS\r\n.\r\n`,
    "-ERR [AUTH] use STLS first\r\n",
    "-ERR [AUTH] use STLS first\r\n",
    "+OK begin TLS now\r\n",
    `+OK these\r\n${common}USER\r\nSASL CRAM-MD5 PLAIN LOGIN\r\n.\r\n`,
    "-ERR TLS is on already\r\n",
    "+OK logged in\r\n",
    `+OK these\r\n${common}IMPLEMENTATION IndiMail\r\n.\r\n`,
  ]);
  assertEquals((await replies(["STLS"]))[0], "-ERR STLS is not possible now\r\n");
  assertEquals((await replies(["STLS"], {}))[0], "-ERR TLS is not available\r\n");
});

Deno.test("what follows STLS in plain text ends the session", async () => {
  const { writes } = await runSession(["STLS\r\nUSER u\r\n"], { canStartTls: true });
  assertEquals(writes.slice(1), ["-ERR nothing may follow STLS before TLS is on\r\n"]);
});

Deno.test("AUTH: challenges, cancelling, garbage, and the list", async () => {
  const answer = await replies(
    ["AUTH", "AUTH XX", "AUTH LOGIN", "*", "AUTH PLAIN", "!!!", "AUTH LOGIN", btoa("u"), btoa("p w"), "STAT"],
    {},
  );
  assertEquals(answer.slice(0, 6), [
    "+OK these\r\nCRAM-MD5\r\nPLAIN\r\nLOGIN\r\n.\r\n",
    "-ERR unknown mechanism\r\n",
    `+ ${btoa("Username:")}\r\n`,
    "-ERR cancelled\r\n",
    "+ \r\n",
    "-ERR the response is no base64\r\n",
  ]);
  assertMatch(answer.at(-1)!, /^\+OK 3 /);
});

Deno.test("a forbidden service and a store that fails are told apart", async () => {
  const forbidden = await replies(["USER u", "PASS p w"], { login: { kind: "forbidden", reason: "POP3 is off" } });
  assertEquals(forbidden[1], "-ERR [AUTH] POP3 is off\r\n");
  const failing = { kind: "ok", user: "u", open: () => Promise.reject(new Temporary("disk")) } as const;
  assertMatch((await replies(["USER u", "PASS p w"], { login: failing }))[1]!, /^-ERR \[SYS\/TEMP\]/);
  assertEquals((await replies(["APOP u 0"], {}))[0], "-ERR APOP is not supported, use AUTH\r\n");
});

Deno.test("lines that are too long end the session, also before login", async () => {
  for (const options of [{}, { loggedIn: true }]) {
    const { text, events } = await runSession([`NOOP ${"x".repeat(20_000)}\r\n`, "NOOP\r\n"], options);
    assertMatch(text, /-ERR \[SYS\/TEMP\] line longer than \d+ bytes\r\n$/);
    assertEquals(events.at(-1)?.kind, "end");
  }
  assertMatch((await replies([`USER ${"x".repeat(600)}`, "CAPA"], {}))[0]!, /too long/);
});

Deno.test("a server that stops says so", async () => {
  const stop = new AbortController();
  stop.abort();
  const { text } = await runSession([], { loggedIn: true, stopping: stop.signal });
  assertEquals(text, "+OK mail.example POP3 ready\r\n-ERR [SYS/TEMP] the server is going down\r\n");
});

Deno.test("fuzz: random lines in each state never break the session and replies stay in the grammar", async () => {
  let seed = 99;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  const verbs = [...VERBS.keys()].filter((verb) => verb !== "QUIT" && verb !== "STLS");
  for (let round = 0; round < 300; round++) {
    const lines = Array.from({ length: 15 }, () => {
      const junk = Array.from({ length: random(12) }, () => String.fromCharCode(random(256))).join("");
      const word = random(3) === 0
        ? junk
        : `${verbs[random(verbs.length)]} ${random(5)} ${random(3) ? random(9) : junk}`;
      return `${word.replaceAll("\n", "")}\r\n`;
    });
    const { text } = await runSession(lines, { loggedIn: round % 2 === 0 });
    for (const line of text.split("\r\n")) {
      assertMatch(line, /^(\+OK|-ERR|\+ |\d+ |\.|$|[A-Z]|first|last|no line end)/, `seed ${seed}: ${line}`);
    }
  }
});
