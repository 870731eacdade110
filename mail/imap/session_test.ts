/** The session against the store in memory: every state and verb, and what each command does. */
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { addMessages, MemoryAccount } from "../../tests/support/imap_memory.ts";
import { endSession, startLoggedIn, startSession } from "../../tests/support/imap_wire.ts";
import { VERBS } from "./verbs.ts";

const SIMPLE =
  "From: A <a@x.example>\nTo: b@y.example\nSubject: hello world\nDate: Thu, 25 Jun 2020 08:00:09 +0000\n\nBody one.\n";
const MULTI = `From: c@x.example
Subject: =?utf-8?Q?gr=C3=BC=C3=9Fe?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b1"

preamble
--b1
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

w5xiZXJyYXNjaHVuZw==
--b1
Content-Type: message/rfc822

From: inner@x.example
Subject: inner

inner body
--b1--
`;

function accountWithMail(): MemoryAccount {
  const account = new MemoryAccount();
  addMessages(account.folder("INBOX"), SIMPLE, MULTI);
  return account;
}

const ARGUMENTS: Readonly<Record<string, string>> = {
  ID: " NIL",
  LOGIN: " alice secret",
  AUTHENTICATE: " PLAIN AGFsaWNlAHNlY3JldA==",
  ENABLE: " CONDSTORE",
  SELECT: " INBOX",
  EXAMINE: " INBOX",
  CREATE: " new",
  DELETE: " new",
  RENAME: " a b",
  SUBSCRIBE: " INBOX",
  UNSUBSCRIBE: " INBOX",
  LIST: ' "" "*"',
  LSUB: ' "" "*"',
  STATUS: " INBOX (MESSAGES)",
  APPEND: " INBOX {3+}\r\nabc",
  IDLE: "\r\nDONE",
  "UID EXPUNGE": " 1",
  FETCH: " 1 FLAGS",
  STORE: " 1 FLAGS ()",
  SEARCH: " ALL",
  COPY: " 1 INBOX",
  MOVE: " 1 INBOX",
};

for (const [verb, row] of VERBS) {
  for (const state of ["not-authenticated", "authenticated", "selected"] as const) {
    const allowed = row.states.includes(state);
    Deno.test(`${verb} is ${allowed ? "taken" : "refused"} in the state ${state}`, async () => {
      const session = startSession({ account: accountWithMail() });
      if (state !== "not-authenticated") await session.run("LOGIN alice secret");
      if (state === "selected") await session.run("SELECT INBOX");
      const args = ARGUMENTS[verb] ?? ARGUMENTS[verb.replace("UID ", "")] ?? "";
      const reply = await session.run(`${verb}${args}`);
      if (allowed && verb !== "STARTTLS") assert(!/^t\d+ BAD/m.test(reply), reply);
      else if (!allowed) assertMatch(reply, /^t\d+ BAD .*/m);
      await endSession(session);
    });
  }
}

Deno.test("the greeting has the capabilities, and LOGINDISABLED without TLS where passwords may not come bare", async () => {
  const session = startSession({ plainTextAllowed: false });
  assertMatch(await session.wire.until(/\r\n/), /^\* OK \[CAPABILITY IMAP4rev1 .*LOGINDISABLED AUTH=CRAM-MD5\] mail/);
  assertMatch(await session.run("LOGIN alice secret"), /NO \[PRIVACYREQUIRED\]/);
  assertMatch(await session.run("AUTHENTICATE PLAIN"), /NO \[PRIVACYREQUIRED\]/);
  await endSession(session);
});

Deno.test("a login succeeds, fails, is forbidden, or cannot be checked", async () => {
  const session = startSession();
  assertMatch(await session.run("LOGIN alice wrong"), /NO \[AUTHENTICATIONFAILED\]/);
  assertMatch(await session.run("LOGIN closed x"), /NO \[AUTHORIZATIONFAILED\] IMAP is switched off/);
  assertMatch(await session.run("LOGIN down x"), /NO \[UNAVAILABLE\]/);
  assertMatch(
    await session.run("LOGIN {5}\r\nalice {6+}\r\nsecret"),
    /OK \[CAPABILITY IMAP4rev1 (?!.*AUTH=).*\] logged in/,
  );
  assertEquals(session.wire.timeoutMs, 30 * 60_000);
  await endSession(session);
  assertEquals(session.account.closed, 1);
  assertEquals(session.events.map((event) => event.kind), ["login-failed", "login-failed", "error", "login", "end"]);
});

