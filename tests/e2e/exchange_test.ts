/**
 * Accounts exported, imported and exported again: the same file, from SQLite to MariaDB and back, with contents that are
 * hard to carry; an import that is killed goes on when it is repeated; what differs is told of or replaced.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { callApplet } from "../support/applet_call.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { command } from "../support/installation.ts";
import { makeOldDomain, makeOldQmail, SECRET_MD5, vpasswdLine, writeVpasswd } from "../support/old_installation.ts";
import { makeSite } from "../support/site.ts";
import { formatDomain, formatEnd, formatRow, HEADER } from "../../admin/migrate/exchange_lines.ts";
import { EXCHANGE_TABLES, exchangeTable } from "../../admin/migrate/exchange_tables.ts";
import type { Row, SqlValue } from "../../storage/accounts/database.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";

const CHECKOUT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
/** How a process of our programs is started. */
const RUN = ["run", "-A", "--no-prompt", "--no-check", "--unstable-net", "--unstable-worker-options"];
/** Texts that quoting, character sets, JSON or collations could spoil. */
const HOSTILE = [
  `O'Brien "Bob" \\ \\' \\" ; DROP TABLE indimail; -- %s \${x} ?`,
  "two\nlines\tand\r\u0001\u001f\u007f\u0080",
  "Grüße, łódź, 郵便, 🐟 e\u0301",
  " before, and after are spaces ",
  "NULL",
  "",
];

/** A row with the same kind of content in each column: a hostile text cut to its width, or the greatest number. */
function hostileRow(table: string, number: number): Row {
  const row: Record<string, SqlValue> = {};
  const columns = exchangeTable(table)?.columns ?? [];
  const great: Readonly<Record<string, SqlValue>> = {
    tinyint: 127,
    smallint: -32768,
    int: 2147483647,
    bigint: "-9223372036854775808",
    unsigned: "9223372036854775807",
  };
  for (const { name, type, width, null: optional } of columns) {
    const text = HOSTILE[number % HOSTILE.length]!;
    if (type === "changed" || type === "made") row[name] = `20${10 + number % 20}-02-03 04:05:06`;
    else if (type !== "char") row[name] = number % 5 === 0 && optional ? null : great[type] ?? 0;
    else if (number % 7 === 6 && optional) row[name] = null;
    else row[name] = [...(number % 2 === 0 ? text : text.padEnd(width ?? 0, "é"))].slice(0, width).join("");
  }
  return row;
}

/** Keys that differ to every collation, with the characters that order differently in each. */
const NAMES = ["a_b", "a.b", "a-b", "ab", "a", "z", "0", "_", "zz_", "émile", "🐟"];

function hostileLines(): string {
  const lines = [
    formatDomain({
      name: "one.test",
      uid: 0,
      gid: 0,
      aliases: ["b.test", "a.test"].sort(),
      accepted: true,
      checkRecipients: true,
    }),
    formatDomain({ name: "two.test", uid: 0, gid: 0, aliases: [], accepted: true, checkRecipients: false }),
  ];
  for (const table of [...EXCHANGE_TABLES, "dir_control_home_A2E", "dir_controlroot_T2Zsym"]) {
    const { key = [], domain } = exchangeTable(table) ?? {};
    NAMES.forEach((name, number) => {
      const row: Record<string, SqlValue> = { ...hostileRow(table, number) };
      for (const column of key) row[column] = column === "filter_no" ? number : name;
      if (domain) row[domain.name] = domain.holds === "address" ? `${name}@one.test` : `${name}.test`;
      if (table === "indibak") row["pw_name"] = `${name}x`;
      if (table === "atrn_map" && number % 2 === 0) row["domain_list"] = null;
      lines.push(formatRow(table, row));
    });
  }
  return HEADER + lines.join("") + formatEnd(lines.length + 1);
}

async function exported(root: string, file: string, domains: readonly string[] = []): Promise<string> {
  const call = await callApplet(["indimail-export", "-o", file, ...domains], { root });
  assertEquals([call.code, call.error?.message], [0, undefined]);
  assertEquals(Deno.statSync(file).mode! & 0o777, 0o600);
  return await Deno.readTextFile(file);
}

async function imported(root: string, ...args: string[]): Promise<string> {
  const call = await callApplet(["indimail-import", ...args], { root });
  assertEquals([call.code, call.error?.message], [0, undefined], call.stdout);
  return call.stdout;
}

