/**
 * The limits of a domain (vlimit) in every command that honours them, on both drivers: refused where they are in force, by
 * vmoddomain -l or by DOMAIN_LIMITS, done where they are not, and nothing half done; and never passed by two at once.
 */
import { Denied, Permanent } from "../../core/errors.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { callApplet } from "../support/applet_call.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { mariadbAvailable, startMariadb } from "../support/mariadb.ts";

type Line = readonly [string, ...string[]];

/** Limits, a command that they forbid, and what it says. */
interface Case {
  readonly limits: readonly string[];
  /** Run before the limits are set. */
  readonly before?: readonly Line[];
  readonly line: Line;
  readonly says: RegExp;
  /** What those limits let through, before and after the refusal. */
  readonly allowed?: readonly Line[];
}

/** The domain has postmaster, ann, bob and the group team: four users of 50 megabytes, one alias, one group, no forward. */
const MADE: readonly Line[] = [
  ["vadddomain", "example.org", "secret"],
  ["vadduser", "ann@example.org", "secret"],
  ["vadduser", "bob@example.org", "secret"],
  ["vgroup", "-a", "team@example.org", "secret"],
  ["vgroup", "-i", "&far@example.net", "team@example.org"],
  ["valias", "-i", "&ann@example.org", "info@example.org"],
  ["vaddaliasdomain", "example.com", "example.org"],
];

/** A line with the name of the text of an answer; "+" takes it from standard input. */
const away = (user: string): Line => ["vacation", `${user}@example.org`, "+"];
const alias = (name: string, line: string): Line => ["valias", "-i", line, `${name}@example.org`];
const MEGABYTE = 1024 * 1024;

function forbidden(word: string, column: string, option: string): RegExp {
  const may = "may not be (made|changed|removed)";
  return new RegExp(`^${word} of example\\.org ${may} \\(${column}\\): allow it with vlimit ${option}$`);
}

function full(count: number, word: string, column: string, option: string): RegExp {
  const most = `${count} ${word} and may have ${count} \\(${column}\\)`;
  return new RegExp(`^example\\.org has ${most}: remove some, or allow more with vlimit ${option}$`);
}

const ALIASES_FORBIDDEN = forbidden("aliases", "perm_alias", "-a");
const FORWARDS_FORBIDDEN = forbidden("forwards", "perm_forward", "-f");
const ANSWERS_FORBIDDEN = forbidden("autoresponders", "perm_autoresponder", "-r");
const LISTS_FORBIDDEN = forbidden("mailing lists", "perm_maillist", "-l");
const MEMBERS_FORBIDDEN = forbidden("members of mailing lists", "perm_maillist", "-u");
const USERS_FORBIDDEN = forbidden("users", "perm_account", "-p");
const QUOTAS_FORBIDDEN = forbidden("quotas", "perm_quota", "-x");