Deno.test("too many failed logins end the session", async () => {
  const session = startSession();
  for (let count = 0; count < 4; count++) await session.run("LOGIN alice wrong");
  session.wire.send("x LOGIN alice wrong\r\n");
  await session.ended;
  assertMatch(session.wire.take(), /x NO .*\r\n\* BYE/);
});

Deno.test("AUTHENTICATE takes an initial response, asks for one, and can be cancelled", async () => {
  const session = startSession();
  session.wire.send("a AUTHENTICATE PLAIN\r\n");
  await session.wire.until(/^\+ \r\n/m);
  session.wire.send("*\r\n");
  assertMatch(await session.wire.until(/^a /m), /a BAD cancelled/);
  assertMatch(await session.run("AUTHENTICATE NTLM"), /NO/);
  assertMatch(await session.run("AUTHENTICATE PLAIN !!"), /BAD/);
  session.wire.send("b AUTHENTICATE LOGIN\r\n");
  await session.wire.until(/^\+ VXNlcm5hbWU6\r\n/m);
  session.wire.send("YWxpY2U=\r\n");
  await session.wire.until(/^\+ UGFzc3dvcmQ6\r\n/m);
  session.wire.send("c2VjcmV0\r\n");
  assertMatch(await session.wire.until(/^b /m), /b OK/);
  await endSession(session);
});

Deno.test("pipelined commands are answered in one write", async () => {
  const session = await startLoggedIn();
  const before = session.wire.writes;
  session.wire.send("a NOOP\r\nb CAPABILITY\r\nc NAMESPACE\r\nd LOGOUT\r\n");
  await session.ended;
  assertEquals(session.wire.writes - before, 1);
  assertMatch(session.wire.take(), /a OK[^]*b OK[^]*\* NAMESPACE \(\("" "\."\)\) NIL NIL\r\nc OK[^]*\* BYE[^]*d OK/);
});

Deno.test("SELECT tells all that a client needs, EXAMINE changes nothing", async () => {
  const session = await startLoggedIn({ account: accountWithMail() });
  const examined = await session.run("EXAMINE inbox");
  assertMatch(examined, /PERMANENTFLAGS \(\)/);
  assertMatch(examined, /\* 2 RECENT/);
  assertMatch(examined, /OK \[READ-ONLY\]/);
  assertMatch(await session.run("STORE 1 +FLAGS (\\Seen)"), /NO/);
  await session.run("FETCH 1 BODY[TEXT]");
  assertEquals(session.account.folder("INBOX").messages[0]!.flags, 0);
  const selected = await session.run("SELECT INBOX");
  assertMatch(selected, /\* FLAGS \(\\Seen \\Answered \\Flagged \\Deleted \\Draft\)/);
  assertMatch(selected, /\* 2 EXISTS\r\n\* 2 RECENT\r\n\* OK \[UNSEEN 1\]/);
  assertMatch(selected, /\* OK \[UIDVALIDITY 1001\][^]*\* OK \[UIDNEXT 3\][^]*OK \[READ-WRITE\]/);
  assertMatch(await session.run("SELECT nowhere"), /NO \[NONEXISTENT\]/);
  assertMatch(await session.run("FETCH 1 FLAGS"), /BAD/);
  assertEquals(session.account.folder("INBOX").openCount, 0);
  await endSession(session);
});

