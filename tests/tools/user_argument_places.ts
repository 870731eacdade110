/**
 * The places of argument_places.ts in the commands about users, their aliases, filters, homes and tables. Whoever adds such
 * a command adds its places; user_arguments_test.ts tries all of them.
 */
import { BAD_ARGUMENTS } from "./argument_places.ts";

const LONG = "x".repeat(300);

/** What is none of its kind, by kind, as BAD_ARGUMENTS and with what only these commands take. */
export const BAD_USER_ARGUMENTS = {
  ...BAD_ARGUMENTS,
  comment: ["a:b", "a\nb", "a\0b", "\u001b[31m", LONG],
  account: ["", "no such account", "root\n", "../x", "a:b", "'", LONG],
  quotaChange: ["", "x", "1x", "--1", "1m,", "1\0m", "1m;id", LONG],
  /** Of an alias: an apostrophe may stand in it. */
  aliasAddress: BAD_ARGUMENTS.address.filter((one) => one !== "a'b@example.org"),
  /** To show: `@domain` is all of a domain. */
  shownAddress: BAD_ARGUMENTS.address.filter((one) => one !== "a'b@example.org" && one !== "@example.org"),
  trackedAddress: [
    "",
    "x",
    "@",
    "x@",
    "@example.org",
    "a b@example.org",
    "a\n@example.org",
    "a\0@x.org",
    "a@-x.org",
    LONG,
  ],
  length: ["", "x", "7", "129", "-9", "1e1", "12\n", "12\0", LONG],
  scram: ["", "SCRAM", "SCRAM-SHA-1-PLUS", "scram-md5", "SCRAM-SHA-1\n", "SCRAM-SHA-1\0", "../x", LONG],
  salt: ["", "not base64!", "====", "YQ==\n", "YQ==\0", "'", "ü"],
  password: ["", LONG],
  alias: [
    "",
    "@",
    "a@b@c",
    "a b",
    "a\nb@example.org",
    "a\0b@example.org",
    "|",
    "/",
    "&",
    `|${"x".repeat(5000)}`,
    "|id\nx",
  ],
  header: ["", "x", "-2", "999", "Subject\n", "Subject\0", "1.5", "../x", LONG],
  comparison: ["", "x", "-1", "8", "1.5", "Equals\n", "Equals\0", LONG],
  /** A rule's name, keyword or folder. */
  ruleText: ["a\nb", "a\0b", "\u001b[31m", LONG],
  ruleFolder: ["a\nb", "a\0b", "../x", "a/../../b", LONG],
  bounce: ["x", "4", "-1", "2", "2&", "2|", "2&a\nb@c.example", "2&a\0b", "0\n", LONG],
  ruleNumber: ["", "x", "-1", "1x", "99999", "1\n", "1\0", "'1'", LONG],
  file: ["", "/none/x", "../none/x", "/", `/${LONG}`],
  dateFormat: ["../x", "%Y/../..", "a/b", "a\nb", "a\0b", LONG],
  trash: ["", "..", "../x", "a/b", "a\nb", "a\0b", LONG],
  levels: ["", "x", "0", "-1", "1.5", "1e3", "0x10", "1\n", "1\0", " 1", LONG],
  days: ["", "x", "1.5", "1\n", "1\0", "1e3", "0x10", LONG],
  mode: ["", "x", "8", "9999", "-1", "644\n", "644\0", LONG],
  /** A list of users on standard input. */
  list: ["nobody\n", "../x\n", "a/b\n", "a\0b\n", "a'b\n", "ann\nnobody\n", "ä\n", `${LONG}\n`, "ann@example.net\n\0"],
  /** A line of a file of users, with a password behind it. */
  csv: [
    "no-domain.example@,secret\n",
    "../x@example.org,secret\n",
    "a/b@example.org,secret\n",
    "a'b@example.org,secret\n",
    "a\0b@example.org,secret\n",
    "'; DROP TABLE indimail; --@example.org,secret\n",
    '"a\nb@example.org",secret\n',
    `${LONG}@example.org,secret\n`,
    "new@nowhere.example,secret\n",
    "new@example.org,secret,1x\n",
    "new@example.org,secret,-1\n",
    "new@example.org,secret,1g,a:b\n",
    "new@example.org\n",
    '"new@example.org,secret\n',
    "\u00ff\ufffd@example.org,secret\n",
  ],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** A place: what goes there, and the command line with something there, or what standard input is then. */
export interface UserArgumentPlace {
  readonly kind: keyof typeof BAD_USER_ARGUMENTS;
  line(value: string): readonly [string, ...string[]];
  stdin?(value: string): string;
}

const ANN = "ann@example.org";

/** The commands that make a password, up to the place of an option. */
const PASSWORD_COMMANDS: readonly ((option: readonly string[]) => readonly [string, ...string[]])[] = [
  (option) => ["vadduser", ...option, "new@example.org", "secret"],
  (option) => ["vpasswd", ...option, ANN, "secret"],
  (option) => ["vmoduser", "-P", "secret", ...option, ANN],
  (option) => ["vgroup", "-a", ...option, "new@example.org", "secret"],
];

const RULE = ["-h", "Subject", "-c", "Equals", "-k", "x", "-f", "x"] as const;

function rule(flag: string, value: string): readonly [string, ...string[]] {
  const at = RULE.indexOf(flag as typeof RULE[number]);
  const parts = at < 0 ? [...RULE, flag, value] : RULE.with(at + 1, value as typeof RULE[number]);
  return ["vcfilter", "-i", ...parts, ANN];
}

/** All places; the installation is that of ARGUMENT_PLACES. */
export const USER_ARGUMENT_PLACES: readonly UserArgumentPlace[] = [
  ...PASSWORD_COMMANDS.flatMap((command): UserArgumentPlace[] => [
    { kind: "hash", line: (value) => command(["-h", value || "x"]) },
    { kind: "scram", line: (value) => command(["-m", value]) },
    { kind: "salt", line: (value) => command(["-m", "SCRAM-SHA-256", "-S", value]) },
    { kind: "count", line: (value) => command(["-m", "SCRAM-SHA-256", "-I", value]) },
  ]),
  { kind: "address", line: (value) => ["vadduser", "--", value, "secret"] },
  { kind: "password", line: (value) => ["vadduser", "new@example.org", value] },
  { kind: "comment", line: (value) => ["vadduser", "-c", value, "new@example.org", "secret"] },
  { kind: "levels", line: (value) => ["vadduser", "-l", value, "new@example.org", "secret"] },
  { kind: "length", line: (value) => ["vadduser", "-r", value, "new@example.org"] },
  { kind: "file", line: (value) => ["vadduser", "--csv", value] },
  { kind: "csv", line: () => ["vadduser", "--csv", "-"], stdin: (value) => value },
  { kind: "address", line: (value) => ["vmoduser", "-u", "--", value] },
  { kind: "quotaChange", line: (value) => ["vmoduser", "-q", value, ANN] },
  { kind: "comment", line: (value) => ["vmoduser", "-c", value, ANN] },
  { kind: "password", line: (value) => ["vmoduser", "-P", value, ANN] },
  { kind: "dateFormat", line: (value) => ["vmoduser", "-D", value, ANN] },
  { kind: "file", line: (value) => ["vmoduser", "-l", value, ANN] },
  { kind: "address", line: (value) => ["vdeluser", "--", value] },
  { kind: "address", line: (value) => ["vpasswd", "--", value, "secret"] },
  { kind: "password", line: (value) => ["vpasswd", ANN, value] },
  { kind: "length", line: (value) => ["vpasswd", "-r", value, ANN] },
  { kind: "address", line: (value) => ["vuserinfo", "--", value] },
  { kind: "domain", line: (value) => ["vuserinfo", "-D", value] },
  { kind: "address", line: (value) => ["vsetuserquota", "--", value, "1g"] },
  { kind: "quotaChange", line: (value) => ["vsetuserquota", "--", ANN, value] },
  { kind: "folder", line: (value) => ["resetquota", "--", value] },
  { kind: "quota", line: (value) => ["resetquota", "-q", value, "/none/Maildir"] },
  { kind: "mode", line: (value) => ["resetquota", "-p", value, "/none/Maildir"] },
  { kind: "account", line: (value) => ["resetquota", "-u", value, "/none/Maildir"] },
  { kind: "account", line: (value) => ["resetquota", "-g", value, "/none/Maildir"] },
  { kind: "address", line: (value) => ["vmoveuserdir", "--", value, "/srv/moved"] },
  { kind: "folder", line: (value) => ["vmoveuserdir", ANN, value] },
  { kind: "address", line: (value) => ["vrenameuser", "--", value, "new@example.org"] },
  { kind: "address", line: (value) => ["vrenameuser", "--", ANN, value] },
  { kind: "address", line: (value) => ["vgroup", "-a", "--", value, "secret"] },
  { kind: "address", line: (value) => ["vgroup", "-i", "&bob@example.org", "--", value] },
  { kind: "comment", line: (value) => ["vgroup", "-a", "-c", value, "new@example.org", "secret"] },
  { kind: "quota", line: (value) => ["vgroup", "-a", "-q", value, "new@example.org", "secret"] },
  { kind: "password", line: (value) => ["vgroup", "-a", "new@example.org", value] },
  { kind: "alias", line: (value) => ["vgroup", "-i", value, "team@example.org"] },
  { kind: "alias", line: (value) => ["vgroup", "-d", value, "team@example.org"] },
  { kind: "alias", line: (value) => ["vgroup", "-o", "&ann@example.org", "-u", value, "team@example.org"] },
  { kind: "trackedAddress", line: (value) => ["valias", "-S", "--", value] },
  { kind: "shownAddress", line: (value) => ["valias", "-s", "--", value] },
  { kind: "aliasAddress", line: (value) => ["valias", "-i", "&ann@example.org", "--", value] },
  { kind: "aliasAddress", line: (value) => ["valias", "-d", "&ann@example.org", "--", value] },
  { kind: "alias", line: (value) => ["valias", "-i", value, "info@example.org"] },
  { kind: "alias", line: (value) => ["valias", "-u", value || "x", "-i", "&ann@example.org", "info@example.org"] },
  { kind: "domain", line: (value) => ["vcalias", "--", value] },
  { kind: "address", line: (value) => ["vacation", "--", value, "+"] },
  { kind: "file", line: (value) => ["vacation", ANN, value] },
  { kind: "domain", line: (value) => ["vbulletin", "-f", "/dev/null", "--", value] },
  { kind: "file", line: (value) => ["vbulletin", "-f", value, "example.org"] },
  { kind: "file", line: (value) => ["vbulletin", "-f", "/dev/null", "-e", value, "example.org"] },
  { kind: "file", line: (value) => ["vbulletin", "-f", "/dev/null", "-S", value] },
  { kind: "address", line: (value) => ["vcfilter", "-s", "--", value] },
  { kind: "address", line: (value) => ["vcfilter", "-i", ...RULE, "--", value] },
  { kind: "header", line: (value) => rule("-h", value) },
  { kind: "comparison", line: (value) => rule("-c", value) },
  { kind: "ruleText", line: (value) => rule("-k", value) },
  { kind: "ruleText", line: (value) => rule("-t", value) },
  { kind: "ruleFolder", line: (value) => rule("-f", value) },
  { kind: "bounce", line: (value) => rule("-b", value) },
  { kind: "ruleNumber", line: (value) => ["vcfilter", "-d", value, ANN] },
  { kind: "ruleNumber", line: (value) => ["vcfilter", "-u", value, "-k", "x", ANN] },
  { kind: "domain", line: (value) => ["vdeloldusers", "-r", "-d", value] },
  { kind: "days", line: (value) => ["vdeloldusers", "-r", "-a", value] },
  { kind: "days", line: (value) => ["vdeloldusers", "-r", "-u", value] },
  { kind: "days", line: (value) => ["vdeloldusers", "-r", "-t", value] },
  { kind: "trash", line: (value) => ["vdeloldusers", "-t", "1", "-m", value] },
  { kind: "domain", line: (value) => ["vreorg", "-d", value, "-"], stdin: () => "ann\n" },
  { kind: "levels", line: (value) => ["vreorg", "-l", value, "-d", "example.org", "-"], stdin: () => "ann\n" },
  { kind: "file", line: (value) => ["vreorg", "-d", "example.org", value] },
  { kind: "list", line: () => ["vreorg", "-d", "example.org", "-"], stdin: (value) => value },
  { kind: "file", line: (value) => ["vtable", value] },
];