const CASES: readonly Case[] = [
  {
    limits: ["-P", "4"],
    line: ["vadduser", "new@example.org", "secret"],
    says: full(4, "users", "maxpopaccounts", "-P"),
    allowed: [["vmoduser", "-c", "Ann", "ann@example.org"]],
  },
  {
    limits: ["-P", "4"],
    line: ["vgroup", "-a", "new@example.org", "x"],
    says: full(4, "users", "maxpopaccounts", "-P"),
  },
  {
    limits: ["-P", "4"],
    before: [["vadddomain", "example.net", "secret"], ["vadduser", "eve@example.net", "secret"]],
    line: ["vrenameuser", "eve@example.net", "eve@example.org"],
    says: full(4, "users", "maxpopaccounts", "-P"),
    allowed: [["vrenameuser", "bob@example.org", "rob@example.org"]],
  },
  {
    limits: ["-A", "1"], // neither what the domain was made with nor the group counts
    line: alias("new", "&bob@example.org"),
    says: full(1, "aliases", "maxaliases", "-A"),
    allowed: [alias("info", "&bob@example.org"), alias("abuse", "&ann@example.org")],
  },
  {
    limits: ["-F", "1"], // the domain's other name is the domain
    before: [alias("out", "&a@example.net")],
    line: alias("more", "b@example.net"),
    says: full(1, "forwards", "maxforwards", "-F"),
    allowed: [alias("out", "&b@example.net"), alias("near", "ann@example.com"), [
      "vgroup",
      "-i",
      "&b@example.net",
      "team@example.org",
    ]],
  },
  {
    limits: ["-F", "0"],
    line: ["valias", "-u", "&ann@example.org", "-i", "&ann@example.net", "info@example.org"],
    says: full(0, "forwards", "maxforwards", "-F"),
    allowed: [["valias", "-u", "&ann@example.org", "-i", "&bob@example.org", "info@example.org"], [
      "valias",
      "-u",
      "&bob@example.org",
      "-i",
      "&ann@example.org",
      "info@example.org",
    ]],
  },
  {
    limits: ["-R", "1"],
    before: [away("ann")],
    line: away("bob"),
    says: full(1, "autoresponders", "maxautoresponders", "-R"),
    allowed: [away("ann"), alias("ann", "| /usr/bin/vacation"), ["valias", "-d", "", "ann@example.org"]],
  },
  {
    limits: ["-R", "1"],
    before: [alias("info", "|/usr/bin/autoresponder -q a b")],
    line: ["vmoduser", "-l", "+", "bob@example.org"],
    says: full(1, "autoresponders", "maxautoresponders", "-R"),
    allowed: [["vmoduser", "-l", "-", "bob@example.org"]],
  },
  {
    limits: ["-R", "1"],
    before: [["vmoduser", "-l", "+", "bob@example.org"]],
    line: alias("ann", "|vacation"),
    says: full(1, "autoresponders", "maxautoresponders", "-R"),
    allowed: [alias("bob", "|vacation")],
  },
  {
    limits: ["-Q", "200m"],
    line: ["vadduser", "new@example.org", "secret"],
    says: new RegExp(
      `^example\\.org: the quotas of its users would be ${250 * MEGABYTE} bytes and may be ${200 * MEGABYTE} ` +
        "\\(diskquota\\): give less, or allow more with vlimit -Q$",
    ),
    allowed: [["vsetuserquota", "ann@example.org", "20m"], ["vsetuserquota", "bob@example.org", "80m"]],
  },
  {
    limits: ["-Q", "200m"],
    line: ["vmoduser", "-q", "+1", "ann@example.org"],
    says: /would be 209715201 bytes and may be 209715200 \(diskquota\)/,
  },
  {
    limits: ["-Q", "200m"],
    line: ["vsetuserquota", "ann@example.org", "NOQUOTA"],
    says: /^ann@example\.org needs a quota of bytes, as example\.org may have 209715200 \(diskquota\): give one, or /,
    allowed: [["vmoduser", "-o", "bob@example.org"], ["vsetuserquota", "bob@example.org", "NOQUOTA"]],
  },
  {
    limits: ["-M", "30", "-m", "20"],
    before: [["vsetuserquota", "ann@example.org", "50m,10"]],
    line: ["vadduser", "-q", "1m,21", "new@example.org", "secret"],
    says: /would be 31 messages and may be 30 \(maxmsgcount\): give less, or allow more with vlimit -M$/,
    allowed: [["vadduser", "plain@example.org", "secret"], ["vdeluser", "plain@example.org"]],
  },
  {
    limits: ["-M", "30"],
    line: ["vadduser", "-q", "1m", "new@example.org", "secret"],
    says:
      /^new@example\.org needs a quota of messages, as example\.org may have 30 \(maxmsgcount\): give one, or a usual one with vlimit -m$/,
  },
  {
    limits: ["-Q", "210m"],
    before: [["vadddomain", "example.net", "secret"], ["vadduser", "-q", "20m", "eve@example.net", "secret"]],
    line: ["vrenameuser", "eve@example.net", "eve@example.org"],
    says: /would be 230686720 bytes and may be 220200960 \(diskquota\)/,
  },
  { limits: ["-a", "c"], line: alias("new", "&bob@example.org"), says: ALIASES_FORBIDDEN },
  {
    limits: ["-a", "m"],
    line: ["valias", "-u", "&ann@example.org", "-i", "&bob@example.org", "info@example.org"],
    says: ALIASES_FORBIDDEN,
    allowed: [alias("other", "&bob@example.org")],
  },
  { limits: ["-a", "d"], line: ["valias", "-d", "&ann@example.org", "info@example.org"], says: ALIASES_FORBIDDEN },
  {
    limits: ["-f", "c"],
    line: alias("new", "&bob@example.net"),
    says: FORWARDS_FORBIDDEN,
    allowed: [alias("info", "&bob@example.org")],
  },
  {
    limits: ["-f", "m"],
    line: ["valias", "-u", "&ann@example.org", "-i", "&bob@example.net", "info@example.org"],
    says: FORWARDS_FORBIDDEN,
  },
  {
    limits: ["-f", "d"],
    before: [alias("info", "&ann@example.net")],
    line: ["valias", "-d", "&ann@example.net", "info@example.org"],
    says: FORWARDS_FORBIDDEN,
  },
  { limits: ["-r", "c"], line: away("ann"), says: ANSWERS_FORBIDDEN, allowed: [alias("info", "&bob@example.org")] },
  { limits: ["-r", "m"], before: [away("ann")], line: away("ann"), says: ANSWERS_FORBIDDEN, allowed: [away("bob")] },
  {
    limits: ["-r", "d"],
    before: [away("ann")],
    line: ["vmoduser", "-l", "-", "ann@example.org"],
    says: ANSWERS_FORBIDDEN,
  },
  { limits: ["-r", "c"], line: alias("info", "| autoresponder -q a b"), says: ANSWERS_FORBIDDEN },
  {
    limits: ["-l", "c"],
    line: ["vgroup", "-a", "more@example.org", "secret"],
    says: LISTS_FORBIDDEN,
    allowed: [["vgroup", "-i", "&bob@example.org", "team@example.org"]],
  },
  { limits: ["-l", "m"], line: ["vgroup", "-d", "&far@example.net", "team@example.org"], says: LISTS_FORBIDDEN },
  {
    limits: ["-u", "d"],
    line: ["vgroup", "-d", "&far@example.net", "team@example.org"],
    says: MEMBERS_FORBIDDEN,
    allowed: [["vgroup", "-i", "&bob@example.org", "team@example.org"]],
  },
  { limits: ["-u", "c"], line: alias("team", "&bob@example.org"), says: MEMBERS_FORBIDDEN },
  {
    limits: ["-L", "1"],
    line: ["vgroup", "-a", "more@example.org", "secret"],
    says: full(1, "mailing lists", "maxmailinglists", "-L"),
  },
  { limits: ["-x", "m"], line: ["vsetuserquota", "ann@example.org", "1g"], says: QUOTAS_FORBIDDEN },
  { limits: ["-x", "m"], line: ["vmoduser", "-q", "1g", "ann@example.org"], says: QUOTAS_FORBIDDEN },
  {
    limits: ["-x", "c"],
    line: ["vadduser", "-q", "1g", "new@example.org", "secret"],
    says: QUOTAS_FORBIDDEN,
    allowed: [["vadduser", "plain@example.org", "secret"]],
  },
  {
    limits: ["-p", "c"],
    line: ["vadduser", "new@example.org", "secret"],
    says: USERS_FORBIDDEN,
    allowed: [["vmoduser", "-c", "Ann", "ann@example.org"]],
  },
  { limits: ["-p", "m"], line: ["vmoduser", "-c", "Ann", "ann@example.org"], says: USERS_FORBIDDEN },
  { limits: ["-p", "d"], line: ["vdeluser", "ann@example.org"], says: USERS_FORBIDDEN },
  {
    limits: ["-g", "d"],
    line: ["vpasswd", "ann@example.org", "other"],
    says: /^the password of ann@example\.org may not be changed$/,
    allowed: [["vmoduser", "-o", "bob@example.org"], ["vpasswd", "bob@example.org", "other"]],
  },
];