Deno.test("what is exported, imported and exported again is the same file, and so is a second import", async () => {
  await using first = await makeSite();
  await using second = await makeSite();
  const folder = first.paths.lib;
  await Deno.writeTextFile(`${folder}/made`, hostileLines());
  assertMatch(
    await imported(first.paths.root, `${folder}/made`),
    /^added 2 domains, 2 alias domains, 0 files, 143 rows;/,
  );
  const text = await exported(first.paths.root, `${folder}/one`);
  assertEquals(text.split("\n").length, hostileLines().split("\n").length);
  await imported(second.paths.root, `${folder}/one`);
  assertEquals(await exported(second.paths.root, `${folder}/two`), text);
  assertMatch(await imported(second.paths.root, `${folder}/one`), /^added 0 domains, .* 0 rows; replaced 0; 143 rows/);
});

Deno.test({
  name: "accounts go from SQLite to MariaDB and back without loss",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await using sqlite = await makeSite();
    await using mysql = await makeSite();
    await using back = await makeSite();
    const folder = sqlite.paths.lib;
    const host = `localhost:root::${server.settings.socketPath}:nossl\n`;
    await Deno.writeTextFile(`${mysql.paths.control}/host.mysql`, host);
    await Deno.writeTextFile(`${folder}/made`, hostileLines());
    await imported(sqlite.paths.root, `${folder}/made`);
    const text = await exported(sqlite.paths.root, `${folder}/one`);
    await imported(mysql.paths.root, `${folder}/one`);
    assertEquals(await exported(mysql.paths.root, `${folder}/two`), text);
    assertMatch(await imported(mysql.paths.root, `${folder}/one`), /^added 0 domains, .* 0 rows; replaced 0; 143 rows/);
    await imported(back.paths.root, `${folder}/two`);
    assertEquals(await exported(back.paths.root, `${folder}/three`), text);
    const database = await openMysql(server.settings);
    await database.run("INSERT INTO vlimits (domain, diskquota) VALUES ('wide.test', '18446744073709551615')");
    await database.run("ALTER TABLE valias ADD COLUMN more INT");
    await database.close();
    assertMatch(await exported(mysql.paths.root, `${folder}/wide`), /"diskquota":"18446744073709551615"/);
    const refused = await callApplet(["indimail-import", `${folder}/wide`], { root: back.paths.root });
    assertEquals([refused.code, refused.stdout.match(/1 differ or are refused/)?.length], [1, 1]);
  },
});

Deno.test({
  name: "what a MariaDB database cannot keep is told of with its line, without its value, and the rest is imported",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await using site = await makeSite();
    const { root, lib, control } = site.paths;
    const database = await openMysql(server.settings, { createDatabase: true });
    await database.run("ALTER DATABASE indimail CHARACTER SET latin1");
    await database.close();
    await Deno.writeTextFile(`${control}/host.mysql`, `localhost:root::${server.settings.socketPath}:nossl\n`);
    const user = { ...hostileRow("indimail", 5), pw_domain: "one.test", scram: "{CRAM}p\u{1f41f}w" };
    const line = { domain: "one.test", alias: "info", timestamp: "2026-01-02 03:04:05" };
    const rows = [
      formatRow("indimail", { ...user, pw_name: "fish" }),
      formatRow("indimail", { ...user, pw_name: "plain", scram: null }),
      formatRow("valias", { ...line, valias_line: "&Bob@one.test" }),
      formatRow("valias", { ...line, valias_line: "&bob@one.test" }),
      formatRow("valias", { ...line, valias_line: "&late@one.test", timestamp: "2026-02-31 00:00:00" }),
    ];
    await Deno.writeTextFile(`${lib}/made`, HEADER + rows.join("") + formatEnd(rows.length + 1));
    const child = await new Deno.Command(Deno.execPath(), {
      args: [...RUN, `${CHECKOUT}/main.ts`, "indimail", "import", `${lib}/made`],
      env: { INDIMAIL_ROOT: root },
    }).output();
    const said = new TextDecoder().decode(child.stderr).replaceAll(`${lib}/`, "");
    assertMatch(
      said,
      /^made line 2: indimail "fish" "one\.test": column \S*scram\S* of this database cannot hold its string/m,
    );
    assertMatch(said, /^made line 5: valias "info" "one\.test" "&bob@one\.test": Duplicate entry/m);
    assertMatch(said, /^made line 6: valias .*timestamp\S* of this database cannot hold its datetime value/m);
    assert(!said.includes("xF0") && !said.includes("\u{1f41f}"), said);
    assertMatch(
      new TextDecoder().decode(child.stdout),
      /^added .* 2 rows; .*; 3 differ or are refused, and are left\n$/,
    );
    assertEquals(child.code, 1);
  },
});

