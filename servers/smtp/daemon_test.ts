import { SASL_MECHANISMS } from "../../mail/sasl/mechanisms.ts";
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { connectTcp } from "../../core/net/connect.ts";
import type { Connection } from "../../core/stream.ts";
import { SmtpClient } from "../../mail/smtp/client.ts";
import { TEST_CERTIFICATE_OTHER } from "../../tests/support/certificates.ts";
import { SmtpDaemon } from "./daemon.ts";
import { makeTestServer, type TestServer, type TestServerOptions } from "./testing.ts";

const HOST = "127.0.0.1";

interface Running extends TestServer {
  readonly daemon: SmtpDaemon;
  connect(service?: string): Promise<Connection>;
}

async function withDaemon(options: TestServerOptions, run: (running: Running) => Promise<void>): Promise<void> {
  const world = makeTestServer(options);
  const daemon = new SmtpDaemon(world.server, {
    addresses: ["smtp", "submission", "smtps"].map((service) => ({ service, host: HOST, port: 0 })),
    connectionsMax: 600,
    perHostMax: 1,
  });
  try {
    await run({
      ...world,
      daemon,
      connect: (service = "smtp") =>
        connectTcp({ host: HOST, port: daemon.ports.find((port) => port.service === service)!.port, timeoutMs: 5000 }),
    });
  } finally {
    await daemon.stop();
    world.close();
  }
}

async function* chunksOf(text: string): AsyncIterable<Uint8Array> {
  for (let at = 0; at < text.length; at += 5000) yield await Promise.resolve(utf8Bytes(text.slice(at, at + 5000)));
}

async function send(client: SmtpClient, recipient: string, text: string): Promise<string> {
  const replies = await client.transact({
    sender: "sender@far.test",
    recipients: [recipient],
    sizeBytes: text.length,
    chunks: () => chunksOf(text),
  });
  const refused = replies.mail.code === 250 ? replies.recipients[0] : replies.mail;
  return (replies.message ?? refused ?? replies.mail).lines.join("\n");
}

async function readLine(connection: Connection): Promise<string> {
  const buffer = new Uint8Array(1000);
  let text = "";
  while (!text.endsWith("\r\n")) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += latin1Text(buffer.subarray(0, count));
  }
  return text;
}

Deno.test("a client delivers several messages over one connection", async () => {
  await withDaemon({}, async ({ connect, queue }) => {
    const client = new SmtpClient(await connect());
    assertEquals((await client.greeting()).lines, ["220 mail.test ESMTP"]);
    await client.hello("client.test");
    const text = `Subject: long\n\n${".leading dot\n".repeat(20_000)}`;
    assertMatch(await send(client, "user@local.test", text), /^250 2\.0\.0 ok, queued as q1$/);
    assertMatch(await send(client, "nobody@local.test", text), /^550 5\.1\.1/);
    assertMatch(await send(client, "other@local.test", "short\n"), /^250 2\.0\.0 ok, queued as q2$/);
    client.quit();
    assertEquals(queue.messages.map(({ text }) => text.slice(text.indexOf("\n", text.indexOf("by ")) + 1)), [
      text,
      "short\n",
    ]);
  });
});

Deno.test("STARTTLS gives the certificate of the name that was asked for, and AUTH afterwards", async () => {
  await withDaemon({ env: { SECURE_AUTH: "1" } }, async ({ connect, queue, lines }) => {
    const client = new SmtpClient(await connect("submission"));
    await client.greeting();
    await client.hello("client.test");
    assertEquals(client.extensions.has("AUTH"), false);
    const ca = TEST_CERTIFICATE_OTHER.slice(0, TEST_CERTIFICATE_OTHER.indexOf("-----BEGIN PRIVATE"));
    assert(await client.startTls({ serverName: "other.test", verify: true, ca }));
    await client.hello("client.test");
    assertEquals(client.extensions.has("STARTTLS"), false);
    assertMatch(await send(client, "x@far.test", "x\n"), /^530 5\.7\.0 authentication required/);
    const login = { user: "user@local.test", password: "secret" };
    assertEquals((await client.authenticate(login)).code, 235);
    assertMatch(await send(client, "x@far.test", "x\n"), /^250 /);
    assertMatch(queue.messages[0]!.text, / with ESMTPSA \(TLSv1\.3 TLS_\w+\) /);
    assertMatch(lines.at(-1)!, /AUTH <user@local\.test>/);
    client.quit();
  });
});

