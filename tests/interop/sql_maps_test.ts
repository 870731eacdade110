/**
 * Dovecot and Postfix of Debian on the database of an installation of ours, by their own SQL maps: users that our commands
 * made log in there with every kind of hash, get mail there, and both read the mailbox that the other has written.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { callApplet } from "../support/applet_call.ts";
import { type DovecotServer, startDovecot } from "../support/dovecot.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { type PostfixServer, startPostfix } from "../support/postfix.ts";
import { sendMessage } from "../support/smtp_client.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";

/** Owner of the homes when others write into them: Dovecot and Postfix take no mail for root. */
const OWNER = 65534;
const PASSWORD = "se-cret";
const HASHES = ["DES", "MD5", "SHA-256", "SHA-512", "YESCRYPT"];

const isPossible = mariadbAvailable() && Deno.uid() === 0;
if (!isPossible) console.error("SKIPPED: Dovecot and Postfix on our tables, which need root and mariadbd");

function map(port: number, query: string): string {
  return `hosts = inet:127.0.0.1:${port}\nuser = mail\npassword = ${PASSWORD}\ndbname = indimail\nquery = ${query}\n`;
}

function postfixOn(port: number): Promise<PostfixServer> {
  const maps = {
    virtual_mailbox_domains: "SELECT pw_domain FROM indimail WHERE pw_domain = '%s' LIMIT 1",
    virtual_mailbox_maps: "SELECT CONCAT(SUBSTRING(pw_dir, 2), '/Maildir/') FROM indimail " +
      "WHERE pw_name = '%u' AND pw_domain = '%d'",
    virtual_alias_maps: "SELECT TRIM(LEADING '&' FROM valias_line) FROM valias " +
      "WHERE alias = '%u' AND domain = '%d' AND valias_line NOT REGEXP '^[/.|]'",
  };
  return startPostfix({
    domain: "example.test",
    user: "nobody",
    settings: [
      "meta_directory = /etc/postfix", // where Debian lists the kinds of maps
      "virtual_mailbox_base = /",
      `virtual_uid_maps = static:${OWNER}`,
      `virtual_gid_maps = static:${OWNER}`,
      ...Object.keys(maps).map((name) => `${name} = mysql:FOLDER/${name}.cf`),
    ],
    files: Object.fromEntries(Object.entries(maps).map(([name, query]) => [`${name}.cf`, map(port, query)])),
  });
}

/** What a server on a port shows of a user's inbox. */
async function inbox(port: number, user: string): Promise<string> {
  using client = await LineClient.connect(port);
  await client.ask("", /^\* OK.*\r\n/);
  assertMatch(await client.ask(`a LOGIN ${user} ${PASSWORD}`, /^a .*\r\n/m), /^a OK/m);
  await client.ask("b SELECT INBOX", /^b OK.*\r\n/m);
  const headers = await client.ask("c FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", /^c .*\r\n/m);
  const folders = await client.ask('d LIST "" *', /^d OK.*\r\n/m);
  await client.ask("e LOGOUT", /^e OK.*\r\n/m);
  return headers + folders;
}

/** A command of ours inside this process: quicker than one of its own. */
async function ours(installation: Installation, ...line: readonly [string, readonly string[]]): Promise<void> {
  const [name, args] = line;
  assertEquals((await callApplet([name, ...args], { root: installation.root })).error, undefined);
}

async function write(port: number, user: string, commands: readonly string[]): Promise<void> {
  using client = await LineClient.connect(port);
  await client.ask("", /^\* OK.*\r\n/);
  for (const one of [`LOGIN ${user} ${PASSWORD}`, ...commands, "LOGOUT"]) {
    assertMatch(await client.ask(`a ${one}`, /^a .*\r\n/m), /^a OK/m, one);
  }
}

async function login(port: number, user: string, password: string): Promise<string> {
  using client = await LineClient.connect(port);
  await client.ask("", /^\* OK.*\r\n/);
  return await client.ask(`a LOGIN ${user} ${password}`, /^a .*\r\n/m);
}

async function quotaThere(dovecot: DovecotServer, user: string): Promise<string> {
  using client = await LineClient.connect(dovecot.imapPort);
  await client.ask("", /^\* OK.*\r\n/);
  await client.ask(`a LOGIN ${user} ${PASSWORD}`, /^a OK.*\r\n/m);
  return await client.ask("b GETQUOTAROOT INBOX", /^b .*\r\n/m);
}

function send(port: number, recipient: string, subject: string) {
  const text = `From: s@elsewhere.test\nTo: ${recipient}\nSubject: ${subject}\n\nbody\n`;
  return sendMessage({ port, sender: "s@elsewhere.test", recipient, text });
}

async function shows(port: number, user: string, subject: string): Promise<string> {
  return await eventually(`"${subject}" for ${user}`, async () => {
    const seen = await inbox(port, user);
    return seen.includes(`Subject: ${subject}\r\n`) && seen;
  });
}

