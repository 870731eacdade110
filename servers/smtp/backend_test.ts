import { assert, assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { MemoryConnection, type MemoryConnectionOptions } from "../../tests/support/memory_connection.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { SmtpSession } from "../../mail/smtp/session.ts";
import { writeCdb } from "../../storage/cdb/writer.ts";
import { realDisk } from "../../storage/disk.ts";
import { type SmtpClientFacts, SmtpdBackend } from "./backend.ts";
import { makeTestServer, type TestServer, type TestServerOptions } from "./testing.ts";

interface Talk extends TestServer {
  readonly connection: MemoryConnection;
  /** Says lines and gives the answers, each line once. */
  say(...lines: string[]): Promise<string>;
  finish(): Promise<void>;
}

type TalkOptions = TestServerOptions & MemoryConnectionOptions & Partial<SmtpClientFacts>;

function talk(options: TalkOptions = {}): Talk {
  const world = makeTestServer(options);
  const connection = new MemoryConnection(options);
  const backend = new SmtpdBackend(world.server, connection, {
    submission: options.submission ?? false,
    offersAuth: options.offersAuth ?? true,
    remoteHost: options.remoteHost,
  });
  const done = new SmtpSession(connection, backend).run().then(() => connection.close());
  return {
    ...world,
    connection,
    async say(...lines) {
      await connection.quiet();
      const before = connection.written.length;
      connection.feed(`${lines.join("\r\n")}\r\n`);
      await connection.quiet();
      return connection.written.slice(before);
    },
    async finish() {
      connection.end();
      await done;
      world.close();
    },
  };
}

const HELO = "EHLO client.test";
const MAIL = "MAIL FROM:<sender@far.test>";

async function rcpt(options: TalkOptions, recipient: string, mail = MAIL): Promise<string> {
  const session = talk(options);
  await session.say(HELO, mail);
  const reply = await session.say(`RCPT TO:<${recipient}>`);
  await session.finish();
  return reply.trimEnd();
}

Deno.test("a message goes to the queue with a Received line in front and is logged with its ids", async () => {
  const session = talk();
  await session.say(HELO, MAIL, "RCPT TO:<User@Local.Test>", "RCPT TO:<other@local.test>", "DATA");
  assertEquals(await session.say("Subject: hi", "", "text", "."), "250 2.0.0 ok, queued as q1\r\n");
  await session.finish();
  const [message] = session.queue.messages;
  assertEquals(message?.envelope, { sender: "sender@far.test", recipients: ["User@Local.Test", "other@local.test"] });
  assertMatch(
    message!.text,
    /^Received: from unknown \(HELO client\.test\) \(198\.51\.100\.7\)\n {2}by mail\.test with ESMTP id id1; Mon, 23 Nov 2026 [^\n]*\nSubject: hi\n\ntext\n$/,
  );
  assertEquals(session.lines, [
    "smtpd: pid 42 from 198.51.100.7 HELO <client.test> MAIL from <sender@far.test> RCPT <User@Local.Test> " +
    "RCPT <other@local.test> Size: 18 id=id1 queueID=q1",
  ]);
});

Deno.test("relaying is refused, and the refusal is logged with who, what and why", async () => {
  const session = talk();
  await session.say(HELO, MAIL);
  const reply =
    "553 5.7.1 domain far.test is not in the list of allowed rcpthosts, authentication is required to relay";
  assertEquals(await session.say("RCPT TO:<x@far.test>"), `${reply}\r\n`);
  await session.finish();
  assertEquals(session.lines, [
    `smtpd: pid 42 from 198.51.100.7 HELO <client.test> MAIL from <sender@far.test> refused: ${reply}: RCPT TO:<x@far.test>`,
  ]);
});

Deno.test("rcpthosts takes domains, .suffixes and the compiled morercpthosts; none at all takes everything", async () => {
  assertMatch(await rcpt({}, "x@deep.in.sub.test"), /^250/);
  assertMatch(await rcpt({}, "x@sub.test"), /^553/);
  assertMatch(await rcpt({}, "x@SYS.TEST"), /^250/);
  assertMatch(await rcpt({}, "postmaster"), /^250/);
  assertMatch(await rcpt({ control: { rcpthosts: undefined } }, "x@far.test"), /^250/);
  const session = talk();
  await writeCdb(realDisk, `${session.control.directory}/morercpthosts.cdb`, [
    [latin1Bytes("more.test"), new Uint8Array()],
    [latin1Bytes(".wild.test"), new Uint8Array()],
  ]);
  session.clock.nowMs += 5000;
  await session.say(HELO, MAIL);
  const replies = await session.say("RCPT TO:<x@more.test>", "RCPT TO:<x@a.wild.test>", "RCPT TO:<x@most.test>");
  assertEquals(replies.match(/^\d+/gm), ["250", "250", "553"]);
  await session.finish();
});

Deno.test("RELAYCLIENT, relayclients, relaydomains and relaymailfrom allow relaying", async () => {
  assertMatch(await rcpt({ env: { RELAYCLIENT: "" } }, "x@far.test"), /^250/);
  assertMatch(await rcpt({ control: { relayclients: "198.51.100.7:\n" } }, "x@far.test"), /^250/);
  assertMatch(await rcpt({ control: { relayclients: "198.51.:\n" } }, "x@far.test"), /^250/);
  assertMatch(await rcpt({ control: { relayclients: "198.5:\n" } }, "x@far.test"), /^553/);
  assertMatch(await rcpt({ control: { relaydomains: ".ok.test:\n" }, remoteHost: "h.OK.test" }, "x@far.test"), /^250/);
  assertMatch(await rcpt({ control: { relaydomains: ".ok.test:\n" }, remoteHost: "ok.test" }, "x@far.test"), /^553/);
  assertMatch(await rcpt({ control: { relaymailfrom: "@far.test\n" } }, "x@far.test"), /^250/);
  assertMatch(await rcpt({ control: { relaymailfrom: "@far.test\n" } }, "x@far.test", "MAIL FROM:<>"), /^553/);
});

Deno.test("with CHECKRELAY a sender who has read mail from there may relay, asked once for a message", async () => {
  const session = talk({ env: { CHECKRELAY: "" } });
  session.lookup.granted.add("sender@far.test 198.51.100.7");
  await session.say(HELO, MAIL);
  assertMatch(await session.say("RCPT TO:<x@far.test>", "RCPT TO:<y@far.test>"), /^250.*\r\n250/);
  session.lookup.granted.clear();
  assertMatch(await session.say("RCPT TO:<z@far.test>"), /^250/);
  await session.say("RSET", MAIL);
  assertMatch(await session.say("RCPT TO:<x@far.test>"), /^553 5\.7\.1/);
  session.lookup.granted.add("sender@far.test 198.51.100.7");
  assertMatch(await session.say("RCPT TO:<nobody@local.test>"), /^550 5\.1\.1/);
  session.lookup.down = true;
  await session.say("RSET", MAIL);
  assertMatch(await session.say("RCPT TO:<x@far.test>"), /^451/);
  await session.finish();
  for (const [env, mail] of [[{}, MAIL], [{ CHECKRELAY: "" }, "MAIL FROM:<>"]] as const) {
    const other = talk({ env });
    for (const sender of ["sender@far.test", ""]) other.lookup.granted.add(`${sender} 198.51.100.7`);
    await other.say(HELO, mail);
    assertMatch(await other.say("RCPT TO:<x@far.test>"), /^553/);
    await other.finish();
  }
});

Deno.test("RELAYCLIENT's value is appended to recipients", async () => {
  const session = talk({ env: { RELAYCLIENT: "@hub.test" } });
  await session.say(HELO, MAIL, "RCPT TO:<x@far.test>", "DATA");
  await session.say(".");
  assertEquals(session.queue.messages[0]?.envelope.recipients, ["x@far.test@hub.test"]);
  await session.finish();
});

Deno.test("recipients of virtual domains are checked: absent, inactive, over quota, lookup down", async () => {
  assertEquals(await rcpt({}, "nobody@local.test"), "550 5.1.1 no mailbox nobody@local.test here");
  assertEquals(await rcpt({}, "closed@local.test"), "550 5.2.1 mailbox closed@local.test is inactive");
  assertEquals(await rcpt({}, "full@local.test"), "452 4.2.2 mailbox full@local.test is over its quota");
  assertMatch(await rcpt({ env: { RELAYCLIENT: "" } }, "nobody@local.test"), /^550 5\.1\.1/);
  const session = talk();
  session.lookup.down = true;
  await session.say(HELO, MAIL);
  assertEquals(await session.say("RCPT TO:<user@local.test>"), "451 4.3.0 nothing answers on lookup.socket\r\n");
  session.lookup.down = false;
  assertMatch(await session.say("RCPT TO:<user@local.test>"), /^250/);
  await session.finish();
});

Deno.test("system users and other domains are not asked for; chkrcptdomains chooses who is", async () => {
  const session = talk({ control: { chkrcptdomains: "elsewhere.test\n" } });
  await session.say(HELO, MAIL);
  assertMatch(await session.say("RCPT TO:<anybody@sys.test>"), /^250/);
  assertMatch(await session.say("RCPT TO:<nobody@local.test>"), /^250/);
  assertEquals(session.lookup.asked, []);
  await session.finish();
});

Deno.test("a known recipient is believed for two seconds, a refused one never", async () => {
  const session = talk();
  await session.say(HELO, MAIL);
  await session.say("RCPT TO:<user@local.test>", "RCPT TO:<USER@local.test>", "RCPT TO:<nobody@local.test>");
  await session.say("RCPT TO:<nobody@local.test>");
  assertEquals(session.lookup.asked, ["user@local.test", "nobody@local.test", "nobody@local.test"]);
  session.clock.nowMs += 2001;
  await session.say("RCPT TO:<user@local.test>");
  assertEquals(session.lookup.asked.length, 4);
  await session.finish();
});

Deno.test("badmailfrom and badrcptto refuse addresses and @domains", async () => {
  const control = { badmailfrom: "spam@far.test\n@evil.test\n", badrcptto: "User@local.test\n@sys.test\n" };
  assertMatch(
    await rcpt({ control }, "other@local.test", "MAIL FROM:<SPAM@far.test>"),
    /^553 5\.7\.1 sender SPAM@far\.test is in/,
  );
  assertMatch(await rcpt({ control }, "other@local.test", "MAIL FROM:<x@evil.test>"), /^553/);
  assertMatch(await rcpt({ control }, "other@local.test", "MAIL FROM:<ham@far.test>"), /^250/);
  assertMatch(
    await rcpt({ control }, "user@local.test"),
    /^553 5\.7\.1 recipient user@local\.test is in the list badrcptto/,
  );
  assertMatch(await rcpt({ control }, "x@sys.test"), /^553/);
  assertMatch(
    await rcpt({ control: { mine: "@far.test\n" }, env: { BADMAILFROM: "mine" } }, "other@local.test"),
    /^553/,
  );
});

Deno.test("[IP] of this host stands for localiphost", async () => {
  const control = { localiphost: "local.test\n", moreipme: "203.0.113.5\n", notipme: "203.0.113.6\n" };
  assertMatch(await rcpt({ control }, "user@[192.0.2.1]"), /^250/);
  assertMatch(await rcpt({ control }, "nobody@[203.0.113.5]"), /^550 5\.1\.1 no mailbox nobody@local\.test/);
  assertMatch(await rcpt({ control }, "user@[203.0.113.6]"), /^553/);
  assertMatch(await rcpt({ control }, "user@[198.51.100.1]"), /^553/);
});

Deno.test("maxrecipients and the tarpit count the recipients of a message", async () => {
  const session = talk({ control: { maxrecipients: "3\n", tarpitcount: "1\n", tarpitdelay: "7\n" } });
  await session.say(HELO, MAIL);
  const recipients = Array.from({ length: 4 }, (_, at) => `RCPT TO:<u${at}@sys.test>`);
  const replies = await session.say(...recipients);
  assertEquals(replies.match(/^\d+ \S+/gm), ["250 2.1.5", "250 2.1.5", "250 2.1.5", "452 4.5.3"]);
  assertEquals(session.delays, [7000, 7000]);
  await session.say("RSET", MAIL);
  assertMatch(await session.say("RCPT TO:<u@sys.test>"), /^250/);
  await session.finish();
});

Deno.test("DATABYTES goes before control/databytes and is shown as SIZE", async () => {
  const session = talk({ control: { databytes: "5\n" }, env: { DATABYTES: "2000" } });
  assertMatch(await session.say(HELO), /^250-SIZE 2000\r$/m);
  assertMatch(await session.say("MAIL FROM:<> SIZE=2001"), /^552 5\.3\.4/);
  await session.finish();
});

Deno.test("AUTH is offered under TLS, and in plain text only on this host or when SECURE_AUTH is 0", async () => {
  const offers = async (options: TalkOptions) => {
    const session = talk(options);
    const offered = /^250[ -]AUTH /m.test(await session.say(HELO));
    const reply = await session.say("AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ=");
    await session.finish();
    return `${offered} ${reply.slice(0, 3)}`;
  };
  const loopback = { host: "127.0.0.1", port: 40_000 };
  assertEquals(await offers({}), "false 538");
  assertEquals(await offers({ remote: loopback }), "true 235");
  assertEquals(await offers({ tls: true }), "true 235");
  assertEquals(await offers({ env: { SECURE_AUTH: "0" } }), "true 235");
  assertEquals(await offers({ env: { SECURE_AUTH: "" }, remote: loopback }), "false 538");
  assertEquals(await offers({ env: { FORCE_TLS: "" }, remote: loopback }), "false 538");
  assertEquals(await offers({ tls: true, offersAuth: false }), "false 503");
});

Deno.test("who has logged in may relay, unless the account may not", async () => {
  const session = talk({ tls: true });
  await session.say(HELO, "AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ=", MAIL, "RCPT TO:<x@far.test>", "DATA");
  await session.say(".");
  assertMatch(
    session.queue.messages[0]!.text,
    /\(user@local\.test@198\.51\.100\.7\)\n {2}by mail\.test with ESMTPSA \(TLSv1\.3 /,
  );
  assertMatch(session.lines[0]!, / AUTH <user@local\.test> /);
  assertMatch(await session.say("AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ="), /^503 5\.5\.1 already/);
  await session.finish();
  const other = talk({ tls: true });
  other.lookup.mayRelay = false;
  await other.say(HELO, "AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ=", MAIL);
  assertMatch(await other.say("RCPT TO:<x@far.test>"), /^553 5\.7\.1 .*your account may not relay/);
  assertMatch(await other.say("RCPT TO:<other@local.test>"), /^250/);
  await other.finish();
});

Deno.test("wrong passwords, closed accounts and a lookup daemon that is down are told apart", async () => {
  const session = talk({ tls: true });
  await session.say(HELO);
  const auth = (user: string, password: string) => `AUTH PLAIN ${btoa(`\0${user}\0${password}`)}`;
  assertMatch(await session.say(auth("user@local.test", "wrong")), /^535 5\.7\.8 user name or password is wrong/);
  assertMatch(await session.say(auth("closed@local.test", "secret")), /^535 5\.7\.8 login refused: account is closed/);
  session.lookup.down = true;
  assertMatch(await session.say(auth("user@local.test", "secret")), /^454 4\.7\.0 temporary authentication failure/);
  assert(!session.lines.join().includes(btoa("\0user@local.test\0wrong")), "no password in the log");
  await session.finish();
});

Deno.test("submission wants AUTH first, REQUIREAUTH and FORCE_TLS as well", async () => {
  for (const options of [{ submission: true }, { env: { REQUIREAUTH: "" } }]) {
    const session = talk({ ...options, tls: true });
    assertMatch(await session.say(HELO, MAIL), /530 5\.7\.0 authentication required\r\n$/);
    await session.say("AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ=");
    assertMatch(await session.say(MAIL), /^250/);
    await session.finish();
  }
  const session = talk({ env: { FORCE_TLS: "" } });
  assertMatch(await session.say(HELO, MAIL), /530 5\.7\.0 say STARTTLS first\r\n$/);
  await session.finish();
});

Deno.test("after STARTTLS the login before it counts no more", async () => {
  const session = talk({ remote: { host: "127.0.0.1", port: 1 } });
  await session.say(HELO, "AUTH PLAIN AHVzZXJAbG9jYWwudGVzdABzZWNyZXQ=");
  await session.say("STARTTLS");
  await session.say(HELO, MAIL);
  assertMatch(await session.say("RCPT TO:<x@far.test>"), /^553/);
  await session.finish();
});

Deno.test("what the queue answers becomes 451 or 554 with its enhanced code", async () => {
  const session = talk();
  const send = async () => {
    await session.say(HELO, MAIL, "RCPT TO:<user@local.test>");
    const data = await session.say("DATA");
    return data.startsWith("354") ? await session.say("text", ".") : data;
  };
  session.queue.refusal = { kind: "refused", code: 53, text: "" };
  assertEquals(await send(), "451 4.3.1 queue cannot write, disk may be full\r\n");
  session.queue.refusal = { kind: "refused", code: 31, text: "no mail today" };
  assertEquals(await send(), "554 5.3.0 mail server refuses this message for good (no mail today)\r\n");
  session.queue.refusal = { kind: "refused", code: 88, text: "Dsmells (#5.7.1)" };
  assertEquals(await send(), "554 5.7.1 smells\r\n");
  session.queue.refusal = { kind: "refused", code: 74, text: "queue daemon is gone" };
  assertMatch(await send(), /^451 4\.4\.2 /);
  session.queue.down = true;
  assertEquals(await send(), "451 4.3.0 nothing answers on queue1.socket\r\n");
  assertEquals(session.queue.messages, []);
  await session.finish();
});

Deno.test("new settings hold for the next client", () => {
  const world = makeTestServer();
  Deno.writeTextFileSync(`${world.control.directory}/smtpgreeting`, "hello.test welcome\n");
  assertEquals(world.server.settings().greeting, "mail.test");
  world.reread();
  assertEquals(world.server.settings().greeting, "hello.test welcome");
  Deno.writeTextFileSync(`${world.control.directory}/databytes`, "many\n");
  assertThrows(() => world.reread(), Permanent, /databytes/);
  world.close();
});

Deno.test("HIDE_HOST hides the client in the Received line", async () => {
  const session = talk({ env: { HIDE_HOST: "" } });
  await session.say("HELO client.test", MAIL, "RCPT TO:<user@local.test>", "DATA");
  await session.say(".");
  const { text } = session.queue.messages[0]!;
  assert(!text.includes("198.51.100.7"));
  assertMatch(text, / with SMTP id /);
  await session.finish();
});