Deno.test("FETCH gives columns, envelope and structure", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  const reply = await session.run("FETCH 1 (UID ALL)").catch((error) => error.message);
  assertMatch(reply, /BAD/);
  assertMatch(
    await session.run("FETCH 1 ALL"),
    /\* 1 FETCH \(FLAGS \(\\Recent\) INTERNALDATE " 1-Jan-1970 00:00:00 \+0000" RFC822.SIZE 114 ENVELOPE \("Thu, 25 Jun 2020 08:00:09 \+0000" "hello world" \(\("A" NIL "a" "x.example"\)\)/,
  );
  assertMatch(
    await session.run("UID FETCH 2:* BODYSTRUCTURE"),
    /\* 2 FETCH \(UID 2 BODYSTRUCTURE \(\("text" "plain" \("charset" "utf-8"\) NIL NIL "base64" 20 0 NIL NIL NIL NIL\)\("message" "rfc822" NIL NIL NIL "7bit" 51 /,
  );
  assertMatch(
    await session.run("FETCH 1:2 BODY"),
    /BODY \(\("text" "plain" \("charset" "utf-8"\) NIL NIL "base64" 20 0\)\(/,
  );
  assertMatch(await session.run("FETCH 3 FLAGS"), /BAD/);
  assertMatch(await session.run("UID FETCH 99 FLAGS"), /^t\d+ OK/);
  await endSession(session);
});

Deno.test("FETCH of a section sets Seen unless it peeks", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  assertMatch(
    await session.run("FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject X-None)]"),
    /\* 1 FETCH \(BODY\[HEADER.FIELDS \(Subject X-None\)\] \{24\}\r\nSubject: hello world\r\n\r\n\)\r\n/,
  );
  assertMatch(
    await session.run("FETCH 1 BODY[TEXT]"),
    /\* 1 FETCH \(BODY\[TEXT\] \{11\}\r\nBody one.\r\n FLAGS \(\\Seen \\Recent\)\)\r\nt\d+ OK/,
  );
  assertMatch(await session.run("FETCH 1 BODY[]<5.7>"), /BODY\[\]<5> \{7\}\r\n A <a@x\)/);
  assertMatch(await session.run("FETCH 1 BODY[]<500.7>"), /BODY\[\]<500> \{0\}\r\n\)/);
  assertMatch(await session.run("FETCH 2 RFC822.HEADER"), /RFC822.HEADER \{\d+\}\r\nFrom: c@x/);
  await endSession(session);
});

Deno.test("FETCH finds parts by number, also in pieces of large messages", async () => {
  for (const wholeBytesMax of [1_000_000, 0]) {
    const account = accountWithMail();
    account.wholeBytesMax = wholeBytesMax;
    const session = await startLoggedIn({ account, select: "INBOX" });
    assertMatch(await session.run("FETCH 2 BODY.PEEK[1]"), /BODY\[1\] \{20\}\r\nw5xiZXJyYXNjaHVuZw==\)/);
    assertMatch(
      await session.run("FETCH 2 BODY.PEEK[1.MIME]"),
      /BODY\[1.MIME\] \{\d+\}\r\nContent-Type: text\/plain; charset=utf-8/,
    );
    assertMatch(
      await session.run("FETCH 2 BODY.PEEK[2.HEADER]"),
      /BODY\[2.HEADER\] \{\d+\}\r\nFrom: inner@x.example\r\nSubject: inner\r\n\r\n\)/,
    );
    assertMatch(
      await session.run("FETCH 2 BODY.PEEK[2.HEADER.FIELDS.NOT (from)]"),
      /\{18\}\r\nSubject: inner\r\n\r\n\)/,
    );
    assertMatch(await session.run("FETCH 2 BODY.PEEK[2.1]"), /BODY\[2.1\] \{10\}\r\ninner body\)/);
    assertMatch(await session.run("FETCH 2 BODY.PEEK[2.TEXT]"), /\{10\}\r\ninner body\)/);
    assertMatch(
      await session.run("FETCH 2 (BODY.PEEK[3] BODY.PEEK[1.HEADER])"),
      /BODY\[3\] NIL BODY\[1.HEADER\] NIL\)/,
    );
    assertMatch(await session.run("FETCH 1 BODY.PEEK[1]"), /BODY\[1\] \{11\}\r\nBody one.\r\n\)/);
    await endSession(session);
  }
});

Deno.test("a message that ends before its announced size closes the connection", async () => {
  const account = accountWithMail();
  account.wholeBytesMax = 0;
  account.cutMessages = true;
  const session = await startLoggedIn({ account, select: "INBOX" });
  session.wire.send("x FETCH 1 BODY.PEEK[]<0.8>\r\n");
  await session.ended;
  assert(!session.wire.take().includes("x OK"));
});