/** An installation's folder and environment. */
interface Place {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
}

async function place(database: Readonly<Record<string, string>>): Promise<Place & AsyncDisposable> {
  const root = await Deno.makeTempDir({ prefix: "limits-" });
  await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
  await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
  return {
    root,
    env: { BASE_PATH: `${root}/home`, ...database },
    async [Symbol.asyncDispose]() {
      await Deno.remove(root, { recursive: true });
    },
  };
}

async function must({ root, env }: Place, line: Line): Promise<void> {
  const { error } = await callApplet(line, { root, env, stdin: "away\n" });
  assertEquals(error?.message, undefined, line.join(" "));
}

async function isRefused(at: Place, { limits, before = [], line, says, allowed = [] }: Case): Promise<void> {
  for (const one of [...MADE, ...before]) await must(at, one);
  await must(at, ["vlimit", ...limits, "example.org"]);
  const call = (env: Readonly<Record<string, string>>) => callApplet(line, { root: at.root, env, stdin: "away\n" });
  const byVariable = await call({ ...at.env, DOMAIN_LIMITS: "1" });
  await must(at, ["vmoddomain", "-l", "1", "example.org"]);
  for (const one of allowed) await must(at, one);
  const byFile = await call(at.env);
  for (const { error } of [byVariable, byFile]) {
    const isRefusal = error instanceof Permanent || error instanceof Denied;
    assert(isRefusal, `${limits.join(" ")}: ${line.join(" ")} ${error?.stack ?? "was done"}`);
    assertMatch(error.message, says);
  }
  await must(at, ["vmoddomain", "-l", "0", "example.org"]);
  await must(at, line);
}

