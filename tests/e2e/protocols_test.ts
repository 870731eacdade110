/**
 * What a running installation must also do: TLS as openssl speaks it, on every port, big messages in and out, very many
 * recipients, control files read again, and sessions of one mailbox that see each other's changes.
 * Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { ImapFlow } from "imapflow";
import { latin1Text } from "../../core/bytes.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";
import { hasStartTls } from "../support/runtime.ts";
import { sendMessage } from "../support/smtp_client.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";

const BIG_BYTES = 50 * 1024 * 1024;
const RECIPIENTS = 2000;

const IMPLICIT_TLS = ["smtps", "imaps", "pop3s"] as const;
const STARTTLS = [["smtp", "smtp"], ["submission", "smtp"], ["imap", "imap"], ["pop3", "pop3"]] as const;

/** A session by openssl; what it prints of the connection and of the server's answer to a line. */
async function openssl(args: readonly string[], line: string): Promise<string> {
  const { stdout, stderr } = await command("openssl", ["s_client", "-crlf", "-ign_eof", ...args], {
    stdin: `${line}\n`,
  });
  return stdout + stderr;
}

async function serveAway(root: string, port: number): Promise<void> {
  await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
  await Deno.writeTextFile(`${root}/etc/indimail/control/smtproutes`, `away.test:127.0.0.1:${port}\n`);
}

