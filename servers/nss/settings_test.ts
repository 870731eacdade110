import { assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { boundValues } from "../../storage/accounts/tables/sql_template.ts";
import { CONFIGURATION_CHARACTERS_MAX, levelNumber, parseNssSettings } from "./settings.ts";

/** As the manual page has it, but for its repeated line. */
const EXAMPLE = `# a comment
 getpwnam   SELECT pw_name,'x',555,555,pw_gecos,pw_dir,pw_shell \\
            FROM indimail \\
# a comment inside
            WHERE pw_name='%1$s' and pw_domain='%2$s' \\
            LIMIT 1
getpwent\tSELECT pw_name,'x',555,555,pw_gecos,pw_dir,pw_shell FROM indimail
memsbygid  SELECT username FROM grouplist WHERE gid='%s' AND name <> '%%'

host        localhost
database    indimail
username    indimail
password    pass word\r
socket      /run/mysqld/mysqld.sock
#port       3306
port
pidfile     /run/indimail/pwdlookup/nssd.pid
threads     100
timeout     -1
facility    local3
priority    LOG_ERR
LIMIT       1
`;

Deno.test("the example of the manual page is read, with continued lines and comments between them", () => {
  const settings = parseNssSettings(EXAMPLE);
  const byName = settings.statements.get("passwdByName")!;
  assertEquals(
    byName.sql.replace(/\s+/g, " "),
    "SELECT pw_name,'x',555,555,pw_gecos,pw_dir,pw_shell FROM indimail WHERE pw_name=? and pw_domain=? LIMIT 1",
  );
  assertEquals(boundValues(byName, { 1: "alice", 2: "mail.test" }), ["alice", "mail.test"]);
  assertEquals(
    settings.statements.get("membersOfGid")!.sql,
    "SELECT username FROM grouplist WHERE gid=? AND name <> '%'",
  );
  assertEquals([...settings.statements.keys()], ["passwdByName", "passwdAll", "membersOfGid"]);
  const { statements: _, ...rest } = settings;
  assertEquals(rest, {
    host: "localhost",
    database: "indimail",
    username: "indimail",
    password: "pass word",
    socket: "/run/mysqld/mysqld.sock",
    port: 3306,
    pidFile: "/run/indimail/pwdlookup/nssd.pid",
    threads: 64,
    timeoutMs: 5_000,
    facility: 19,
    level: 3,
    socketMode: 0o666,
    userdb: undefined,
    warnings: ["unknown key LIMIT"],
  });
});

Deno.test("a wrong value is refused with its key", () => {
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["threads many", /^threads: many/],
    ["threads 0", /^threads: 0/],
    ["timeout 0", /^timeout: 0/],
    ["port 70000", /^port: 70000/],
    ["facility post", /^facility: post/],
    ["priority loud", /^loud is not a level/],
    ["socketmode 0999", /^socketmode: 0999/],
    ["getpwent SELECT '%1$s'", /^getpwent: /],
    ["getpwnam SELECT `%1$s`", /^getpwnam: a place inside a name/],
    ["x".repeat(CONFIGURATION_CHARACTERS_MAX + 1), /characters/],
  ];
  for (const [text, message] of wrong) {
    assertMatch(assertThrows(() => parseNssSettings(text), Permanent).message, message);
  }
});

Deno.test("levels have names with and without LOG_, and numbers", () => {
  assertEquals(["emerg", "LOG_ALERT", "error", "err", "Debug", "4"].map(levelNumber), [0, 1, 3, 3, 7, 4]);
});