Deno.test("STORE tells the new flags, silently where asked, and makes keywords", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  assertMatch(
    await session.run("STORE 1:2 +FLAGS ($Label1 \\Flagged)"),
    /\* FLAGS \([^)]*\$Label1\)\r\n\* OK \[PERMANENTFLAGS[^]*\* 1 FETCH \(FLAGS \(\\Flagged \$Label1 \\Recent\)\)\r\n\* 2 FETCH/,
  );
  assertMatch(await session.run("STORE 1 -FLAGS.SILENT \\Flagged"), /^t\d+ OK/);
  assertMatch(await session.run("UID STORE 1 FLAGS \\Seen"), /\* 1 FETCH \(UID 1 FLAGS \(\\Seen \\Recent\)\)/);
  assertMatch(await session.run("STORE 1 FLAGS (\\Nope)"), /BAD/);
  assertMatch(await session.run("STORE 9 FLAGS ()"), /BAD/);
  assertMatch(await session.run("NOOP"), /^t\d+ OK/);
  await endSession(session);
});

Deno.test("another session's changes come at the right time", async () => {
  const account = accountWithMail();
  addMessages(account.folder("INBOX"), SIMPLE);
  const a = await startLoggedIn({ account, select: "INBOX" });
  const b = await startLoggedIn({ account, select: "INBOX" });
  await a.run("STORE 1 +FLAGS.SILENT (\\Deleted)");
  assertMatch(await a.run("EXPUNGE"), /^\* 1 EXPUNGE\r\nt\d+ OK/);
  addMessages(account.folder("INBOX"), SIMPLE);
  // the numbers of b stay what they are while FETCH, STORE and SEARCH run
  assertMatch(
    await b.run("FETCH 1:3 FLAGS"),
    /^\* 2 FETCH \(FLAGS \(\)\)\r\n\* 3 FETCH[^\n]*\nt\d+ OK \[EXPUNGEISSUED\]/,
  );
  assertMatch(await b.run("SEARCH ALL"), /^\* SEARCH 2 3\r\nt\d+ OK/);
  assertMatch(await b.run("STORE 2 +FLAGS (\\Draft)"), /^\* 2 FETCH \(FLAGS \(\\Draft\)\)\r\nt\d+ OK/);
  assertMatch(await b.run("NOOP"), /^\* 1 EXPUNGE\r\n\* 3 EXISTS\r\n\* 1 RECENT\r\nt\d+ OK/);
  assertMatch(await a.run("NOOP"), /^\* 3 EXISTS\r\n\* 2 RECENT\r\n\* 1 FETCH \(FLAGS \(\\Draft \\Recent\)\)\r\n/);
  assertMatch(await b.run("NOOP"), /^t\d+ OK/);
  await endSession(a);
  await endSession(b);
});

Deno.test("EXPUNGE, UID EXPUNGE and CLOSE remove what is marked", async () => {
  const account = accountWithMail();
  addMessages(account.folder("INBOX"), SIMPLE, SIMPLE);
  const session = await startLoggedIn({ account, select: "INBOX" });
  await session.run("STORE 1:3 +FLAGS.SILENT (\\Deleted)");
  assertMatch(await session.run("UID EXPUNGE 2"), /^\* 2 EXPUNGE\r\nt\d+ OK/);
  assertMatch(await session.run("EXPUNGE"), /^\* 2 EXPUNGE\r\n\* 1 EXPUNGE\r\nt\d+ OK/);
  await session.run("STORE 1 +FLAGS (\\Deleted)");
  assertMatch(await session.run("CLOSE"), /^t\d+ OK/);
  assertEquals(account.folder("INBOX").messages.length, 0);
  await session.run("SELECT INBOX");
  assertMatch(await session.run("FETCH 1:* FLAGS"), /^t\d+ OK/);
  assertMatch(await session.run("UNSELECT"), /OK/);
  await endSession(session);
});

