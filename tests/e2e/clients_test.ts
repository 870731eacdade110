/**
 * Real mail clients: mbsync both ways over 2,000 messages, mutt reading and replying in a terminal, fetchmail by POP3.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

const MESSAGES = 2000;

async function countMessages(maildir: string): Promise<number> {
  let count = 0;
  for (const folder of ["new", "cur"]) {
    try {
      for await (const entry of Deno.readDir(`${maildir}/${folder}`)) if (!entry.name.startsWith(".")) count++;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return count;
}

async function homeOf(installation: Installation, user: string): Promise<string> {
  const shown = await installation.must("vuserinfo", ["-d", `${user}@${installation.domain}`]);
  return /(\/\S+)/.exec(shown)![1]!;
}

async function makeMaildir(path: string, count: number): Promise<void> {
  for (const folder of ["tmp", "new", "cur"]) await Deno.mkdir(`${path}/${folder}`, { recursive: true });
  for (let number = 1; number <= count; number++) {
    const flags = number % 3 === 0 ? "S" : number % 3 === 1 ? "" : "FS";
    await Deno.writeTextFile(
      `${path}/cur/${1_600_000_000 + number}.${number}.host:2,${flags}`,
      `From: a@example.org\nTo: joe@example.test\nSubject: number ${number}\nMessage-ID: <${number}@example.org>\n` +
        `Date: Thu, 1 Jan 2026 00:00:00 +0000\n\nbody of ${number}\n`,
    );
  }
}

Deno.test("mbsync carries 2,000 messages there and back with their flags", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret");
  const { folder } = installation;
  await makeMaildir(`${folder}/one/INBOX`, MESSAGES);
  await Deno.mkdir(`${folder}/two`);
  const configuration = (side: string) => `
FSync no

IMAPAccount server
Host 127.0.0.1
Port ${installation.ports.imaps}
User joe@example.test
Pass secret
SSLType IMAPS
CertificateFile ${installation.root}/etc/indimail/certs/servercert.pem

IMAPStore remote
Account server

MaildirStore local
Path ${folder}/${side}/
Inbox ${folder}/${side}/INBOX
SubFolders Verbatim

Channel all
Far :remote:
Near :local:
Patterns INBOX Archive
Create Both
Expunge Both
SyncState ${folder}/${side}/.state/
`;
  const sync = async (side: string) => {
    await Deno.mkdir(`${folder}/${side}/.state`, { recursive: true });
    await Deno.writeTextFile(`${folder}/${side}.rc`, configuration(side), { mode: 0o600 });
    const result = await command("mbsync", ["-q", "-c", `${folder}/${side}.rc`, "all"]);
    assertEquals(result.code, 0, result.stderr);
  };
  await sync("one");
  const server = `${await homeOf(installation, "joe")}/Maildir`;
  assertEquals(await countMessages(server), MESSAGES);
  await sync("two");
  assertEquals(await countMessages(`${folder}/two/INBOX`), MESSAGES);

  const flagsBySubject = async (maildir: string) => {
    const flags = new Map<string, string>();
    for (const part of ["new", "cur"]) {
      for await (const { name } of Deno.readDir(`${maildir}/${part}`)) {
        if (name.startsWith(".")) continue;
        const text = await Deno.readTextFile(`${maildir}/${part}/${name}`);
        flags.set(/^Subject: (.*)$/m.exec(text)![1]!, /:2,(\w*)/.exec(name)?.[1] ?? "");
      }
    }
    return flags;
  };
  const [one, two] = [await flagsBySubject(`${folder}/one/INBOX`), await flagsBySubject(`${folder}/two/INBOX`)];
  assertEquals(new Map([...two].sort()), new Map([...one].sort()));

  // changes on the second side reach the first: a flag, a deletion, a new message, a folder
  const [name] = [...Deno.readDirSync(`${folder}/two/INBOX/cur`)].map((entry) => entry.name).filter((file) =>
    /:2,S$/.test(file)
  );
  assert(name, "a message that was read");
  const changed = /^Subject: (.*)$/m.exec(await Deno.readTextFile(`${folder}/two/INBOX/cur/${name}`))![1]!;
  await Deno.rename(`${folder}/two/INBOX/cur/${name}`, `${folder}/two/INBOX/cur/${name.replace(/S$/, "RS")}`);
  await Deno.writeTextFile(`${folder}/two/INBOX/new/1700000000.1.host`, "Subject: from two\n\nnew\n");
  await makeMaildir(`${folder}/two/Archive`, 3);
  await sync("two");
  await sync("one");
  const after = await flagsBySubject(`${folder}/one/INBOX`);
  assertEquals(after.size, MESSAGES + 1);
  assertEquals(after.get(changed), "RS");
  assert(after.has("from two"));
  assertEquals(await countMessages(`${folder}/one/Archive`), 3);
});

Deno.test("mutt logs in by SCRAM, reads a message in a terminal and replies to it", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret");
  await installation.addUser("ann", "secret");
  const { folder, ports } = installation;
  const sent = await command("swaks", [
    "--server",
    "127.0.0.1",
    "--port",
    `${ports.smtp}`,
    "--from",
    "ann@example.test",
    "--to",
    "joe@example.test",
    "--header",
    "Subject: a question",
    "--body",
    "how are you?",
  ]);
  assertEquals(sent.code, 0, sent.stdout);
  await Deno.writeTextFile(`${folder}/editor`, `#!/bin/sh\necho "I am fine" >>"$1"\n`, { mode: 0o755 });
  await Deno.writeTextFile(
    `${folder}/muttrc`,
    `set folder = "imaps://127.0.0.1:${ports.imaps}/"
set spoolfile = "imaps://127.0.0.1:${ports.imaps}/INBOX"
set imap_user = "joe@example.test"
set imap_pass = "secret"
set smtp_url = "smtps://joe@example.test@127.0.0.1:${ports.smtps}/"
set smtp_pass = "secret"
set from = "joe@example.test"
set ssl_verify_host = no
set certificate_file = "${installation.root}/etc/indimail/certs/servercert.pem"
set ssl_starttls = no
set editor = "${folder}/editor"
set fast_reply = yes
set include = yes
set record = ""
set header_cache = ""
set quit = yes
set wait_key = no
`,
  );
  const session = `mutt-${installation.offset}`;
  const tmux = (...args: string[]) => command("tmux", ["-L", session, ...args]);
  const screen = async () => (await tmux("capture-pane", "-p")).stdout;
  await tmux("-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", `mutt -F ${folder}/muttrc -n`);
  try {
    await eventually("the message in mutt's index", async () => (await screen()).includes("a question"));
    await tmux("send-keys", "Enter");
    await eventually("the message's text", async () => (await screen()).includes("how are you?"));
    await tmux("send-keys", "r");
    await eventually("the compose menu", async () => (await screen()).includes("Re: a question"));
    await tmux("send-keys", "y");
    await eventually("the reply in ann's mailbox", async () => {
      const home = await homeOf(installation, "ann");
      const { stdout } = await command("sh", ["-c", `cat ${home}/Maildir/new/* 2>/dev/null || true`]);
      return /Subject: Re: a question[^]*I am fine/.test(stdout);
    });
    await tmux("send-keys", "q", "q");
    await eventually("mutt to leave", async () => (await tmux("has-session")).code !== 0);
  } catch (error) {
    throw new Error(`${error}\nThe screen:\n${await screen()}`);
  } finally {
    await tmux("kill-server");
  }
  const home = await homeOf(installation, "joe");
  await eventually("the flag of the answered message", () => {
    const names = [...Deno.readDirSync(`${home}/Maildir/cur`)].map((entry) => entry.name);
    return names.some((name) => /:2,R?S/.test(name));
  });
  const log = await installation.log();
  assertMatch(
    log,
    /LOGIN, user=joe@example\.test, .* method=SCRAM-SHA-256/,
    "mutt takes the best mechanism that it knows",
  );
});

Deno.test("fetchmail takes mail away by POP3", async () => {
  await using installation = await Installation.start();
  await installation.addUser("joe", "secret");
  const { folder, ports } = installation;
  for (const subject of ["first", "second"]) {
    const sent = await command("swaks", [
      "--server",
      "127.0.0.1",
      "--port",
      `${ports.smtp}`,
      "--from",
      "a@example.test",
      "--to",
      "joe@example.test",
      "--header",
      `Subject: ${subject}`,
    ]);
    assertEquals(sent.code, 0, sent.stdout);
  }
  const server = `${await homeOf(installation, "joe")}/Maildir`;
  await eventually("both messages", async () => await countMessages(server) === 2);
  await Deno.writeTextFile(
    `${folder}/fetchmailrc`,
    `poll 127.0.0.1 service ${ports.pop3s} protocol pop3 username "joe@example.test" password "secret" ` +
      `ssl no sslcertck nokeep mda "cat >>${folder}/fetched"\n`,
    { mode: 0o600 },
  );
  const fetched = await command("fetchmail", ["-f", `${folder}/fetchmailrc`, "--pidfile", `${folder}/pid`], {
    env: { HOME: folder },
  });
  assertEquals(fetched.code, 0, fetched.stdout + fetched.stderr);
  assertMatch(await Deno.readTextFile(`${folder}/fetched`), /Subject: first[^]*Subject: second/);
  assertEquals(await countMessages(server), 0);
});
