/**
 * The other half of an operator's day (operator_day_test.ts): an alias domain, forwards by valias and .qmail, vacation, a
 * quota that is reached and raised. Sent by swaks, read by mbsync, fetchmail and curl. Under `deno run`, or the compiled
 * binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

const PASSWORD = "secret";
/** 1.4 MB: three of them fill the mailbox below, a fourth is more than it lets through. */
const BIG_BODY = `${"x".repeat(70)}\n`.repeat(20_000);
const QUOTA_BYTES = 4_000_000;

interface Message {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly body?: string;
}

/** Sends by swaks; what the server refused with, or "accepted". */
async function send(installation: Installation, { from, to, subject, body = "body\n" }: Message): Promise<string> {
  const file = await Deno.makeTempFile({ dir: installation.folder });
  await Deno.writeTextFile(file, `From: ${from}\nTo: ${to}\nSubject: ${subject}\n\n${body}`);
  const server = ["--server", "127.0.0.1", "--port", String(installation.ports.smtp)];
  const sent = await command("swaks", [...server, "--from", from, "--to", to, "--data", `@${file}`]);
  return /^<\*\* (.*)$/m.exec(sent.stdout)?.[1] ?? (sent.code === 0 ? "accepted" : sent.stdout);
}

/** The headers of an inbox by curl. */
async function curl(installation: Installation, user: string): Promise<string> {
  const url = `imaps://127.0.0.1:${installation.ports.imaps}/INBOX`;
  const ask = ["-X", "FETCH 1:* BODY.PEEK[HEADER]", "-v"];
  return (await command("curl", ["-sSk", "--user", `${user}:${PASSWORD}`, url, ...ask])).stderr;
}

/** All messages of a user after a run of mbsync. */
async function mbsync(installation: Installation, user: string): Promise<string> {
  const folder = `${installation.folder}/${user}`;
  await Deno.mkdir(`${folder}/state`, { recursive: true });
  await Deno.writeTextFile(
    `${folder}/rc`,
    `FSync no
IMAPAccount server
Host 127.0.0.1
Port ${installation.ports.imaps}
User ${user}
Pass ${PASSWORD}
SSLType IMAPS
CertificateFile ${installation.root}/etc/indimail/certs/servercert.pem

IMAPStore remote
Account server

MaildirStore local
Path ${folder}/
Inbox ${folder}/INBOX

Channel all
Far :remote:
Near :local:
Patterns INBOX
Create Near
SyncState ${folder}/state/
`,
    { mode: 0o600 },
  );
  const synced = await command("mbsync", ["-q", "-c", `${folder}/rc`, "all"]);
  assertEquals(synced.code, 0, synced.stderr);
  return (await command("sh", ["-c", `cat '${folder}'/INBOX/new/* '${folder}'/INBOX/cur/* 2>/dev/null || true`]))
    .stdout;
}

/** All messages of a user, taken away by fetchmail over POP3. */
async function fetchmail(installation: Installation, user: string): Promise<string> {
  const { folder, ports } = installation;
  await Deno.writeTextFile(
    `${folder}/fetchmailrc`,
    `poll 127.0.0.1 service ${ports.pop3s} protocol pop3 username "${user}" password "${PASSWORD}" ` +
      `ssl no sslcertck nokeep mda "cat >>${folder}/fetched"\n`,
    { mode: 0o600 },
  );
  const env = { HOME: folder };
  const fetched = await command("fetchmail", ["-f", `${folder}/fetchmailrc`, "--pidfile", `${folder}/pid`], { env });
  assert(fetched.code === 0 || fetched.code === 1, fetched.stderr); // 1: there is no mail
  return await Deno.readTextFile(`${folder}/fetched`).catch(() => "");
}

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(new RegExp(pattern, "gm"))].length;
}