Deno.test("COPY and MOVE name the new UIDs, and ask for the folder where it is missing", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  assertMatch(await session.run("COPY 1:2 there"), /NO \[TRYCREATE\]/);
  await session.run("CREATE there.");
  assertMatch(await session.run("COPY 1:2 there"), /OK \[COPYUID 1002 1:2 1:2\]/);
  assertMatch(await session.run("UID MOVE 1 there"), /^\* OK \[COPYUID 1002 1 3\][^\n]*\n\* 1 EXPUNGE\r\nt\d+ OK/);
  await endSession(session);
});

Deno.test("SEARCH finds by flags, sets, dates, sizes, header and text", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  const found = async (keys: string) => /^\* SEARCH ?([\d ]*)\r\n/.exec(await session.run(`SEARCH ${keys}`))?.[1];
  assertEquals(await found("ALL"), "1 2");
  assertEquals(await found("SEEN"), "");
  assertEquals(await found("NEW"), "1 2");
  assertEquals(await found("OLD"), "");
  assertEquals(await found("2:*"), "2");
  assertEquals(await found("UID 1"), "1");
  assertEquals(await found("NOT UID 1"), "2");
  assertEquals(await found("OR UID 1 SMALLER 1"), "1");
  assertEquals(await found("LARGER 200"), "2");
  assertEquals(await found("SUBJECT HELLO"), "1");
  assertEquals(await found('CHARSET UTF-8 SUBJECT "gr\xc3\xbc\xc3\x9fe"'), "2");
  assertEquals(await found("HEADER MIME-Version {0+}\r\n"), "2");
  assertEquals(await found("BODY one"), "1");
  assertEquals(await found('BODY "\xc3\xbcberraschung"'), "2");
  assertEquals(await found("TEXT inner"), "2");
  assertEquals(await found("SENTON 25-Jun-2020"), "1");
  assertEquals(await found("SENTSINCE 26-Jun-2020"), "");
  assertEquals(await found("BEFORE 1-Jan-1971 (FROM x.example NOT (TO b@y))"), "2");
  assertEquals(await found("KEYWORD nothing"), "");
  assertMatch(await session.run("SEARCH CHARSET klingon ALL"), /NO \[BADCHARSET/);
  assertMatch(await session.run("SEARCH"), /BAD/);
  assertMatch(await session.run("SEARCH 7"), /BAD/);
  await endSession(session);
});

Deno.test("APPEND streams a message into a folder", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  session.wire.send('a APPEND inbox (\\Seen $x) "17-Jul-1996 02:44:25 -0700" {10}\r\n');
  assertMatch(await session.wire.until(/\+ .*\r\n/), /^\+ go ahead/);
  session.wire.send("0123456789\r\n");
  assertMatch(
    await session.wire.until(/^a .*\r\n/m),
    /\* 3 EXISTS\r\n\* 3 RECENT\r\na OK \[APPENDUID 1001 3\]/,
  );
  const stored = session.account.folder("INBOX").messages[2]!;
  assertEquals(stored.internalDateMs, Date.UTC(1996, 6, 17, 9, 44, 25));
  assertEquals(stored.flags, 1 | 32);
  assertMatch(await session.run("APPEND {5+}\r\nINBOX {3+}\r\nabc"), /OK \[APPENDUID 1001 4\]/);
  await endSession(session);
});

Deno.test("a refused APPEND is refused before the message is sent, and a sent one is passed over", async () => {
  const session = await startLoggedIn();
  assertMatch(await session.run("APPEND nowhere {100}"), /NO \[TRYCREATE\]/);
  assertMatch(await session.run("APPEND nowhere {11+}\r\nx1 LOGOUT\r\n"), /NO \[TRYCREATE\]/);
  session.account.quotaBytes = 5;
  assertMatch(await session.run("APPEND INBOX {6}"), /NO \[OVERQUOTA\]/);
  assertMatch(await session.run("APPEND INBOX {200000000}"), /NO \[TOOBIG\]/);
  assertMatch(await session.run("APPEND INBOX {0+}\r\n"), /NO/);
  session.account.failing.add("write");
  assertMatch(await session.run("APPEND INBOX {3+}\r\nabc"), /NO \[UNAVAILABLE\]/);
  session.account.failing.clear();
  assertMatch(await session.run("APPEND INBOX {3+}\r\nabc {3+}\r\nabc"), /^t\d+ BAD/);
  assertMatch(await session.run("APPEND INBOX {0+}\r\n {8+}\r\nx LOGOUT"), /^t\d+ NO/);
  assertEquals(session.account.aborted, 2);
  session.wire.send("z APPEND INBOX {5+}\r\nab");
  await endSession(session);
  assertEquals(session.account.aborted, 3);
  assertEquals(session.account.folder("INBOX").messages.length, 0);
});

