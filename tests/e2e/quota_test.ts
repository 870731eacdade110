/**
 * A full mailbox: mail is refused with the reason, and taken again as soon as its user has made room by IMAP or POP3, or the
 * operator by vsetuserquota and resetquota. Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

const BODY = "x".repeat(70).concat("\n").repeat(30_000); // 2.1 MB

async function send(installation: Installation, to: string, body: string): Promise<string> {
  const file = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(file, `Subject: one\n\n${body}`);
    const server = ["--server", "127.0.0.1", "--port", String(installation.ports.smtp)];
    const sent = await command("swaks", [...server, "--from", "", "--to", to, "--data", `@${file}`]);
    return /^<\*\* (.*)$/m.exec(sent.stdout)?.[1] ?? (sent.code === 0 ? "accepted" : sent.stdout);
  } finally {
    await Deno.remove(file);
  }
}

async function imap(installation: Installation, user: string, ask: string): Promise<string> {
  const url = `imaps://127.0.0.1:${installation.ports.imaps}/INBOX`;
  const { stdout, stderr, code } = await command("curl", ["-sSk", "--user", `${user}:secret`, url, "-X", ask]);
  assertEquals(code, 0, stderr);
  return stdout;
}

async function countOf(installation: Installation, user: string): Promise<number> {
  return Number(/EXISTS|MESSAGES (\d+)/.exec(await imap(installation, user, "STATUS INBOX (MESSAGES)"))?.[1]);
}

/** Fills a mailbox of 4 MB with two messages; the third does not fit, and then RCPT says so. */
async function fill(installation: Installation, user: string): Promise<void> {
  await installation.must("vadduser", ["-q", "4800000", user, "secret"]);
  for (let count = 1; count <= 2; count++) {
    assertEquals(await send(installation, user, BODY), "accepted");
    await eventually(`message ${count}`, async () => await countOf(installation, user) === count);
  }
  assertEquals(await send(installation, user, BODY), "accepted"); // the queue finds out, and has nobody to tell
  await eventually("refusal at RCPT", async () => /^452|^55[02]/.test(await send(installation, user, "small")));
  assertMatch(await send(installation, user, "small"), /5\.2\.2|quota/);
}

async function takesMailAgain(installation: Installation, user: string): Promise<void> {
  await eventually(`mail for ${user}`, async () => await send(installation, user, "small again") === "accepted");
}

Deno.test("a full mailbox takes mail again when there is room", async (t) => {
  await using installation = await Installation.start({});
  const at = `@${installation.domain}`;
  await t.step("made by IMAP", async () => {
    await fill(installation, `imap${at}`);
    await imap(installation, `imap${at}`, "STORE 1 +FLAGS (\\Deleted)");
    await imap(installation, `imap${at}`, "EXPUNGE");
    await takesMailAgain(installation, `imap${at}`);
  });
  await t.step("made by POP3", async () => {
    await fill(installation, `pop${at}`);
    const url = `pop3s://127.0.0.1:${installation.ports.pop3s}/1`;
    const { code, stderr } = await command("curl", ["-sSk", "--user", `pop${at}:secret`, url, "-l", "-X", "DELE"]);
    assert(code === 0, stderr);
    await takesMailAgain(installation, `pop${at}`);
  });
  await t.step("made by vsetuserquota, and no room is no room", async () => {
    await fill(installation, `quota${at}`);
    await installation.must("vsetuserquota", [`quota${at}`, "+1k"]);
    assertMatch(await send(installation, `quota${at}`, "small"), /^452|^55[02]/);
    const told = await installation.must("vsetuserquota", ["-v", `quota${at}`, "20m"]);
    assertMatch(told, /^quota@\S+ has quota 20971520S, \d{7} bytes in \d messages are used$/m);
    await takesMailAgain(installation, `quota${at}`);
  });
  await t.step("but one that the operator has closed stays closed", async () => {
    await installation.addUser("closed", "secret");
    await installation.must("vmoduser", ["-b", `closed${at}`]);
    await imap(installation, `closed${at}`, "NOOP");
    assertMatch(await send(installation, `closed${at}`, "small"), /^452|^55[02]/);
  });
});