Deno.test({
  name: "Dovecot and Postfix on our tables know our users, and share their mailboxes with ours",
  ignore: !isPossible,
  async fn(t) {
    await using server = await startMariadb({ tcp: true });
    const root = await openMysql(server.settings, { createDatabase: true });
    await root.run(`CREATE USER mail@'127.0.0.1' IDENTIFIED BY '${PASSWORD}'`);
    await root.run("GRANT ALL ON indimail.* TO mail@'127.0.0.1'");
    await using installation = await Installation.start({
      async prepare(folder) {
        await Deno.mkdir(`${folder}/etc/indimail/control`, { recursive: true });
        const line = `127.0.0.1:mail:${PASSWORD}:${server.port}:nossl\n`;
        await Deno.writeTextFile(`${folder}/etc/indimail/control/host.mysql`, line);
      },
    });
    for (const hash of HASHES) {
      await ours(installation, "vadduser", ["-d", "-h", hash, `${hash.toLowerCase()}@example.test`, PASSWORD]);
    }
    await ours(installation, "vadduser", ["-d", "ann@example.test", PASSWORD]);
    await ours(installation, "vadduser", ["closed@example.test", PASSWORD]);
    await ours(installation, "vmoduser", ["-i", "closed@example.test"]);
    await ours(installation, "valias", ["-i", "&ann@example.test", "info@example.test"]);
    const { ports } = installation;
    assertEquals(await send(ports.smtp, "ann@example.test", "by ours"), { kind: "accepted" });
    await shows(ports.imap, "ann@example.test", "by ours");
    await write(ports.imap, "ann@example.test", [
      "CREATE INBOX.Projects.2026",
      "SELECT INBOX",
      "STORE 1 +FLAGS (\\Flagged)",
    ]);
    await letOwn(installation);
    await using dovecot = await startDovecot({
      database: { port: server.port, user: "mail", password: PASSWORD, name: "indimail" },
      uid: OWNER,
      gid: OWNER,
    });
    await t.step("Dovecot takes the password of every hash of ours, and no other password", async () => {
      for (const hash of HASHES) {
        const user = `${hash.toLowerCase()}@example.test`;
        assertMatch(await login(dovecot.imapPort, user, PASSWORD), /^a OK/m, await dovecot.log());
        assertMatch(await login(dovecot.imapPort, user, "wrong"), /^a NO \[AUTHENTICATIONFAILED\]/m);
      }
      assertMatch(await login(dovecot.imapPort, "closed@example.test", PASSWORD), /^a NO/m);
      assertMatch(await login(dovecot.imapPort, "nobody@example.test", PASSWORD), /^a NO/m);
    });
    await t.step("Dovecot reads what ours has written: mail, flags, folders and quota", async () => {
      const seen = await shows(dovecot.imapPort, "ann@example.test", "by ours");
      assertMatch(seen, /FLAGS \([^)]*\\Flagged/);
      assertMatch(seen, /^\* LIST .*Projects\.2026\r\n/m);
      assertMatch(await quotaThere(dovecot, "ann@example.test"), /STORAGE \d+ 51200\)/);
    });
    await t.step("Postfix takes mail for our users and aliases only, and ours and Dovecot read it", async () => {
      await using postfix = await postfixOn(server.port);
      assertEquals(await send(postfix.port, "ann@example.test", "by theirs"), { kind: "accepted" });
      assertEquals(await send(postfix.port, "info@example.test", "by an alias"), { kind: "accepted" });
      const refused = await send(postfix.port, "nobody@example.test", "to nobody");
      assert(refused.kind === "refused");
      assertMatch(refused.text, /User unknown in virtual mailbox table/);
      for (const subject of ["by theirs", "by an alias"]) {
        await shows(ports.imap, "ann@example.test", subject);
        await shows(dovecot.imapPort, "ann@example.test", subject);
      }
    });
    await t.step("a password changed by vpasswd counts there at once", async () => {
      await installation.must("vpasswd", ["ann@example.test", "another"]);
      assertMatch(await login(dovecot.imapPort, "ann@example.test", PASSWORD), /^a NO/m);
      assertMatch(await login(dovecot.imapPort, "ann@example.test", "another"), /^a OK/m);
    });
    await root.close();
  },
});

/** Lets others into the homes: they and the mail below belong to OWNER, the folders above let through. */
async function letOwn(installation: Installation): Promise<void> {
  const home = (await installation.must("vuserinfo", ["-d", "ann@example.test"])).trim();
  const domain = home.slice(0, home.lastIndexOf("/"));
  const base = domain.slice(0, domain.lastIndexOf("/", domain.lastIndexOf("/") - 1));
  assertEquals((await command("chown", ["-R", `${OWNER}:${OWNER}`, base])).code, 0);
  for (let above = domain; above.startsWith(installation.folder); above = above.slice(0, above.lastIndexOf("/"))) {
    await command("chmod", ["a+x", above]);
  }
}