Deno.test("folders are made, renamed, listed, subscribed and deleted", async () => {
  const session = await startLoggedIn();
  assertMatch(await session.run("CREATE a.b"), /OK/);
  assertMatch(await session.run("CREATE a.b"), /NO \[ALREADYEXISTS\]/);
  assertMatch(await session.run('CREATE "a..b"'), /NO \[CANNOT\]/);
  assertMatch(await session.run("CREATE gr&APw-n"), /OK/);
  assertMatch(await session.run('CREATE "gr\xfcn"'), /NO \[CANNOT\]/);
  session.account.folder("gr&APw-n").specialUse = "\\Sent";
  assertEquals(
    (await session.run('LIST "" *')).split("\r\n").slice(0, 4),
    [
      '* LIST (\\HasNoChildren) "." INBOX',
      '* LIST (\\HasNoChildren) "." a.b',
      '* LIST (\\HasNoChildren \\Sent) "." gr&APw-n',
      '* LIST (\\Noselect \\HasChildren) "." a',
    ],
  );
  assertMatch(
    await session.run('LIST "" %'),
    /^\* LIST \S+ "\." INBOX\r\n\* LIST [^\n]*gr&APw-n\r\n\* LIST [^\n]* a\r\nt/,
  );
  assertMatch(await session.run('LIST (SPECIAL-USE) "" *'), /^\* LIST \(\\HasNoChildren \\Sent\) "\." gr&APw-n\r\nt/);
  assertMatch(await session.run('LIST "" ""'), /^\* LIST \(\\Noselect\) "\." ""\r\nt/);
  assertMatch(await session.run('LIST "a." % RETURN (SUBSCRIBED CHILDREN)'), /^\* LIST [^\n]* a\.b\r\nt/);
  await session.run("SUBSCRIBE a.b");
  assertMatch(await session.run('LSUB "" *'), /^\* LSUB \(\) "\." a\.b\r\nt/);
  assertMatch(await session.run('LSUB "" %'), /^\* LSUB \(\\Noselect\) "\." a\r\nt/);
  await session.run("UNSUBSCRIBE a.b");
  assertMatch(await session.run('LSUB "" *'), /^t/);
  assertMatch(await session.run("RENAME a.b c"), /OK/);
  assertMatch(await session.run("RENAME a.b d"), /NO \[NONEXISTENT\]/);
  assertMatch(await session.run("DELETE inbox"), /NO \[CANNOT\]/);
  assertMatch(await session.run("DELETE c"), /OK/);
  assertMatch(
    await session.run("STATUS inbox (MESSAGES UIDNEXT UNSEEN)"),
    /^\* STATUS INBOX \(MESSAGES 0 UIDNEXT 1 UNSEEN 0\)/,
  );
  assertMatch(await session.run("STATUS c (MESSAGES)"), /NO \[NONEXISTENT\]/);
  await endSession(session);
});

Deno.test("IDLE tells of changes at once and ends with DONE", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  session.wire.send("a IDLE\r\n");
  await session.wire.until(/\+ idling\r\n/);
  addMessages(session.account.folder("INBOX"), SIMPLE);
  assertMatch(await session.wire.until(/RECENT\r\n/), /^\* 3 EXISTS\r\n\* 3 RECENT\r\n$/);
  session.account.folder("INBOX").expunge(Uint32Array.of(1));
  assertMatch(await session.wire.until(/EXPUNGE\r\n/), /^\* 1 EXPUNGE\r\n$/);
  session.wire.send("done\r\nb NOOP\r\n");
  assertMatch(await session.wire.until(/^b .*\r\n/m), /^a OK[^\n]*\nb OK/);
  assertEquals(session.account.folder("INBOX").watcherCount, 0);
  session.wire.send("c IDLE\r\nnonsense\r\n");
  assertMatch(await session.wire.until(/^c .*\r\n/m), /c BAD/);
  await endSession(session);
});

