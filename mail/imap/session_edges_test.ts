/** Sessions at the edges of the RFC, as other servers' test programs try them. */
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { addMessages, MemoryAccount } from "../../tests/support/imap_memory.ts";
import { endSession, startLoggedIn, startSession } from "../../tests/support/imap_wire.ts";

Deno.test("the largest ID that clients may send is taken before login", async () => {
  const session = await startSession();
  const fields = Array.from({ length: 30 }, (_, at) => `"${String(at).padStart(30, "x")}" "${"v".repeat(1024)}"`);
  assertMatch(await session.run(`ID (${fields.join(" ")})`), /^\* ID [^\n]*\nt\d+ OK/);
  await endSession(session);
});

Deno.test("what changed is not told after BYE", async () => {
  const account = new MemoryAccount();
  addMessages(account.folder("INBOX"), "Subject: one\n\n1\n");
  const session = await startLoggedIn({ account, select: "INBOX" });
  const other = await startLoggedIn({ account, select: "INBOX" });
  await other.run("STORE 1 +FLAGS (\\Seen)");
  addMessages(account.folder("INBOX"), "Subject: two\n\n2\n");
  session.wire.send("z LOGOUT\r\n");
  await session.ended;
  assertMatch(session.wire.take(), /^\* BYE [^\n]*\nz OK [^\n]*\n$/);
  await endSession(other);
});

Deno.test("SEARCH looks into addresses as the envelope has them", async () => {
  const account = new MemoryAccount();
  const folder = account.folder("INBOX");
  addMessages(folder, "From: <user-from (comment)@ (comment) domain.org>\nTo: a@x.example\n\nbody\n");
  addMessages(
    folder,
    'From: "q r"@domain.org\nTo: team: b@x.example, "c" @x.example;\nX-To: d (e) @x.example\n\nbody\n',
  );
  const session = await startLoggedIn({ account, select: "INBOX" });
  const found = async (keys: string) => /^\* SEARCH ?([\d ]*)\r\n/.exec(await session.run(`SEARCH ${keys}`))?.[1];
  assertEquals(await found("FROM user-from@domain.org"), "1");
  assertEquals(await found("FROM comment"), "1");
  assertEquals(await found('FROM "q r@domain"'), "2");
  assertEquals(await found("TO b@x.example"), "2");
  assertEquals(await found("TO c@x.example"), "2");
  assertEquals(await found("TO @x.example"), "1 2");
  assertEquals(await found("TO user-from@domain.org"), "");
  assertEquals(await found("HEADER X-To d@x.example"), "", "no field of addresses");
  assert((await session.run("NOOP")).includes("OK"));
  await endSession(session);
});

Deno.test("messages that another session has removed: OK for the rest, NO where nothing could be copied", async () => {
  const account = new MemoryAccount();
  addMessages(account.folder("INBOX"), "Subject: 1\n\n1\n", "Subject: 2\n\n2\n", "Subject: 3\n\n3\n");
  const session = await startLoggedIn({ account, select: "INBOX" });
  const other = await startLoggedIn({ account, select: "INBOX" });
  await other.run("CREATE there");
  await other.run("STORE 2 +FLAGS (\\Deleted)");
  await other.run("EXPUNGE");
  assertMatch(await session.run("FETCH 2 FLAGS"), /^t\d+ OK \[EXPUNGEISSUED\]/);
  assertMatch(await session.run("FETCH 1:2 UID"), /^\* 1 FETCH \(UID 1\)\r\n/);
  assertMatch(await session.run("STORE 2 +FLAGS.SILENT (\\Seen)"), /^t\d+ OK \[EXPUNGEISSUED\]/);
  assertMatch(await session.run("COPY 2 there"), /^\* 2 EXPUNGE\r\nt\d+ NO \[EXPUNGEISSUED\]/);
  assertMatch(await session.run("UID COPY 2 there"), /^t\d+ OK nothing/, "an unknown UID is no error");
  await other.run("STORE 1 +FLAGS (\\Deleted)");
  await other.run("EXPUNGE");
  assertMatch(await session.run("MOVE 1 there"), /t\d+ NO \[EXPUNGEISSUED\]/);
  assertMatch(await session.run("STATUS there (MESSAGES)"), /MESSAGES 0/);
  await endSession(session);
  await endSession(other);
});

Deno.test("a keyword that another session has made is announced before it is used", async () => {
  const account = new MemoryAccount();
  addMessages(account.folder("INBOX"), "Subject: 1\n\n1\n");
  const session = await startLoggedIn({ account, select: "INBOX" });
  const other = await startLoggedIn({ account, select: "INBOX" });
  await other.run("STORE 1 +FLAGS (work)");
  assertMatch(
    await session.run("FETCH 1 FLAGS"),
    /^\* FLAGS \([^)]* work\)\r\n[^]*\* 1 FETCH \(FLAGS \(work \\Recent\)\)\r\nt\d+ OK/,
  );
  await other.run("STORE 1 +FLAGS (play)");
  const read = await session.run("FETCH 1 BODY[TEXT]");
  assertMatch(read, /^\* FLAGS \([^)]* play\)\r\n[^]*FLAGS \(\\Seen work play \\Recent\)\)\r\nt\d+ OK/);
  await endSession(session);
  await endSession(other);
});