function imapClient(installation: Installation, user: string): ImapFlow {
  return new ImapFlow({
    host: "127.0.0.1",
    port: installation.ports.imaps,
    secure: true,
    auth: { user: `${user}@${installation.domain}`, pass: "secret" },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
}

Deno.test("openssl speaks TLS 1.2 and 1.3 on every port", async (t) => {
  await using installation = await Installation.start();
  const verified = ["-CAfile", `${installation.root}/etc/indimail/certs/servercert.pem`, "-verify_return_error"];
  for (const service of IMPLICIT_TLS) {
    for (const version of ["-tls1_2", "-tls1_3"]) {
      await t.step(`${service} ${version}`, async () => {
        const text = await openssl(
          ["-connect", `127.0.0.1:${installation.ports[service]}`, version, ...verified],
          service === "imaps" ? "a LOGOUT" : "QUIT",
        );
        assertMatch(text, /Verif(?:y return code: 0|ication: OK)/);
        assertMatch(text, /^(?:221 2\.0\.0|\* BYE|\+OK good bye)/m);
      });
    }
  }
  for (const [service, protocol] of STARTTLS) {
    await t.step(`${service} by STARTTLS`, async () => {
      if (!hasStartTls()) {
        console.log("      STARTTLS not tested: this base runtime is older than Deno 2.8");
        return;
      }
      const text = await openssl(
        ["-connect", `127.0.0.1:${installation.ports[service]}`, "-starttls", protocol, ...verified],
        service === "imap" ? "a LOGOUT" : "QUIT",
      );
      assertMatch(text, /Verif(?:y return code: 0|ication: OK)/);
      assertMatch(text, /^(?:221 2\.0\.0|\* BYE|\+OK good bye)/m);
    });
  }
  await t.step("a peer that speaks no TLS harms nobody", async () => {
    for (const service of IMPLICIT_TLS) {
      using client = await LineClient.connect(installation.ports[service]);
      assertMatch(await client.ask("EHLO x", /\[closed\]$/), /\[closed\]$/);
    }
  });
});

Deno.test("a message of 50 MB goes in, is read by IMAP and POP3, and goes out, byte for byte", async () => {
  await using sink = startSmtpSink();
  await using installation = await Installation.start({ prepare: (root) => serveAway(root, sink.port) });
  const { folder, ports } = installation;
  await installation.addUser("joe", "secret");
  const line = "0123456789abcdef".repeat(4) + "\r\n";
  const body = line.repeat(Math.ceil(BIG_BYTES / line.length));
  await Deno.writeTextFile(`${folder}/big`, `Subject: big\r\n\r\n${body}`);
  const sent = await command("curl", [
    "-sSk",
    "--user",
    "joe@example.test:secret",
    `smtps://127.0.0.1:${ports.smtps}`,
    "--mail-from",
    "joe@example.test",
    "--mail-rcpt",
    "joe@example.test",
    "--mail-rcpt",
    "x@away.test",
    "--upload-file",
    `${folder}/big`,
  ]);
  assertEquals(sent.code, 0, sent.stderr);
  const read = async (url: string, file: string) => {
    const got = await command("curl", ["-sSk", "--user", "joe@example.test:secret", url, "-o", `${folder}/${file}`]);
    if (got.code !== 0) return undefined;
    const text = latin1Text(await Deno.readFile(`${folder}/${file}`));
    return text.slice(text.indexOf("\r\n\r\n") + 4);
  };
  const byImap = await eventually("the message", () => read(`imaps://127.0.0.1:${ports.imaps}/INBOX;UID=1`, "imap"));
  assert(byImap === body, `${byImap.length} of ${body.length} bytes by IMAP`);
  const byPop3 = await read(`pop3s://127.0.0.1:${ports.pop3s}/1`, "pop3");
  assert(byPop3 === body, `${byPop3?.length} of ${body.length} bytes by POP3`);
  const [away] = await eventually("the message elsewhere", () => sink.messages.length > 0 && sink.messages);
  assert(away?.data.endsWith(`\r\n\r\n${body}`), `${away?.data.length} bytes went out`);
  const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
  assertEquals(roles.filter(({ restarts }: { restarts: number }) => restarts > 0), []);
});

Deno.test("one message to 2,000 recipients reaches each of them once", async () => {
  await using sink = startSmtpSink();
  await using installation = await Installation.start({ prepare: (root) => serveAway(root, sink.port) });
  await installation.addUser("joe", "secret");
  const recipients = Array.from({ length: RECIPIENTS }, (_, number) => `r${number}@away.test`);
  using smtp = await LineClient.connect(installation.ports.submission);
  await smtp.ask("", /^220 /);
  await smtp.ask("EHLO x", /^250 .*\r\n$/m);
  await smtp.ask(`AUTH PLAIN ${btoa("\0joe@example.test\0secret")}`, /^235 /);
  const envelope = ["MAIL FROM:<joe@example.test>", ...recipients.map((address) => `RCPT TO:<${address}>`), "DATA"];
  const answers = await smtp.ask(envelope.join("\r\n"), /^[345]\d\d [^\r]*\r\n$/m);
  assertEquals(answers.match(/^250 2\.1\.5 /gm)?.length, RECIPIENTS);
  assertMatch(answers.slice(-200), /\r\n354 [^\r]*\r\n$/);
  assertMatch(await smtp.ask("Subject: to all\r\n\r\nhello\r\n.", /\r\n$/), /^250 2\.0\.0 /);
  await eventually("all deliveries", () => sink.messages.length >= RECIPIENTS, 120_000);
  const reached = sink.messages.flatMap((message) => message.recipients);
  assertEquals([...reached].sort(), [...recipients].sort());
});

Deno.test("HUP: rcpthosts, locals and databytes are read again, and no session is lost", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret");
  const control = `${installation.root}/etc/indimail/control`;
  const to = (recipient: string) =>
    sendMessage({ port: installation.ports.smtp, sender: "s@sender.test", recipient, text: `x${"y".repeat(3000)}\n` });
  using before = await LineClient.connect(installation.ports.smtp);
  await before.ask("", /^220 /);
  const refused = await to("x@fresh.test");
  assert(refused.kind === "refused");
  assertMatch(refused.text, /^55[03] 5\.7\.1 /);

  await Deno.writeTextFile(`${control}/rcpthosts`, "fresh.test\n", { append: true });
  Deno.kill(installation.pid, "SIGHUP");
  await eventually("the domain to be taken", async () => (await to("x@fresh.test")).kind === "accepted");

  await Deno.writeTextFile(`${control}/databytes`, "1000\n");
  Deno.kill(installation.pid, "SIGHUP");
  const big = await eventually("the limit to hold", async () => {
    const end = await to("joe@example.test");
    return end.kind === "refused" && end;
  });
  assertMatch(big.text, /^552 5\.3\.4 /);

  await Deno.writeTextFile(`${control}/databytes`, "no number\n");
  Deno.kill(installation.pid, "SIGHUP");
  await eventually("the complaint", async () => /network: .*databytes/.test(await installation.log()));
  const still = await to("joe@example.test");
  assert(still.kind === "refused", "what held before still holds");
  assertMatch(await before.ask("NOOP", /\r\n$/), /^250 /);
});

Deno.test("sessions of one mailbox see each other's new messages, flags and removals", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret");
  const [one, two] = [imapClient(installation, "joe"), imapClient(installation, "joe")];
  await one.connect();
  await two.connect();
  try {
    await one.mailboxOpen("INBOX");
    await two.mailboxOpen("INBOX");
    const exists: number[] = [];
    const expunged: number[] = [];
    const flagged: string[] = [];
    two.on("exists", ({ count }: { count: number }) => exists.push(count));
    two.on("expunge", ({ seq }: { seq: number }) => expunged.push(seq));
    two.on(
      "flags",
      ({ seq, flags }: { seq: number; flags: Set<string> }) => flagged.push(`${seq} ${[...flags].sort()}`),
    );
    const idling = two.idle();
    for (const number of [1, 2, 3]) await one.append("INBOX", `Subject: number ${number}\r\n\r\nx\r\n`);
    await eventually("three messages in the other session", () => exists.at(-1) === 3);
    await one.messageFlagsAdd("2", ["\\Flagged"]);
    await eventually("the flag", () => flagged.some((text) => /^2 .*\\Flagged/.test(text)));
    await one.messageDelete("1");
    await eventually("the removal", () => expunged.includes(1));
    const fetched = await two.fetchOne("*", { envelope: true });
    assert(fetched);
    assertEquals(fetched.envelope?.subject, "number 3");
    await idling;
    // and the other way, together with a delivery by SMTP
    await two.messageFlagsAdd("1", ["\\Seen"]);
    await sendMessage({
      port: installation.ports.smtp,
      sender: "s@sender.test",
      recipient: "joe@example.test",
      text: "Subject: delivered\n\nx\n",
    });
    await eventually("flag and delivery in the first session", async () => {
      await one.noop();
      const all = await one.fetchAll("1:*", { flags: true, envelope: true });
      return all.length === 3 && all[0]?.flags?.has("\\Seen") && all[2]?.envelope?.subject === "delivered";
    });
  } finally {
    await one.logout();
    await two.logout();
  }
});