Deno.test("some domains are exported with all that is theirs and nothing else", async () => {
  await using site = await makeSite();
  const folder = site.paths.lib;
  await Deno.writeTextFile(`${folder}/made`, hostileLines());
  await imported(site.paths.root, `${folder}/made`);
  await site.addDomain("three.test");
  await site.addUser("carol@three.test", "secret");
  await site.command.accounts.database.run("INSERT INTO vlimits (domain, maxaliases) VALUES ('carol@three.test', 3)");
  const text = await exported(site.paths.root, `${folder}/some`, ["three.test"]);
  const kinds = text.trim().split("\n").map((line) => {
    const value = JSON.parse(line);
    return value.table ?? Object.keys(value)[0];
  });
  assertEquals(
    kinds.join(" ").replace(/\bdir_control\S+/g, "dir_control").replaceAll(/\b(\S+)(?: \1)+\b/g, "$1"),
    "format domain file indimail vlimits valias lastauth dir_control end",
  );
  assert(!/one\.test|two\.test/.test(text));
});

Deno.test("what differs is told of and left, or replaced; a row that is the same is not touched", async () => {
  await using from = await makeSite();
  await using to = await makeSite();
  const { root, lib } = from.paths;
  await from.addDomain("one.test");
  await from.addUser("alice@one.test", "secret");
  await from.addUser("bob@one.test", "secret");
  const text = await exported(root, `${lib}/one`);
  await imported(to.paths.root, `${lib}/one`);
  await to.command.accounts.users.update("alice", "one.test", { gecos: "Other" });
  await to.command.accounts.users.setInactive("bob", "one.test", true);
  await to.command.accounts.users.remove("postmaster", "one.test");
  const dry = await callApplet(["indimail-import", "-n", `${lib}/one`], { root: to.paths.root });
  assertEquals([dry.code, dry.stdout.replace(/\d+ rows are/, "N rows are")], [
    1,
    "would add 0 domains, 0 alias domains, 0 files, 1 rows; would replace 0; N rows are the same; 2 differ or are refused, and are left\n",
  ]);
  assertEquals((await callApplet(["indimail-import", `${lib}/one`], { root: to.paths.root })).code, 1);
  assertEquals((await to.command.accounts.users.find("alice", "one.test"))?.gecos, "Other");
  assertMatch(await imported(to.paths.root, "--replace", `${lib}/one`), /0 rows; replaced 2;/);
  assertEquals(await exported(to.paths.root, `${lib}/two`), text);
});

