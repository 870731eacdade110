/**
 * A running server takes over an installation of vpopmail in place: mail for an adopted user comes into the Maildir where
 * the old mail is, the old password opens it by IMAP, and messages keep their UIDs. Under `deno run`, or the compiled binary.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import {
  makeOldDomain,
  makeOldQmail,
  type OldUser,
  putOldMail,
  SECRET_MD5,
  vpasswdLine,
  writeVpasswd,
} from "../support/old_installation.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";

const USERS: readonly OldUser[] = [
  { name: "postmaster", password: SECRET_MD5 },
  { name: "alice", password: SECRET_MD5, quota: "10485760S" },
  { name: "bob", password: SECRET_MD5, flags: 0x08 },
];
const DOMAIN = "one.test";

/** vpopmail with one domain and an alias domain; alice has a message with the UID 42. */
async function makeOld(folder: string): Promise<string> {
  const directory = `${folder}/vpopmail/domains/${DOMAIN}`;
  await makeOldQmail(`${folder}/qmail`, [{ name: DOMAIN, aliases: ["uno.test"], directory }]);
  await makeOldDomain(directory, USERS, `${folder}/vpopmail/bin`);
  await putOldMail(`${directory}/alice/Maildir`, { subject: "from before", uid: 42 });
  return directory;
}

function read(installation: Installation, user: string, path: string) {
  const url = `imaps://127.0.0.1:${installation.ports.imaps}/${path}`;
  return command("curl", ["-sSvk", "--user", `${user}:secret`, url]);
}

async function receives(installation: Installation, address: string, directory: string): Promise<void> {
  const server = ["--server", "127.0.0.1", "--port", String(installation.ports.smtp)];
  await eventually(`acceptance of mail for ${address}`, async () => {
    return (await command("swaks", [...server, "--from", "a@elsewhere.example", "--to", address])).code === 0;
  });
  await eventually(`mail for ${address} in the old Maildir`, () => {
    return [...Deno.readDirSync(`${directory}/alice/Maildir/new`)].length > 0;
  });
}

async function isTakenOver(installation: Installation, directory: string): Promise<void> {
  // the roles that work on mailboxes start again, with the old folders let into their fences
  await eventually("the old message by its UID", async () => {
    return (await read(installation, `alice@${DOMAIN}`, "INBOX;UID=42")).stdout.includes("Subject: from before");
  });
  await receives(installation, `alice@${DOMAIN}`, directory);
  await eventually("the new message by its UID", async () => {
    const later = await read(installation, `alice@${DOMAIN}`, "INBOX;UID=43");
    return later.stdout.includes("This is a test");
  });
  const selected = await command("curl", [
    "-sSvk",
    "--user",
    `alice@${DOMAIN}:secret`,
    `imaps://127.0.0.1:${installation.ports.imaps}/INBOX`,
    "-X",
    "STATUS INBOX (UIDVALIDITY UIDNEXT MESSAGES)",
  ]);
  assertMatch(selected.stdout + selected.stderr, /UIDVALIDITY 1188888888/);
  const wrong = await command("curl", [
    "-sSk",
    "--user",
    `alice@${DOMAIN}:other`,
    `imaps://127.0.0.1:${installation.ports.imaps}/INBOX`,
  ]);
  assertEquals(wrong.code, 67);
  assertMatch((await read(installation, `bob@${DOMAIN}`, "INBOX")).stderr, / NO /);
  const server = ["--server", "127.0.0.1", "--port", String(installation.ports.smtp)];
  await eventually("mail by the alias domain", async () => {
    return (await command("swaks", [...server, "--from", "a@elsewhere.example", "--to", "alice@uno.test"])).code === 0;
  });
  const none = await command("swaks", [...server, "--from", "a@elsewhere.example", "--to", `nobody@${DOMAIN}`]);
  assert(none.code !== 0, "mail for nobody is taken");
}

Deno.test("a vpopmail with vpasswd.cdb is taken over by a running server", async () => {
  await using installation = await Installation.start({});
  const outside = await Deno.makeTempDir({ prefix: "indimail-test.", dir: "/var/tmp" });
  try {
    const directory = await makeOld(outside);
    await writeVpasswd(directory, USERS.map((user) => vpasswdLine(directory, user)));
    const folders = ["--vpopmail", `${outside}/vpopmail`, "--qmail", `${outside}/qmail`];
    const said = await installation.must("indimail", ["adopt", ...folders, "--yes"]);
    assertMatch(said, /done {3}one\.test: 3 rows/);
    assertMatch(said, /done {3}control\/authmechanisms: PLAIN LOGIN\n/);
    await isTakenOver(installation, directory);
    assertMatch(await installation.must("indimail", ["adopt", ...folders, "--yes"]), /nothing to do\n$/);
    const exported = await installation.must("indimail", ["export", DOMAIN]);
    assertMatch(exported, new RegExp(`"directory":"${directory}","aliases":\\["uno.test"\\]`));
  } finally {
    await installation.stop(); // it still works on the folders
    await Deno.remove(outside, { recursive: true });
  }
});

Deno.test({
  name: "a vpopmail with tables on MariaDB is taken over by a server with its accounts there",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const { socketPath } = server.settings;
    await using installation = await Installation.start({
      async prepare(root) {
        await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
        await Deno.writeTextFile(`${root}/etc/indimail/control/host.mysql`, `localhost:root::${socketPath}:nossl\n`);
      },
    });
    const outside = await Deno.makeTempDir({ prefix: "indimail-test.", dir: "/var/tmp" });
    const old = await openMysql({ ...server.settings, database: "vpopmail" }, { createDatabase: true });
    try {
      const directory = await makeOld(outside);
      await old.run(
        "CREATE TABLE vpopmail (pw_name char(32), pw_domain char(96), pw_passwd char(40), pw_uid int, pw_gid int, " +
          "pw_gecos char(48), pw_dir char(160), pw_shell char(20), PRIMARY KEY (pw_name, pw_domain))",
      );
      for (const { name, password, flags = 0, quota = "NOQUOTA" } of USERS) {
        const values = [name, DOMAIN, password, flags, name, `${directory}/${name}`, quota];
        await old.run("INSERT INTO vpopmail VALUES (?, ?, ?, 1, ?, ?, ?, ?)", values);
      }
      await Deno.mkdir(`${outside}/vpopmail/etc`);
      await Deno.writeTextFile(`${outside}/vpopmail/etc/vpopmail.mysql`, `localhost:${socketPath}|0|root||vpopmail\n`);
      const folders = ["--vpopmail", `${outside}/vpopmail`, "--qmail", `${outside}/qmail`];
      assertMatch(
        await installation.must("indimail", ["adopt", ...folders, "--yes", "vpopmail"]),
        /users in table vpopmail/,
      );
      await isTakenOver(installation, directory);
    } finally {
      await old.close();
      await installation.stop();
      await Deno.remove(outside, { recursive: true });
    }
  },
});