/** Runs commands at once; how many were done, when all the others were refused. */
async function doneOf({ root, env }: Place, lines: readonly Line[], says: RegExp): Promise<number> {
  const calls = await Promise.all(lines.map((line) => callApplet(line, { root, env, stdin: "away\n" })));
  for (const { error } of calls) if (error) assertMatch(error.message, says);
  return calls.filter(({ error }) => !error).length;
}

/** Commands that make one more of something, each of which a limit of two more lets through twice. */
const RACES: readonly (readonly [limits: readonly string[], line: (number: number) => Line, says: RegExp])[] = [
  [["-P", "6"], (number) => ["vadduser", `u${number}@example.org`, "secret"], /maxpopaccounts/],
  [["-A", "3"], (number) => alias(`a${number}`, "&ann@example.org"), /maxaliases/],
  [["-F", "2"], (number) => alias(`a${number}`, "&ann@example.net"), /maxforwards/],
  [
    ["-R", "2"],
    (number) => number < 4 ? away(["ann", "bob", "team", "postmaster"][number]!) : alias(`a${number}`, "|vacation"),
    /maxautoresponders/,
  ],
  [["-L", "3"], (number) => ["vgroup", "-a", `g${number}@example.org`, "secret"], /maxmailinglists/],
  [["-Q", "220m"], (number) => ["vadduser", "-q", "10m", `u${number}@example.org`, "secret"], /diskquota/],
];
const AT_ONCE = 6;

async function isNotPassed(at: Place, [limits, line, says]: (typeof RACES)[number]): Promise<void> {
  for (const one of MADE) await must(at, one);
  await must(at, ["vlimit", ...limits, "example.org"]);
  await must(at, ["vmoddomain", "-l", "1", "example.org"]);
  const lines = Array.from({ length: AT_ONCE }, (_, number) => line(number));
  assertEquals(await doneOf(at, lines, says), 2, limits.join(" "));
}

Deno.test("the limits of a domain hold in every command, where they are in force and not elsewhere", async () => {
  for (const one of CASES) {
    await using at = await place({});
    await isRefused(at, one);
  }
});

Deno.test("commands that run at once do not pass a limit together", async () => {
  for (const race of RACES) {
    await using at = await place({});
    await isNotPassed(at, race);
  }
});

Deno.test({
  name: "the limits of a domain hold on MariaDB as well, for one command and for many at once",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    const { settings } = server;
    const emptied = async () => {
      const database = await openMysql(settings, { createDatabase: true });
      await database.run(`DROP DATABASE ${settings.database}`);
      await database.close();
      return { MYSQL_HOST: `localhost:root::${settings.socketPath}:nossl` };
    };
    for (const one of CASES) {
      await using at = await place(await emptied());
      await isRefused(at, one);
    }
    for (const race of RACES) {
      await using at = await place(await emptied());
      await isNotPassed(at, race);
    }
  },
});