Deno.test("an import that is killed is finished by the same command", async () => {
  await using site = await makeSite();
  const { root, lib, database } = site.paths;
  const rows: string[] = [];
  for (let at = 0; at < 30_000; at++) {
    const name = `u${String(at).padStart(6, "0")}`;
    rows.push(formatRow("indimail", { ...hostileRow("indimail", at), pw_name: name, pw_domain: "one.test" }));
  }
  const domain = formatDomain({
    name: "one.test",
    uid: 0,
    gid: 0,
    aliases: [],
    accepted: true,
    checkRecipients: false,
  });
  await Deno.writeTextFile(`${lib}/many`, HEADER + domain + rows.join("") + formatEnd(rows.length + 2));
  const child = new Deno.Command(Deno.execPath(), {
    args: [...RUN, `${CHECKOUT}/main.ts`, "indimail-import", `${lib}/many`],
    env: { INDIMAIL_ROOT: root },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const watched = openSqlite(database);
  let users = 0;
  while (users === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    users = Number((await watched.query("SELECT COUNT(*) AS users FROM indimail"))[0]?.["users"]);
  }
  child.kill("SIGKILL");
  await child.status;
  await watched.close();
  const before = await site.command.domains.isComplete("one.test");
  const done = await imported(root, `${lib}/many`);
  assert(users >= 30_000 || !before, "mail is accepted before all users are there");
  assertMatch(done, /^added [01] domains, /);
  const text = await exported(root, `${lib}/again`);
  assertEquals(text.split("\n").length, rows.length + 4);
  assert(await site.command.domains.isComplete("one.test"));
});

Deno.test("damaged files are refused with file and line, before anything is changed", async () => {
  await using site = await makeSite();
  const { root, lib } = site.paths;
  const good = hostileLines().trimEnd().split("\n");
  const row = good.findIndex((line) => line.includes('"valias"'));
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /is empty/],
    ["root:x:0:0:root:/root:/bin/sh\n", /line 1 is not JSON/],
    ["{}\n", /line 1 is neither/],
    [`${good.slice(1).join("\n")}\n`, /line 1: this is no file of indimail export/],
    [`{"format":"indimail-accounts","version":2}\n`, /line 1 is of version 2; this program reads 1/],
    [`${good.slice(0, 9).join("\n")}\n`, /line 9: the last line is missing/],
    [`${good.join("\n")}\n${good.join("\n")}\n`, /comes after the last line/],
    [`${good.toSpliced(row, 1).join("\n")}\n`, /it says that \d+ lines come before it, and there are/],
    [`${good.with(row, good[row]!.replace('"alias"', '"alas"')).join("\n")}\n`, /line \d+ has no column alias/],
    [`${good.with(row, good[row]!.replace("valias", "users")).join("\n")}\n`, /"users" is no table of accounts/],
    [`${good.with(row, good[row]!.replace(/"alias":"[^"]*"/, '"alias":"\\u0000"')).join("\n")}\n`, /alias holds a NUL/],
    [
      `${good.with(row, good[row]!.replace(/"alias":"[^"]*"/, '"alias":"\\ud800"')).join("\n")}\n`,
      /half of a character/,
    ],
    [`${good.with(row, good[row]!.replace(/"alias":"/, `"alias":"${"x".repeat(41)}`)).join("\n")}\n`, /longer than 40/],
    [`${good.with(2, good[2]!.replace("two.test", "../../etc")).join("\n")}\n`, /line 3: .* is not a domain name/],
    [
      `${good.with(2, '{"file":{"domain":"one.test","name":"../x","text":""}}').join("\n")}\n`,
      /is no file of a domain/,
    ],
    [`${good.with(2, "x".repeat(300_000)).join("\n")}\n`, /line 3 has more than 262144 bytes/],
  ];
  for (const [text, message] of cases) {
    await Deno.writeTextFile(`${lib}/bad`, text);
    const call = await callApplet(["indimail-import", `${lib}/bad`], { root });
    assertEquals(call.code, 1);
    assertMatch(call.error?.message ?? "", message);
  }
  await Deno.writeFile(`${lib}/bad`, new Uint8Array([...new TextEncoder().encode(HEADER), 0xff, 10]));
  assertMatch((await callApplet(["indimail-import", `${lib}/bad`], { root })).error?.message ?? "", /not UTF-8/);
  assertEquals((await site.command.accounts.users.count("one.test")).active, 0);
});

Deno.test("on a terminal adopt asks before it does anything, and import shows how far it is", async () => {
  await using site = await makeSite();
  const folder = await Deno.makeTempDir();
  await using old = { folder, [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }) };
  const { root, lib } = site.paths;
  const directory = `${old.folder}/vpopmail/domains/one.test`;
  await makeOldQmail(`${old.folder}/qmail`, [{ name: "one.test", directory }]);
  await makeOldDomain(directory, [], "/home/vpopmail/bin");
  await writeVpasswd(directory, [vpasswdLine(directory, { name: "ann", password: SECRET_MD5 })]);
  const program = `${Deno.execPath()} ${RUN.join(" ")} ${CHECKOUT}/main.ts`;
  const onTerminal = async (args: string, typed: string) => {
    const line = `INDIMAIL_ROOT=${root} ${program} ${args}`;
    const { code, stdout } = await command("script", ["-qefc", line, "/dev/null"], { stdin: typed });
    return { code, stdout };
  };
  const folders = `--vpopmail ${old.folder}/vpopmail --qmail ${old.folder}/qmail`;
  const no = await onTerminal(`indimail adopt ${folders}`, "n\n");
  assertMatch(no.stdout, /Do this\? \[y\/N\] [^]*nothing was changed/);
  assertEquals([no.code, (await site.command.domains.list()).length], [1, 0]);
  const yes = await onTerminal(`indimail adopt ${folders}`, "y\n");
  assertMatch(yes.stdout, /done {3}one\.test: 1 rows/);
  assertEquals([yes.code, (await site.command.domains.list()).length], [0, 1]);
  const rows = Array.from(
    { length: 5000 },
    (_, at) => formatRow("bulkmail", { ...hostileRow("bulkmail", 0), emailid: `u${at}@one.test` }),
  );
  await Deno.writeTextFile(`${lib}/many`, HEADER + rows.join("") + formatEnd(rows.length + 1));
  const shown = await onTerminal(`indimail import ${lib}/many`, "");
  assertMatch(shown.stdout, /\r\d+% \d+ lines/);
  assertMatch(shown.stdout, /added .* 5000 rows;/);
});