Deno.test("an operator's domains: alias domain, forwards, vacation, a full mailbox", async (t) => {
  await using installation = await Installation.start({});
  const must = (name: string, ...args: string[]) => installation.must(name, args);
  const from = "ann@one.test";
  await must("vadddomain", "one.test", PASSWORD);
  await must("vadddomain", "two.test", PASSWORD);
  await must("vaddaliasdomain", "alias.test", "one.test");
  for (const user of ["ann@one.test", "bob@one.test", "dora@two.test", "emil@two.test"]) {
    await must("vadduser", "-d", user, PASSWORD);
  }
  await t.step("mail for an alias domain is its domain's, logins as well", async () => {
    await eventually(
      "the server to take the domain",
      async () => await send(installation, { from, to: "bob@alias.test", subject: "by alias domain" }) === "accepted",
    );
    await eventually(
      "the message",
      async () => (await curl(installation, "bob@alias.test")).includes("by alias domain"),
    );
    assertMatch(await send(installation, { from, to: "nobody@alias.test", subject: "x" }), /^550/);
  });
  await t.step("forwards by valias and by .qmail, to the other domain and through both", async () => {
    await must("valias", "-i", "&dora@two.test", "desk@one.test");
    const home = (await must("vuserinfo", "-d", "emil@two.test")).trim();
    await Deno.writeTextFile(`${home}/.qmail`, "&bob@one.test\n./Maildir/\n");
    await must("valias", "-i", "&emil@two.test", "both@one.test");
    assertEquals(await send(installation, { from, to: "desk@one.test", subject: "to the desk" }), "accepted");
    assertEquals(await send(installation, { from, to: "both@one.test", subject: "to both" }), "accepted");
    await eventually("dora's mail", async () => (await mbsync(installation, "dora@two.test")).includes("to the desk"));
    await eventually("emil's mail", async () => (await mbsync(installation, "emil@two.test")).includes("to both"));
    const bobs = await eventually("bob's copy", async () => {
      const text = await fetchmail(installation, "bob@one.test");
      return text.includes("to both") && text;
    });
    assertEquals(count(bobs, /^Subject: to both$/), 1);
    assertEquals(count(bobs, /^Subject: by alias domain$/), 1);
  });
  await t.step("who is away answers once, and gets the mail", async () => {
    const text = `${installation.folder}/away`;
    await Deno.writeTextFile(text, "I am away until Monday.\n");
    await must("vacation", "dora@two.test", text);
    // by an alias of hers: it answers too
    assertEquals(await send(installation, { from, to: "desk@one.test", subject: "question one" }), "accepted");
    await eventually("the answer", async () => (await mbsync(installation, from)).includes("I am away until Monday."));
    assertEquals(await send(installation, { from, to: "dora@two.test", subject: "question two" }), "accepted");
    for (const subject of ["question one", "question two"]) {
      await eventually(subject, async () => (await mbsync(installation, "dora@two.test")).includes(subject));
    }
    await must("vacation", "dora@two.test", "-");
    assertEquals(await send(installation, { from, to: "dora@two.test", subject: "question three" }), "accepted");
    await eventually("the last", async () => (await mbsync(installation, "dora@two.test")).includes("question three"));
    assertEquals(count(await mbsync(installation, from), /^I am away until Monday\.$/), 1);
  });
  await t.step("a full mailbox refuses with its reason, and takes mail when its quota is raised", async () => {
    await must("vadduser", "-q", String(QUOTA_BYTES), "full@two.test", PASSWORD);
    const big = (subject: string) => send(installation, { from, to: "full@two.test", subject, body: BIG_BODY });
    for (let number = 1; number <= 2; number++) assertEquals(await big(`big ${number}`), "accepted");
    await eventually(
      "two messages",
      async () => count(await curl(installation, "full@two.test"), /Subject: big/) === 2,
    );
    assertEquals(await big("too much"), "accepted"); // the queue finds out, and tells the sender
    await eventually("the bounce", async () => {
      const text = await mbsync(installation, from);
      return /full@two\.test/.test(text) && /quota|5\.2\.2/i.test(text);
    });
    const refusal = await eventually("refusal at RCPT", async () => {
      const said = await send(installation, { from, to: "full@two.test", subject: "small" });
      return said !== "accepted" && said;
    });
    assertMatch(refusal, /^(452|55[02]) .*(5\.2\.2|4\.2\.2|quota)/);
    await must("vsetuserquota", "full@two.test", "50m");
    await eventually(
      "mail again",
      async () => await send(installation, { from, to: "full@two.test", subject: "after" }) === "accepted",
    );
    await eventually("it", async () => /Subject: after/.test(await curl(installation, "full@two.test")));
    assertEquals(count(await curl(installation, "full@two.test"), /Subject: too much/), 0);
  });
});
