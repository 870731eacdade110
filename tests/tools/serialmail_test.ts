/**
 * serialmail's programs as processes: a Maildir through Debian's tcpclient to our own SMTP server, to servers that refuse
 * and break off, through QMTP and through a command; killed in the middle. Nothing is lost, nothing is removed too early.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";
import { SerialWorld } from "../support/serial_world.ts";

const TCPCLIENT = "/usr/bin/tcpclient";
const CLIENT = [TCPCLIENT, "-RHl0", "--", "127.0.0.1"];

Deno.test("a Maildir goes to our server whole, and only what has the prefix", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret-Joe-1");
  await using world = await SerialWorld.make();
  const to = `x-joe@${installation.domain}`;
  for (let number = 0; number < 12; number++) await world.addMessage({ number, to });
  await world.addMessage({ number: 99, to: `other@${installation.domain}` });
  const env = { PORT: String(installation.ports.smtp) };
  const sent = await world.run("maildirsmtp", [world.maildir, "x-", "127.0.0.1", "client.example.test"], env);
  assertEquals([sent.code, sent.stderr.match(/ succeeded: /g)?.length], [0, 12], sent.stderr);
  assertEquals(world.subjects(), ["99"]);
  const shown = await installation.must("vuserinfo", ["-d", `joe@${installation.domain}`]);
  const home = /(\/\S+)/.exec(shown)![1]!;
  const texts = await eventually("the mail is delivered", async () => {
    const { stdout } = await command("sh", ["-c", `cat ${home}/Maildir/new/* 2>/dev/null || true`]);
    return stdout.match(/^Subject: \d+$/gm)?.length === 12 ? stdout : undefined;
  });
  assertEquals(texts.match(/^\.dot$/gm)?.length, 12);
  assertEquals(texts.match(/^Return-Path: <sender@sender.test>$/gm)?.length, 12);
  assert(!texts.includes("x-joe"));
});

Deno.test("what is refused for good is bounced, for now stays, and what is too old is bounced", async () => {
  await using sink = startSmtpSink({
    reply: (line) => {
      if (line.includes("now@")) return "451 come again";
      return line.includes("never@") ? "550 never" : undefined;
    },
  });
  await using world = await SerialWorld.make();
  await world.addMessage({ number: 1, to: "good@a.test" });
  await world.addMessage({ number: 2, to: "never@a.test" });
  await world.addMessage({ number: 3, to: "now@a.test" });
  await world.addMessage({ number: 4, to: "now@a.test", ageSeconds: 5000 });
  await world.addMessage({ number: 5, to: "never@a.test", from: "" });
  await world.addMessage({ number: 6, to: "never@a.test", from: "#@[]" });
  await world.addMessage({ number: 7, to: "good@a.test", ageSeconds: -3600 });
  const client = [...CLIENT, String(sink.port), ...world.ours("serialsmtp"), "", "me.test"];
  const queue = await world.fakeQueue(0);
  const run = await world.run("maildirserial", ["-b", "-t", "4000", world.maildir, "", ...client], queue.env);
  assertEquals([run.code, world.subjects()], [111, ["3", "7"]], run.stderr);
  assertEquals(sink.messages.map(({ data }) => data.includes("Subject: 1\r\n")), [true]);
  assertMatch(
    run.stderr,
    /new\/\d+\.2 bounced: MAIL from <sender@sender.test> RCPT <never@a.test>, 127.0.0.1 said: 550 never/,
  );
  assertMatch(run.stderr, /new\/\d+\.3 failed temporarily: .*451 come again/);
  assertMatch(run.stderr, /discarding new\/\d+\.6: triple bounce/);
  assertEquals(queue.envelopes().toSorted(), [
    "F\0Tsender@sender.test\0\0",
    "F\0Tsender@sender.test\0\0",
    "F#@[]\0Tpostmaster@me.test\0\0",
  ]);
  assertEquals(
    queue.messages().filter((text) => /^Hi\. This is the maildirserial program at me\.test\./m.test(text)).length,
    3,
  );
  assertMatch(
    queue.messages().find((text) => text.includes("Subject: 4\n"))!,
    /451 come again\nThis message has been tried/,
  );
});

Deno.test("without -b nothing is bounced; a queue that fails keeps the message", async () => {
  await using sink = startSmtpSink({
    reply: (line) => line.startsWith("MAIL") ? "550 never" : undefined,
    extensions: [],
  });
  await using world = await SerialWorld.make();
  await world.addMessage({ number: 1, to: "a@a.test" });
  const client = [...CLIENT, String(sink.port), ...world.ours("serialsmtp"), "", "me.test"];
  const queue = await world.fakeQueue(53);
  for (const options of [[], ["-b"]]) {
    const run = await world.run("maildirserial", [...options, world.maildir, "", ...client], queue.env);
    assertEquals([run.code, world.subjects()], [111, ["1"]], run.stderr);
    if (options.length > 0) assertMatch(run.stderr, /unable to bounce new\/\d+\.1: qmail-queue: queue cannot write/);
  }
});

Deno.test("a server that breaks off in the middle gets the rest again, until it makes no progress", async () => {
  let sent = 0;
  await using sink = startSmtpSink({ reply: (line) => line === "message" && ++sent % 3 === 0 ? "close" : undefined });
  await using world = await SerialWorld.make();
  for (let number = 0; number < 8; number++) await world.addMessage({ number, to: "a@a.test" });
  const client = [...CLIENT, String(sink.port), ...world.ours("serialsmtp"), "", "me.test"];
  const run = await world.run("maildirserial", [world.maildir, "", ...client]);
  assertEquals([run.code, world.subjects(), sink.sessions], [0, [], 4], run.stderr);
  assertEquals(new Set(sink.messages.map(({ data }) => /Subject: (\d+)/.exec(data)![1])).size, 8);
  await world.addMessage({ number: 9, to: "a@a.test" });
  const none = await world.run("maildirserial", [world.maildir, "", "false"]);
  assertEquals([none.code, world.subjects()], [111, ["9"]]);
  assertMatch(none.stderr, /makes no progress/);
  assertEquals((await world.run("maildirserial", [world.maildir, "", "sh", "-c", "exit 100"])).code, 100);
});

Deno.test("killed in the middle, each message is at the server or still in the Maildir, and a second run ends it", async () => {
  await using world = await SerialWorld.make();
  const all = Array.from({ length: 30 }, (_, number) => String(number));
  for (const number of all) await world.addMessage({ number: Number(number), to: "a@a.test" });
  let taken = 0;
  let kill = () => {};
  await using sink = startSmtpSink({
    reply: (line) => {
      if (line === "message" && ++taken === 11) kill();
      return undefined;
    },
  });
  const client = [...CLIENT, String(sink.port), ...world.ours("serialsmtp"), "", "me.test"];
  const child = world.spawn("maildirserial", [world.maildir, "", ...client]);
  kill = () => child.kill("SIGKILL");
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL");
  const atServer = () => sink.messages.map(({ data }) => /Subject: (\d+)/.exec(data)![1]!);
  const left = world.subjects();
  assert(left.length > 0);
  assertEquals([...new Set([...left, ...atServer()])].toSorted(), all.toSorted());
  const again = await eventually("the rest is sent", async () => {
    const run = await world.run("maildirserial", [world.maildir, "", ...client]);
    return run.code === 0 ? run : undefined;
  });
  assertEquals([again.code, world.subjects()], [0, []]);
  assertEquals([...new Set(atServer())].toSorted(), all.toSorted());
});

Deno.test("by QMTP messages go out many at a time, and each gets its answer", async () => {
  await using world = await SerialWorld.make();
  for (let number = 0; number < 45; number++) {
    await world.addMessage({ number, to: `x-${number % 3 === 2 ? "never" : "good"}@a.test` });
  }
  await using server = world.startQmtp((_, recipient) => recipient.startsWith("never") ? "Dno such user" : "Ktaken");
  const client = [...CLIENT, String(server.port), ...world.ours("serialqmtp"), "x-"];
  const run = await world.run("maildirserial", [world.maildir, "x-", ...client]);
  assertEquals([run.code, world.subjects().length, server.messages.length], [111, 15, 45], run.stderr);
  const [first] = server.messages;
  assertMatch(first!.text, /^\nSubject: \d+\n\n\.dot\nbody\n$/);
  assertEquals([first!.sender, server.messages.map(({ recipient }) => recipient).includes("good@a.test")], [
    "sender@sender.test",
    true,
  ]);
  assertMatch(run.stderr, /failed: MAIL from <sender@sender.test> RCPT <never@a.test>, 127.0.0.1 said: no such user/);
});

Deno.test("two at a time do not send the same Maildir", async () => {
  await using world = await SerialWorld.make();
  await world.addMessage({ number: 1, to: "a@a.test" });
  const holder = `read -r name; echo >${world.folder}/holds; while [ -e ${world.folder}/holds ]; do sleep 0.05; done`;
  const first = world.spawn("maildirserial", [world.maildir, "", "bash", "-c", holder]);
  await eventually("the first client runs", () => world.has("holds"));
  const second = await world.run("maildirserial", [world.maildir, "", "true"]);
  await Deno.remove(`${world.folder}/holds`);
  assertEquals(second.code, 111);
  assertMatch(second.stderr, /is being sent by another/);
  first.kill("SIGTERM");
  await first.status;
});