for (const mechanism of SASL_MECHANISMS) {
  Deno.test(`AUTH ${mechanism} takes the right password and refuses a wrong one, over smtps`, async () => {
    const control = { authmechanisms: `${mechanism}\n`, oauthjwks: "https://issuer.test/keys\n" };
    await withDaemon({ control }, async ({ connect }) => {
      const connection = await connect("smtps");
      await connection.connectTls!({ serverName: "other.test", verify: false });
      const client = new SmtpClient(connection);
      await client.greeting();
      await client.hello("client.test");
      assertEquals(client.extensions.get("AUTH"), mechanism);
      assertEquals((await client.authenticate({ user: "user@local.test", password: "wrong", mechanism })).code, 535);
      assertEquals((await client.authenticate({ user: "user@local.test", password: "secret", mechanism })).code, 235);
      assertMatch(await send(client, "x@far.test", "x\n"), /^250 /);
      client.quit();
    });
  });
}

Deno.test("500 connections are served at the same time", async () => {
  await withDaemon({}, async ({ connect, daemon, queue }) => {
    const connections = await Promise.all(Array.from({ length: 500 }, () => connect()));
    const clients = connections.map((connection) => new SmtpClient(connection));
    for (const client of clients) assertEquals((await client.greeting()).code, 220);
    assertEquals(daemon.active, 500);
    await Promise.all(clients.map(async (client) => {
      await client.hello("client.test");
      assertMatch(await send(client, "user@local.test", "text\n"), /^250 /);
      client.quit();
    }));
    assertEquals(queue.messages.length, 500);
  });
});

Deno.test("stop says 421 to idle clients and lets a message end", async () => {
  await withDaemon({}, async ({ connect, daemon, queue }) => {
    const idle = await connect();
    await readLine(idle);
    const busy = await connect();
    await readLine(busy);
    await busy.write(utf8Bytes("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<user@local.test>\r\nDATA\r\n"));
    while (!(await readLine(busy)).includes("354"));
    const stopped = daemon.stop();
    assertMatch(await readLine(idle), /^421 4\.3\.2 service is shutting down/);
    await busy.write(utf8Bytes("text\r\n.\r\n"));
    assertMatch(await readLine(busy), /^250 2\.0\.0 ok, queued as q1\r\n421 4\.3\.2/);
    assertEquals(queue.messages.length, 1);
    idle.close();
    busy.close();
    await stopped;
    await assertRejects(() => connect(), Temporary);
  });
});

Deno.test("a client that goes away in the middle of a message leaves nothing in the queue", async () => {
  await withDaemon({}, async ({ connect, daemon, queue, lines }) => {
    const connection = await connect();
    await readLine(connection);
    await connection.write(utf8Bytes("HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<user@local.test>\r\nDATA\r\n"));
    while (!(await readLine(connection)).includes("354"));
    await connection.write(utf8Bytes("half a mess"));
    connection.close();
    while (daemon.active > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assertEquals(queue.messages, []);
    assertEquals(queue.aborted, 1);
    assertMatch(lines.at(-1)!, /lost: connection lost during DATA/);
  });
});

Deno.test("the timeout of control/timeoutsmtpd ends a silent session", async () => {
  await withDaemon({ control: { timeoutsmtpd: "1\n" } }, async ({ connect }) => {
    const connection = await connect();
    await readLine(connection);
    assertMatch(await readLine(connection), /^421 4\.4\.2 timeout/);
    connection.close();
  });
});

Deno.test("plain text on smtps is no session and is logged", async () => {
  await withDaemon({}, async ({ connect, lines }) => {
    const connection = await connect("smtps");
    await connection.write(utf8Bytes("EHLO x\r\n"));
    while ((await connection.read(new Uint8Array(100)).catch(() => null)) !== null);
    connection.close();
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    assertMatch(lines[0]!, /smtps: 127\.0\.0\.1: TLS handshake with 127\.0\.0\.1 failed/);
  });
});

Deno.test("an unknown service is a usage error and no port stays open", () => {
  const world = makeTestServer();
  const addresses = [{ service: "smtp", host: HOST, port: 0 }, { service: "gopher", host: HOST, port: 0 }];
  assertThrows(() => new SmtpDaemon(world.server, { addresses, connectionsMax: 1, perHostMax: 1 }), Usage, /gopher/);
  world.close();
});
