/**
 * Mail to a real Postfix on another port and back, and a bounce for a user that Postfix does not know.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { startPostfix } from "../support/postfix.ts";

/** The newest message of a mailbox: curl shows only one. */
async function newest(installation: Installation, user: string): Promise<string> {
  const { stdout } = await command("curl", [
    "-sS",
    "-k",
    "--user",
    `${user}@${installation.domain}:secret`,
    `imaps://127.0.0.1:${installation.ports.imaps}/INBOX;MAILINDEX=*`,
  ]);
  return stdout;
}

Deno.test("mail goes to a Postfix and comes back, and an unknown user there makes a bounce here", async () => {
  await using postfix = await startPostfix({ domain: "postfix.test", user: "pat" });
  await using installation = await Installation.start({
    async prepare(root) {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/smtproutes`, `postfix.test:127.0.0.1:${postfix.port}\n`);
    },
  });
  await postfix.route(installation.domain, installation.ports.smtp);
  await installation.addUser("joe", "secret");
  const submit = (to: string, subject: string) =>
    command("swaks", [
      "--server",
      "127.0.0.1",
      "--port",
      `${installation.ports.smtps}`,
      "--tls-on-connect",
      "--auth",
      "PLAIN",
      "--auth-user",
      "joe@example.test",
      "--auth-password",
      "secret",
      "--from",
      "joe@example.test",
      "--to",
      to,
      "--header",
      `Subject: ${subject}`,
    ]);

  const there = await submit("pat@postfix.test", "over there");
  assertEquals(there.code, 0, there.stdout);
  const arrived = await eventually("the message at Postfix", async () => {
    const text = await postfix.mailbox();
    return text.includes("Subject: over there") && text;
  });
  assertMatch(arrived, /Received: from [^]*by postfix\.test/);

  const back = await command("swaks", [
    "--server",
    "127.0.0.1",
    "--port",
    `${postfix.port}`,
    "--from",
    "pat@postfix.test",
    "--to",
    "joe@example.test",
    "--header",
    "Subject: and back",
  ]);
  assertEquals(back.code, 0, back.stdout);
  await eventually("the answer", async () => (await newest(installation, "joe")).includes("Subject: and back"));

  const unknown = await submit("nobody@postfix.test", "to nobody");
  assertEquals(unknown.code, 0, unknown.stdout);
  const bounce = await eventually("the bounce", async () => {
    const text = await newest(installation, "joe");
    return /failure notice/i.test(text) && text;
  });
  assertMatch(bounce, /<nobody@postfix\.test>:\r?\n/);
  assertMatch(bounce, /Remote host said: 550 /);
  assertMatch(bounce, /^From: .*MAILER-DAEMON@/m);
  assertMatch(bounce, /Subject: to nobody/);
});