Deno.test("a failing store answers NO and the session goes on", async () => {
  const session = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  for (const operation of ["cached", "message", "store", "list", "refresh"]) {
    session.account.failing.add(operation);
    const command =
      { cached: "FETCH 1 ENVELOPE", message: "FETCH 1 BODY.PEEK[]", store: "STORE 1 FLAGS ()" }[operation];
    assertMatch(await session.run(command ?? (operation === "list" ? 'LIST "" *' : "NOOP")), /NO \[UNAVAILABLE\]/);
    session.account.failing.clear();
    assertMatch(await session.run("NOOP"), /OK/);
  }
  await endSession(session);
});

Deno.test("nonsense is BAD, with a limit", async () => {
  const session = startSession();
  await session.wire.until(/ready/);
  session.wire.send("\r\n");
  assertMatch(await session.wire.until(/\r\n/), /^\* BAD/);
  assertMatch(await session.run("FROBNICATE"), /BAD unknown command FROBNICATE/);
  assertMatch(await session.run("LOGIN a"), /BAD/);
  assertMatch(await session.run("NOOP x"), /BAD/);
  assertMatch(await session.run("LOGIN {99999}"), /NO \[TOOBIG\]/);
  for (let count = 0; count < 19; count++) assertMatch(await session.run("X"), /BAD/);
  session.wire.send("last X\r\n");
  await session.ended;
  assertMatch(session.wire.take(), /last BAD[^]*\* BYE/);
});

Deno.test("a line without end, silence, and a lost client end the session", async () => {
  const long = startSession();
  long.wire.send("a".repeat(41_000));
  await long.ended;
  assertMatch(long.wire.take(), /\* BYE line longer/);
  const silent = await startLoggedIn({ account: accountWithMail(), select: "INBOX" });
  silent.wire.timeOut();
  await silent.ended;
  const timeout = silent.events.at(-1);
  assertEquals(timeout?.kind === "end" ? timeout.reason : "", "timeout");
  assertMatch(silent.wire.take(), /\* BYE silent/);
  assertEquals(silent.account.folder("INBOX").openCount, 0);
  const lost = await startLoggedIn();
  lost.wire.fail(new Error("reset"));
  await lost.ended;
  const end = lost.events.at(-1);
  assertEquals(end?.kind === "end" ? end.reason : "", "disconnected");
});

Deno.test("a stopping server says BYE to a waiting client", async () => {
  const stopping = new AbortController();
  const session = await startLoggedIn({ stopping: stopping.signal });
  stopping.abort();
  await session.ended;
  assertMatch(session.wire.take(), /\* BYE the server is going down/);
});

Deno.test("STARTTLS refuses plain text sent ahead, and goes on encrypted", async () => {
  const tls = { certificate: () => ({ cert: "", key: "" }) };
  const ahead = startSession({ tls });
  ahead.wire.startTls = () => Promise.reject(new Error("never called"));
  ahead.wire.send("a STARTTLS\r\nb NOOP\r\n");
  await ahead.ended;
  assertMatch(ahead.wire.take(), /a BAD[^]*BYE/);
  const session = startSession({ tls, plainTextAllowed: false });
  session.wire.startTls = () => {
    session.wire.tls = { protocol: "TLSv1.3", cipher: "x" };
    return Promise.resolve(session.wire.tls);
  };
  assertMatch(await session.run("CAPABILITY"), /STARTTLS LOGINDISABLED/);
  assertMatch(await session.run("STARTTLS"), /^t\d+ OK begin TLS now\r\n$/m);
  assertMatch(await session.run("CAPABILITY"), /AUTH=PLAIN/);
  assertMatch(await session.run("LOGIN alice secret"), /OK/);
  await endSession(session);
});

Deno.test("a user that is authenticated already is greeted with PREAUTH", async () => {
  const account = accountWithMail();
  const session = startSession({ account, preauthenticated: { user: "alice", account } });
  assertMatch(await session.wire.until(/\r\n/), /^\* PREAUTH \[CAPABILITY/);
  assertMatch(await session.run("SELECT INBOX"), /OK \[READ-WRITE\]/);
  await endSession(session);
});
