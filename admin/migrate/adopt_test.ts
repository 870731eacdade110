/** Adopting vpopmail (files, and both layouts of its tables), qmail and IndiMail: what is found, done, and done once. */
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { callApplet } from "../../tests/support/applet_call.ts";
import { mariadbAvailable, startMariadb } from "../../tests/support/mariadb.ts";
import {
  makeOldDomain,
  makeOldQmail,
  type OldUser,
  SECRET_MD5,
  vpasswdLine,
  writeVpasswd,
} from "../../tests/support/old_installation.ts";
import { makeSite, type Site } from "../../tests/support/site.ts";
import { realDisk } from "../../storage/disk.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { giveTree } from "./give_tree.ts";

const USERS: readonly OldUser[] = [
  { name: "postmaster", password: SECRET_MD5, flags: 0x3000 },
  {
    name: "alice",
    password: SECRET_MD5,
    flags: 0x0802,
    gecos: "Alice Grün",
    quota: "10485760S,100C",
    clearText: "secret",
  },
  { name: "Bob", password: "", flags: 0x4000, gecos: "x".repeat(60) },
];

interface Old {
  readonly folder: string;
  readonly args: readonly string[];
  readonly directory: (domain: string) => string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Two domains, one in a folder of many, with an alias domain. */
async function makeOld(): Promise<Old> {
  const folder = await Deno.makeTempDir({ prefix: "old-" });
  const directory = (domain: string) => `${folder}/vpopmail/domains/${domain === "two.test" ? "0/" : ""}${domain}`;
  await makeOldQmail(`${folder}/qmail`, [
    { name: "one.test", aliases: ["uno.test"], directory: directory("one.test") },
    { name: "two.test", directory: directory("two.test") },
  ]);
  for (const domain of ["one.test", "two.test"]) {
    await makeOldDomain(directory(domain), USERS, `${folder}/vpopmail/bin`);
  }
  return {
    folder,
    args: ["--vpopmail", `${folder}/vpopmail`, "--qmail", `${folder}/qmail`],
    directory,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

async function adopt(site: Site, ...args: string[]) {
  const call = await callApplet(["indimail-adopt", ...args], { root: site.paths.root });
  return { code: call.code, text: `${call.stdout}${call.error?.message ?? ""}` };
}

function lines(old: Old, domain: string): string[] {
  return USERS.map((user) => vpasswdLine(old.directory(domain), user));
}

async function isAdopted(site: Site, old: Old): Promise<void> {
  const { accounts, domains } = site.command;
  const alice = await accounts.users.find("alice", "one.test");
  assertEquals([alice?.password, alice?.quota, alice?.gecos, alice?.scram], [
    SECRET_MD5,
    "10485760S,100C",
    "Alice Grün",
    "",
  ]);
  assertEquals(alice?.flags, USER_FLAGS.noPop | USER_FLAGS.noSmtp);
  assertEquals(alice?.home, `${old.directory("one.test")}/alice`);
  const postmaster = await accounts.users.find("postmaster", "two.test");
  assertEquals(postmaster?.flags, USER_FLAGS.qaAdmin | USER_FLAGS.override);
  assertEquals((await accounts.users.find("bob", "two.test"))?.gecos, "x".repeat(48));
  assertEquals((await domains.find("one.test"))?.directory, old.directory("one.test"));
  assertEquals((await domains.find("two.test"))?.directory, `${site.paths.domains}/two.test`);
  assertEquals((await domains.find("uno.test"))?.aliasOf, "one.test");
  for (const domain of ["one.test", "two.test", "uno.test"]) assert(await domains.isComplete(domain), domain);
  const roots = await Deno.readTextFile(`${site.paths.control}/mailroots`);
  assert(roots.split("\n").includes(`${old.folder}/vpopmail/domains`), roots);
}

Deno.test("vpopmail's files: looked at, adopted where they are, and then there is nothing to do", async (t) => {
  await using site = await makeSite();
  await using old = await makeOld();
  for (const domain of ["one.test", "two.test"]) await writeVpasswd(old.directory(domain), lines(old, domain));
  await Deno.remove(`${old.directory("two.test")}/vpasswd.cdb`);
  await Deno.writeTextFile(`${old.directory("one.test")}/alice/lastauth`, "192.0.2.7");
  await Deno.utime(`${old.directory("one.test")}/alice/lastauth`, 1_500_000_000, 1_500_000_000);
  await Deno.writeTextFile(`${old.directory("one.test")}/.qmail-list`, "|/nowhere/ezmlm-send '/list'\n");
  await Deno.writeTextFile(`${old.directory("two.test")}/.qmailadmin-limits`, "maxaliases: 5\nquota 2\ndisable_imap\n");
  const before = [...Deno.readDirSync(old.directory("one.test"))].map(({ name }) => name).sort();
  await Deno.writeTextFile(`${site.paths.control}/authmechanisms`, "SCRAM-SHA-256\nLOGIN\nPLAIN\nCRAM-MD5\n");
  await t.step("a dry run changes nothing", async () => {
    const { code, text } = await adopt(site, ...old.args, "--dry-run");
    assertEquals(code, 0, text);
    assertMatch(text, /found {2}one\.test: 3 users, users in \S+vpasswd\.cdb; owner \d+:\d+\n/);
    assertMatch(text, /found {2}two\.test: 3 users, users in \S+two\.test\/vpasswd; /);
    assertMatch(text, /they run programs that are not on this host: \/nowhere\/ezmlm-send\n/);
    assertMatch(text, /1 users have flags for SpamAssassin/);
    assertMatch(text, /1 comments are cut/);
    assertMatch(text, /1 users have no password/);
    assertMatch(
      text,
      /to do {2}offer no SCRAM-SHA-256, CRAM-MD5 \(control\/authmechanisms\): 4 users have a hash that is/,
    );
    assertMatch(text, /to do {2}adopt one\.test: 4 rows/);
    assertEquals((await site.command.domains.list()).length, 0);
    assertEquals((await site.command.accounts.users.count("one.test")).active, 0);
  });
  await t.step("without a terminal it wants --yes", async () => {
    const { code, text } = await adopt(site, ...old.args, "vpopmail");
    assertEquals(code, 1);
    assertMatch(text, /standard input is no terminal: --yes does it/);
  });
  await t.step("it adopts", async () => {
    const { code, text } = await adopt(site, ...old.args, "--yes");
    assertEquals(code, 0, text);
    await isAdopted(site, old);
    const [login] = await site.command.accounts.lastauth.find("alice", "one.test");
    assertEquals([login?.service, login?.remoteIp, login?.seconds], ["pop3", "192.0.2.7", 1_500_000_000]);
    const limits = await site.command.accounts.limits.row("two.test");
    assertEquals([limits?.maxaliases, limits?.diskquota, limits?.disable_imap, limits?.disable_pop], [
      5,
      2_097_152,
      1,
      0,
    ]);
    assert(Deno.statSync(`${old.directory("two.test")}/.domain_limits`).isFile);
  });
  await t.step("what it did to control files and ~alias", async () => {
    const control = (name: string) => Deno.readTextFile(`${site.paths.control}/${name}`);
    assertEquals(await control("me"), "mx.example\n");
    assertEquals((await control("authmechanisms")).trim().split("\n").sort(), ["LOGIN", "PLAIN"]);
    assertEquals(await control("databytes"), "20000000\n");
    assertEquals(await control("smtproutes"), "relay.example:192.0.2.1\n");
    assertEquals((await control("virtualdomains")).split("\n").sort(), [
      "",
      "lists.example:lists",
      "one.test:one.test",
      "two.test:two.test",
      "uno.test:uno.test",
    ]);
    assertMatch(await Deno.readTextFile(`${site.paths.users}/assign`), /^=lists-admin:lists:/m);
    assertEquals(await Deno.readTextFile(`${site.paths.alias}/.qmail-root`), "&postmaster@old.example\n");
    const after = [...Deno.readDirSync(old.directory("one.test"))].map(({ name }) => name).sort();
    assertEquals(after.filter((name) => !before.includes(name)), [".aliasdomains"]);
  });
  await t.step("a second run has nothing to do, whatever was changed since", async () => {
    await site.command.accounts.users.remove("alice", "one.test");
    const { code, text } = await adopt(site, ...old.args, "--yes");
    assertEquals(code, 0, text);
    assertMatch(text, /found {2}one\.test: adopted before\n/);
    assertMatch(text, /nothing to do\n$/);
    assertMatch(
      (await adopt(site, ...old.args, "--dry-run", "--again", "--domain", "one.test")).text,
      /adopt one\.test: 1 rows/,
    );
  });
});

Deno.test("a run that was cut off at any step is finished by the next one", async () => {
  await using old = await makeOld();
  for (const domain of ["one.test", "two.test"]) await writeVpasswd(old.directory(domain), lines(old, domain));
  for (let fails = 0, failed = true; failed; fails++) {
    await using site = await makeSite();
    const { disk } = site.command;
    const rename = disk.rename;
    let renames = 0;
    // every file that is replaced or made ends in a rename
    Object.assign(disk, {
      rename: (from: string, to: string) =>
        from.startsWith(site.paths.root) && renames++ === fails
          ? Promise.reject(new Error("cut off"))
          : rename(from, to),
    });
    try {
      failed = (await adopt(site, ...old.args, "--yes")).code !== 0;
    } finally {
      Object.assign(disk, { rename });
    }
    const { code, text } = await adopt(site, ...old.args, "--yes");
    assertEquals(code, 0, `after ${fails} renames: ${text}`);
    await isAdopted(site, old);
  }
});

Deno.test("lines that cannot be read are told of with file and line; they are refused or left out", async () => {
  await using site = await makeSite();
  await using old = await makeOld();
  const good = lines(old, "one.test");
  const bad = [
    "short:x:1",
    "words:x:one:0::/home:NOQUOTA",
    `${"n".repeat(41)}:x:1:0::/home/x:NOQUOTA`,
    "a b:x:1:0::/home/x:NOQUOTA",
    "up:x:1:0::/home/../etc:NOQUOTA",
    "here:x:1:0::home:NOQUOTA",
    "much:x:1:0::/home/x:lots",
    `long:${"p".repeat(129)}:1:0::/home/x:NOQUOTA`,
  ];
  await Deno.writeTextFile(`${old.directory("one.test")}/vpasswd`, [...good, "", ...bad, ""].join("\n"));
  await writeVpasswd(old.directory("two.test"), lines(old, "two.test"));
  const refused = await adopt(site, ...old.args, "--yes");
  assertEquals(refused.code, 1);
  const path = `${old.directory("one.test")}/vpasswd`;
  bad.forEach((_, at) => assert(refused.text.includes(`bad    ${path} line ${at + 5}: `), refused.text));
  assertMatch(refused.text, /8 lines cannot be read/);
  assertEquals((await site.command.accounts.users.count("two.test")).active, 0);
  assertEquals((await adopt(site, ...old.args, "--yes", "--skip-bad")).code, 0);
  await isAdopted(site, old);
  assertEquals((await site.command.accounts.users.count("one.test")).active, 3);
  await Deno.writeTextFile(`${old.folder}/qmail/users/assign`, "+broken\n.\n");
  assertMatch((await adopt(site, ...old.args, "-n")).text, /qmail\/users\/assign line 1: needs seven fields/);
});

Deno.test("a cdb that Debian's tinycdb made is read", async () => {
  await using site = await makeSite();
  await using old = await makeOld();
  const records: Uint8Array[] = [];
  const encoder = new TextEncoder();
  for (const line of lines(old, "one.test")) {
    const [key, data] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)].map((part) =>
      encoder.encode(part)
    );
    records.push(
      encoder.encode(`+${key!.length},${data!.length}:`),
      key!,
      encoder.encode("->"),
      data!,
      encoder.encode("\n"),
    );
  }
  const child = new Deno.Command("/usr/bin/cdb", {
    args: ["-c", `${old.directory("one.test")}/vpasswd.cdb`],
    stdin: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  for (const part of [...records, encoder.encode("\n")]) await writer.write(part);
  await writer.close();
  assertEquals((await child.status).code, 0);
  await writeVpasswd(old.directory("two.test"), lines(old, "two.test"));
  assertEquals((await adopt(site, ...old.args, "--yes", "--clear-text")).code, 0);
  assertEquals((await site.command.accounts.users.find("alice", "one.test"))?.scram, "{CRAM}secret");
});

Deno.test("UIDs that Dovecot gave are taken over; folders that Courier kept are left", async () => {
  await using site = await makeSite();
  await using old = await makeOld();
  for (const domain of ["one.test", "two.test"]) await writeVpasswd(old.directory(domain), lines(old, domain));
  const maildir = `${old.directory("one.test")}/alice/Maildir`;
  await Deno.mkdir(`${maildir}/.Sent/cur`, { recursive: true });
  const list =
    "3 V1275660208 N25022 G3085f01b7f11094c501100008c4a11c1\n25006 S1355 :1276528487.M3P9.old,S=1355:2,\n25010 :b\n";
  await Deno.writeTextFile(`${maildir}/.Sent/dovecot-uidlist`, list);
  await Deno.writeTextFile(`${maildir}/dovecot-uidlist`, list);
  await Deno.writeTextFile(`${maildir}/courierimapuiddb`, "1 5 6\n");
  const { text } = await adopt(site, ...old.args, "--yes");
  assertMatch(text, /one\.test: 3 rows; UIDs of 1 folders taken from Dovecot/);
  assertEquals(
    await Deno.readTextFile(`${maildir}/.Sent/courierimapuiddb`),
    "1 1275660208 25022\n25006 1276528487.M3P9.old,S=1355\n25010 b\n",
  );
  assertEquals(await Deno.readTextFile(`${maildir}/courierimapuiddb`), "1 5 6\n");
});

Deno.test("a plain qmail: what is missing here is copied, the queue stays, what differs is told of", async () => {
  await using site = await makeSite();
  await using old = await makeOld();
  await Deno.writeTextFile(`${site.paths.control}/databytes`, "1000\n");
  await Deno.writeTextFile(`${site.paths.control}/rcpthosts`, "here.example\n");
  await Deno.writeTextFile(`${site.paths.alias}/.qmail-root`, "&me@here.example\n");
  await Deno.writeTextFile(`${old.folder}/qmail/alias/.qmail-box`, "./Mailbox\n");
  const { code, text } = await adopt(site, ...old.args, "--yes", "qmail");
  assertEquals(code, 0, text);
  assertMatch(text, /found {2}queue \S+\/queue: \S+, mode 7\d\d, 1 messages wait\n/);
  assertMatch(text, /found {2}the queue is not moved: let the old qmail-send run until it is empty\n/);
  assertMatch(text, /found {2}control files that mean nothing here: strange\n/);
  assertMatch(text, /found {2}\S+control\/databytes differs from \S+, and stays as it is\n/);
  assertMatch(text, /found {2}\S+\.qmail-root differs from \S+, and stays as it is\n/);
  assertMatch(text, /\.qmail-box delivers below \S+alias: from now on that is below /);
  assertEquals(await Deno.readTextFile(`${site.paths.control}/rcpthosts`), "here.example\nold.example\n");
  assertEquals(await Deno.readTextFile(`${site.paths.control}/databytes`), "1000\n");
  assertEquals(await Deno.readTextFile(`${site.paths.alias}/.qmail-box`), "./Mailbox\n");
  assert(Deno.statSync(`${old.folder}/qmail/queue/mess/0/1234`).isFile);
  assertEquals((await site.command.domains.list()).length, 0);
  assertMatch((await adopt(site, ...old.args, "--yes", "qmail")).text, /nothing to do\n$/);
});

Deno.test("mail is given to an account with everything in it, but links lead nowhere", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/mail/cur`, { recursive: true });
    await Deno.writeTextFile(`${folder}/mail/cur/1`, "x");
    await Deno.writeTextFile(`${folder}/outside`, "x");
    await Deno.symlink("../outside", `${folder}/mail/link`);
    const own = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
    const owner = own.uid === 0 ? { uid: 12345, gid: 12346 } : own; // only root can give files away
    await giveTree(realDisk, `${folder}/mail`, owner);
    await giveTree(realDisk, `${folder}/nowhere`, owner);
    const ownerOf = (path: string) => [Deno.statSync(`${folder}/${path}`).uid, Deno.statSync(`${folder}/${path}`).gid];
    assertEquals([ownerOf("mail"), ownerOf("mail/cur/1"), ownerOf("outside")], [
      [owner.uid, owner.gid],
      [owner.uid, owner.gid],
      [own.uid, own.gid],
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what is there under the same name is not touched; nothing found is said so", async () => {
  await using site = await makeSite();
  await using old = await makeOld();
  for (const domain of ["one.test", "two.test"]) await writeVpasswd(old.directory(domain), lines(old, domain));
  await site.addDomain("one.test");
  const { code, text } = await adopt(site, ...old.args, "--yes");
  assertEquals(code, 0, text);
  assertMatch(text, /found {2}one\.test: not adopted: there is a domain of that name in/);
  assertEquals(await site.command.accounts.users.find("alice", "one.test"), undefined);
  await using other = await makeSite();
  await other.addDomain("uno.test");
  const beside = await adopt(other, ...old.args, "--yes");
  assertEquals(beside.code, 0, beside.text);
  assertMatch(beside.text, /found {2}one\.test: alias domain uno\.test is another domain here, and stays that\n/);
  assertEquals((await other.command.domains.find("uno.test"))?.aliasOf, undefined);
  assert(await other.command.domains.isComplete("one.test"));
  assertMatch(
    (await adopt(site, "--vpopmail", "/nowhere", "--qmail", "/nowhere")).text,
    /nothing to adopt: no vpopmail in/,
  );
  assertMatch(
    (await adopt(site, ...old.args, "-n", "--domain", "six.test")).text,
    /six\.test is no domain of the vpopmail in/,
  );
  assertMatch((await adopt(site, "sendmail")).text, /"sendmail": one of vpopmail, indimail, qmail/);
});

Deno.test({
  name: "vpopmail's tables, one for all domains and one for each, and IndiMail's own",
  ignore: !mariadbAvailable(),
  async fn(t) {
    await using server = await startMariadb();
    const settings = { ...server.settings, database: "vpopmail" };
    const database = await openMysql(settings, { createDatabase: true });
    const columns =
      "pw_passwd char(40), pw_uid int, pw_gid int, pw_gecos char(48), pw_dir char(160), pw_shell char(20), " +
      "pw_clear_passwd char(16)";
    await database.run(
      `CREATE TABLE vpopmail (pw_name char(32), pw_domain char(96), ${columns}, primary key (pw_name, pw_domain))`,
    );
    await database.run(`CREATE TABLE two_test (pw_name char(32) primary key, ${columns})`);
    await database.run("CREATE TABLE valias (alias char(32), domain char(96), valias_line text)");
    await database.run("CREATE TABLE lastauth (user char(32), domain char(96), remote_ip char(18), timestamp bigint)");
    await using old = await makeOld();
    for (const { name, password, flags = 0, gecos = name, quota = "NOQUOTA", clearText = "" } of USERS) {
      const values = (
        domain: string,
      ) => [password, flags, gecos.slice(0, 48), `${old.directory(domain)}/${name}`, quota, clearText];
      await database.run("INSERT INTO vpopmail VALUES (?, 'one.test', ?, 1, ?, ?, ?, ?, ?)", [
        name,
        ...values("one.test"),
      ]);
      await database.run("INSERT INTO two_test VALUES (?, ?, 1, ?, ?, ?, ?, ?)", [name, ...values("two.test")]);
    }
    await database.run(
      "INSERT INTO valias VALUES ('Info', 'one.test', '&alice@one.test'), ('info', 'one.test', '/dev/null')",
    );
    await database.run("INSERT INTO lastauth VALUES ('alice', 'one.test', '192.0.2.8', 1400000000)");
    await database.close();
    await Deno.mkdir(`${old.folder}/vpopmail/etc`);
    const line = `# read\nlocalhost:${settings.socketPath}|0|root||vpopmail\n`;
    await Deno.writeTextFile(`${old.folder}/vpopmail/etc/vpopmail.mysql`, line);
    for (const kind of ["embedded", "mysql"]) {
      await t.step(`into the ${kind} database`, async () => {
        await using site = await makeSite(
          kind === "mysql" ? { database: await openMysql(server.settings, { createDatabase: true }) } : {},
        );
        if (kind === "mysql") {
          await Deno.writeTextFile(
            `${site.paths.control}/host.mysql`,
            `localhost:root::${settings.socketPath}:nossl\n`,
          );
        }
        const { code, text } = await adopt(site, ...old.args, "--yes", "vpopmail");
        assertEquals(code, 0, text);
        assertMatch(text, /found {2}one\.test: 3 users, users in table vpopmail; /);
        assertMatch(text, /found {2}two\.test: 3 users, users in table two_test; /);
        await isAdopted(site, old);
        assertEquals([...await site.command.accounts.aliases.lines("info", "one.test")].sort(), [
          "&alice@one.test",
          "/dev/null",
        ]);
        assertEquals((await site.command.accounts.lastauth.find("alice", "one.test"))[0]?.seconds, 1_400_000_000);
        assertMatch((await adopt(site, ...old.args, "--yes", "vpopmail")).text, /nothing to do\n$/);
      });
    }
    await t.step("IndiMail's tables get what they lack and lose nothing", async () => {
      const own = await openMysql(server.settings);
      await own.run(
        "ALTER TABLE indimail DROP COLUMN scram, ADD COLUMN salted char(20), MODIFY pw_passwd char(60) not null",
      );
      await own.run("ALTER TABLE vlimits DROP COLUMN perm_quota");
      await own.run("DROP TABLE IF EXISTS ischema");
      await own.run("DROP TABLE IF EXISTS bulkmail");
      await using site = await makeSite({ database: own });
      await Deno.writeTextFile(`${site.paths.control}/host.mysql`, `localhost:root::${settings.socketPath}:nossl\n`);
      const looked = await adopt(site, "indimail", "-n");
      assertEquals(looked.code, 0, looked.text);
      assertMatch(looked.text, /found {2}6 active users\n/);
      assertMatch(looked.text, /found {2}column indimail\.pw_passwd has 60 characters, ours has 128\n/);
      assertMatch(looked.text, /found {2}table indimail also has salted, which stays and is not used\n/);
      assertMatch(looked.text, /to do {2}add column perm_quota to table vlimits\n/);
      assertMatch(looked.text, /to do {2}make the tables .*bulkmail/);
      assertMatch(looked.text, /to do {2}apply the schema's steps 1 table ischema, 2 scram in indimail/);
      const { code, text } = await adopt(site, "indimail", "-y");
      assertEquals(code, 0, text);
      assertMatch((await adopt(site, "indimail", "-y")).text, /nothing to do\n$/);
      assertEquals((await own.query("SELECT salted, scram FROM indimail")).length, 6);
    });
  },
});
