/** Sending over real sockets to scripted servers. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { createLogger } from "../../core/log.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { fakeResolver, type FakeZone } from "../../tests/support/dns.ts";
import { startSmtpSink } from "../../tests/support/smtp_sink.ts";
import { deliverRemote, type RemoteContext, type RemoteMessage } from "./deliver.ts";
import { formatRemoteReport, singleReport } from "./outcome.ts";
import { Penalties } from "./penalties.ts";
import { SessionPool } from "./pool.ts";
import { SmtpRoutes } from "./routes.ts";

const MESSAGE = "Subject: x\n\n.dot\nline\n";

interface World extends AsyncDisposable {
  readonly context: RemoteContext;
}

async function createWorld(routes: readonly string[], zone: FakeZone = {}): Promise<World> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/me`, "me.test\n");
  await Deno.writeTextFile(`${folder}/timeoutremote`, "2\n");
  const parsed = new SmtpRoutes(routes);
  const context: RemoteContext = {
    control: new ControlFiles(folder),
    resolver: fakeResolver(zone),
    routes: () => parsed,
    penalties: new Penalties(Date.now),
    pool: new SessionPool(),
    log: createLogger(() => Promise.resolve()),
    certs: folder,
    isOwnAddress: () => false,
    random: () => 0,
  };
  return {
    context,
    async [Symbol.asyncDispose]() {
      context.pool.close();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

const message = (change: Partial<RemoteMessage> = {}): RemoteMessage => ({
  host: "example.org",
  sender: "joe@example.com",
  recipients: ["ann@example.org"],
  sizeBytes: MESSAGE.length,
  async *chunks() {
    yield await Promise.resolve(latin1Bytes(MESSAGE));
  },
  ...change,
});

Deno.test("a message goes out with CRLF and stuffed dots, and the report quotes the reply", async () => {
  await using sink = startSmtpSink();
  await using world = await createWorld([`example.org:127.0.0.1:${sink.port}`]);
  const outcome = await deliverRemote(world.context, message());
  assertEquals(singleReport(outcome), {
    kind: "done",
    text: "127.0.0.1 accepted message.\nRemote host said: 250 taken",
  });
  assertEquals(sink.messages, [{
    sender: "joe@example.com",
    recipients: ["ann@example.org"],
    data: "Subject: x\r\n\r\n..dot\r\nline\r\n",
  }]);
  assertEquals(sink.commands.slice(0, 2), [
    "EHLO me.test",
    `MAIL FROM:<joe@example.com> SIZE=${MESSAGE.length} BODY=8BITMIME`,
  ]);
});

Deno.test("the connection is used again for the next message", async () => {
  await using sink = startSmtpSink();
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  for (let count = 0; count < 5; count++) await deliverRemote(world.context, message());
  assertEquals([sink.messages.length, sink.sessions], [5, 1]);
});

Deno.test("a kept connection that the peer has closed is replaced and nothing is lost", async () => {
  let mails = 0;
  await using sink = startSmtpSink({
    reply: (command, session) => session === 0 && command.startsWith("MAIL") && ++mails === 2 ? "close" : undefined,
  });
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  await deliverRemote(world.context, message());
  assertEquals((await deliverRemote(world.context, message())).message.kind, "done");
  assertEquals([sink.messages.length, sink.sessions], [2, 2]);
});

for (const extensions of [["PIPELINING"], []]) {
  Deno.test(`recipients are reported one by one ${extensions.length > 0 ? "with" : "without"} pipelining`, async () => {
    await using sink = startSmtpSink({
      extensions,
      reply: (command) =>
        /RCPT.*<no@/.test(command) ? "550 5.1.1 who" : /RCPT.*<later@/.test(command) ? "451 busy" : undefined,
    });
    await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
    const outcome = await deliverRemote(world.context, message({ recipients: ["no@a", "yes@a", "later@a"] }));
    assertEquals(outcome.recipients.map(({ kind }) => kind), ["permanent", "accepted", "temporary"]);
    assertEquals(outcome.message.kind, "done");
    assertEquals(
      latin1Text(formatRemoteReport(outcome)),
      "h127.0.0.1 does not like recipient.\nRemote host said: 550 5.1.1 who\n\0r\0" +
        "s127.0.0.1 does not like recipient.\nRemote host said: 451 busy\n\0" +
        "K127.0.0.1 accepted message.\nRemote host said: 250 taken\n\0",
    );
    assertEquals(sink.messages[0]!.recipients.length, 1);
  });

  Deno.test(`when all recipients are refused nothing is sent and the session lives ${extensions.join()}`, async () => {
    await using sink = startSmtpSink({
      extensions,
      reply: (command) => /RCPT.*<no@/.test(command) ? "550 who" : undefined,
    });
    await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
    assertEquals(singleReport(await deliverRemote(world.context, message({ recipients: ["no@a"] }))).kind, "permanent");
    assertEquals((await deliverRemote(world.context, message())).message.kind, "done");
    assertEquals([sink.messages.length, sink.sessions], [1, 1]);
  });
}

Deno.test("4xx is temporary and 5xx is permanent at every step", async () => {
  for (const [step, match] of [["MAIL", /^MAIL/], ["DATA", /^DATA/], ["message", /^message/]] as const) {
    for (const [reply, kind] of [["451 later", "temporary"], ["554 never", "permanent"]] as const) {
      await using sink = startSmtpSink({ reply: (command) => match.test(command) ? reply : undefined });
      await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
      const report = singleReport(await deliverRemote(world.context, message()));
      assertEquals(report.kind, kind, `${step} ${reply}`);
      assertMatch(report.text, new RegExp(`Remote host said: ${reply}`));
    }
  }
});

Deno.test("a connection that dies after the message is a possible duplicate and is not tried elsewhere", async () => {
  await using sink = startSmtpSink({ reply: (command) => command === "message" ? "close" : undefined });
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  const report = singleReport(await deliverRemote(world.context, message()));
  assertEquals(report.kind, "temporary");
  assertMatch(report.text, /Possible duplicate/);
  assertEquals(sink.sessions, 1);
});

Deno.test("the next address is tried when one does not answer or greets badly", async () => {
  await using sink = startSmtpSink({
    reply: (command, session) => command === "greeting" && session === 0 ? "421 busy" : undefined,
  });
  await using world = await createWorld([`:relay.test:${sink.port}`], {
    "A relay.test": ["127.0.0.2", "127.0.0.1", "127.0.0.1"],
  });
  assertEquals((await deliverRemote(world.context, message())).message.kind, "done");
  assertEquals(sink.sessions, 2);
});

Deno.test("a server that talks nonsense or never answers is temporary", async () => {
  await using sink = startSmtpSink({ reply: (command) => command === "greeting" ? "hello you" : undefined });
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  assertMatch(singleReport(await deliverRemote(world.context, message())).text, /no reply: hello you/);
  await using refused = await createWorld([":127.0.0.1:1"]);
  assertMatch(singleReport(await deliverRemote(refused.context, message())).text, /#4\.4\.1/);
});

Deno.test("an address with a line end cannot smuggle a command", async () => {
  await using sink = startSmtpSink();
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  const outcome = await deliverRemote(world.context, message({ recipients: ["a@b>\r\nRSET\r\n"] }));
  assertEquals(outcome.message.kind, "permanent");
  assertEquals(sink.messages, []);
});

Deno.test("a relay that must be verified and offers no TLS gets nothing", async () => {
  await using sink = startSmtpSink();
  await using world = await createWorld([`:127.0.0.1:${sink.port}`]);
  await Deno.mkdir(`${world.context.certs}/tlshosts`);
  await Deno.writeTextFile(`${world.context.certs}/tlshosts/127.0.0.1.pem`, "");
  assertMatch(singleReport(await deliverRemote(world.context, message())).text, /#4\.7\.5/);
  assertEquals(sink.messages, []);
});

Deno.test("a login goes along with a route that names one", async () => {
  await using sink = startSmtpSink({
    extensions: ["AUTH PLAIN"],
    reply: (command) =>
      command.startsWith("AUTH") ? command === "AUTH PLAIN AGpvZQBwdw==" ? "235 ok" : "535 no" : undefined,
  });
  await using good = await createWorld([`:127.0.0.1:${sink.port} joe pw`]);
  assertEquals((await deliverRemote(good.context, message())).message.kind, "done");
  await using bad = await createWorld([`:127.0.0.1:${sink.port} joe wrong`]);
  assertMatch(singleReport(await deliverRemote(bad.context, message())).text, /refused the login/);
});

Deno.test("a login takes the mechanism that AUTH_SMTP names, or none", async () => {
  await using sink = startSmtpSink({
    extensions: ["AUTH PLAIN XOAUTH2"],
    reply: (command) =>
      command.startsWith("AUTH")
        ? command === `AUTH XOAUTH2 ${btoa("user=joe\x01auth=Bearer token\x01\x01")}` ? "235 ok" : "535 no"
        : undefined,
  });
  await using world = await createWorld([`:127.0.0.1:${sink.port} joe token`]);
  const good = { ...world.context, loginMechanism: "XOAUTH2" } as const;
  assertEquals((await deliverRemote(good, message())).message.kind, "done");
  const bound = { ...world.context, loginMechanism: "SCRAM-SHA-256-PLUS", pool: new SessionPool() } as const;
  assertMatch(singleReport(await deliverRemote(bound, message())).text, /no way to log in/);
});
