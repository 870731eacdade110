/**
 * Every table of the original's two databases as data: columns, widths, keys [spec tables]. schema_ddl.ts makes CREATE
 * TABLE statements of it for both drivers; nothing else knows a column's type.
 */

/** One column. `width` is in characters; `null` allows NULL. */
export interface Column {
  readonly name: string;
  readonly type:
    | "char"
    | "varchar"
    | "text"
    | "tinyint"
    | "smallint"
    | "int"
    | "bigint"
    | "unsigned"
    | "id"
    | "changed"
    | "made";
  readonly width?: number;
  readonly null?: true;
  readonly default?: number;
}

/** One table. Keys are lists of column names; an index column may have a prefix length `pw_gecos(25)`. */
export interface Table {
  readonly name: string;
  readonly database: "local" | "central" | "both";
  readonly columns: readonly Column[];
  readonly primary?: readonly string[];
  readonly unique?: readonly (readonly string[])[];
  readonly indexes?: readonly (readonly string[])[];
}

const char = (name: string, width: number): Column => ({ name, type: "char", width });
const optionalChar = (name: string, width: number): Column => ({ name, type: "char", width, null: true });
const int = (name: string): Column => ({ name, type: "int" });
const optionalInt = (name: string): Column => ({ name, type: "int", null: true });
/** A number of vlimits: nullable with a default. */
const limit = (name: string, type: Column["type"], fallback: number): Column => ({
  name,
  type,
  null: true,
  default: fallback,
});
/** Set at creation and at every update. */
const CHANGED: Column = { name: "timestamp", type: "changed" };
/** Set at creation only. */
const MADE: Column = { name: "timestamp", type: "made" };

/** Columns of indimail and indibak. */
const USER_COLUMNS: readonly Column[] = [
  char("pw_name", 40),
  char("pw_domain", 67),
  char("pw_passwd", 128),
  optionalInt("pw_uid"),
  optionalInt("pw_gid"),
  char("pw_gecos", 48),
  optionalChar("pw_dir", 156),
  optionalChar("pw_shell", 30),
  optionalChar("scram", 255),
  CHANGED,
];
const USER_KEYS = {
  primary: ["pw_name", "pw_domain"],
  // the last is ours: the users of a domain stand together in it, which the original's keys do not give
  indexes: [["pw_gecos(25)"], ["pw_uid"], ["pw_domain", "pw_name"]],
} as const;

const VLIMITS_COLUMNS: readonly Column[] = [
  char("domain", 67),
  ...[
    "domain_expiry",
    "passwd_expiry",
    "maxpopaccounts",
    "maxaliases",
    "maxforwards",
    "maxautoresponders",
    "maxmailinglists",
  ]
    .map((name) => limit(name, "int", -1)),
  limit("diskquota", "unsigned", 0),
  limit("maxmsgcount", "unsigned", 0),
  limit("defaultquota", "bigint", 0),
  limit("defaultmaxmsgcount", "unsigned", 0),
  ...["pop", "imap", "dialup", "passwordchanging", "webmail", "relay", "smtp"]
    .map((service) => limit(`disable_${service}`, "tinyint", 0)),
  ...["account", "alias", "forward", "autoresponder"].map((right) => limit(`perm_${right}`, "tinyint", 0)),
  limit("perm_maillist", "smallint", 0),
  limit("perm_quota", "tinyint", 0),
  limit("perm_defaultquota", "tinyint", 0),
  CHANGED,
];

/** Columns of each dir_control table: levels 0 to 2 of the directory tree. */
const DIR_CONTROL_COLUMNS: readonly Column[] = [
  char("domain", 67),
  optionalInt("cur_users"),
  optionalInt("level_cur"),
  optionalInt("level_max"),
  ...["start", "end", "mod", "index"].flatMap((part) => [0, 1, 2].map((level) => optionalInt(`level_${part}${level}`))),
  optionalChar("the_dir", 156),
  CHANGED,
];

const FSTAB_COLUMNS: readonly Column[] = [
  char("filesystem", 64),
  char("host", 64),
  int("status"),
  ...["max_users", "cur_users", "max_size", "cur_size"].map((name): Column => ({ name, type: "bigint" })),
  CHANGED,
];

/** An address list of chowkidar. */
const emailList = (name: string): Table => ({
  name,
  database: "central",
  columns: [char("email", 64), CHANGED],
  primary: ["email"],
});

/** The tables, by their usual names. */
export const TABLES: readonly Table[] = [
  { name: "indimail", database: "local", columns: USER_COLUMNS, ...USER_KEYS },
  { name: "indibak", database: "local", columns: USER_COLUMNS, ...USER_KEYS },
  {
    name: "valias",
    database: "local",
    columns: [char("alias", 40), char("domain", 67), char("valias_line", 190), CHANGED],
    unique: [["alias", "domain", "valias_line"]],
    indexes: [["alias", "domain"]],
  },
  { name: "vlimits", database: "local", columns: VLIMITS_COLUMNS, primary: ["domain"] },
  {
    name: "userquota",
    database: "local",
    columns: [char("user", 40), char("domain", 67), { name: "quota", type: "unsigned" }, MADE],
    primary: ["user", "domain"],
    indexes: [["quota"]],
  },
  {
    name: "relay",
    database: "local",
    columns: [char("email", 96), char("ipaddr", 46), int("timestamp")],
    unique: [["email", "ipaddr"]],
    indexes: [["ipaddr"], ["timestamp"]],
  },
  {
    name: "lastauth",
    database: "local",
    columns: [
      char("user", 40),
      char("domain", 67),
      char("service", 10),
      char("remote_ip", 46),
      int("quota"),
      char("gecos", 48),
      MADE,
    ],
    primary: ["user", "domain", "service"],
    indexes: [["gecos"], ["quota"], ["timestamp"]],
  },
  {
    name: "atrn_map",
    database: "local",
    columns: [char("pw_name", 40), char("pw_domain", 67), optionalChar("domain_list", 67), CHANGED],
    unique: [["pw_name", "pw_domain", "domain_list"]],
  },
  { name: "dir_control", database: "local", columns: DIR_CONTROL_COLUMNS, unique: [["domain"]] },
  { name: "fstab", database: "both", columns: FSTAB_COLUMNS, primary: ["filesystem", "host"], indexes: [["status"]] },
  {
    name: "ip_alias_map",
    database: "local",
    columns: [char("ipaddr", 46), optionalChar("domain", 67), CHANGED],
    primary: ["ipaddr"],
  },
  {
    name: "vfilter",
    database: "local",
    columns: [
      char("emailid", 107),
      { name: "filter_no", type: "smallint" },
      char("filter_name", 32),
      { name: "header_name", type: "smallint" },
      { name: "comparision", type: "tinyint" },
      char("keyword", 64),
      char("destination", 156),
      char("bounce_action", 64),
      CHANGED,
    ],
    primary: ["emailid", "filter_no"],
    unique: [["emailid", "header_name", "comparision", "keyword", "destination"]],
  },
  {
    name: "vlog",
    database: "local",
    columns: [
      { name: "id", type: "id" },
      optionalChar("user", 40),
      optionalChar("passwd", 28),
      optionalChar("domain", 67),
      optionalChar("logon", 32),
      optionalChar("remoteip", 46),
      { name: "message", type: "varchar", width: 254, null: true },
      MADE,
      optionalInt("error"),
    ],
    indexes: [["user"], ["domain"], ["remoteip"], ["error"], ["message"]],
  },
  {
    name: "bulkmail",
    database: "local",
    columns: [char("emailid", 107), char("filename", 64), { name: "zztimestamp", type: "changed" }],
    primary: ["emailid", "filename"],
  },
  {
    name: "ischema",
    database: "local",
    columns: [{ name: "id", type: "id" }, { name: "comment", type: "text" }, CHANGED],
  },
  {
    name: "hostcntrl",
    database: "central",
    columns: [char("pw_name", 40), char("pw_domain", 67), char("pw_passwd", 128), char("host", 64), MADE],
    primary: ["pw_name", "pw_domain"],
  },
  {
    name: "host_table",
    database: "central",
    columns: [char("host", 64), char("ipaddr", 46), CHANGED],
    primary: ["host"],
    indexes: [["ipaddr"]],
  },
  {
    name: "smtp_port",
    database: "central",
    columns: [char("host", 64), char("src_host", 64), char("domain", 64), optionalInt("port"), CHANGED],
    primary: ["domain", "host", "src_host"],
  },
  {
    name: "dbinfo",
    database: "central",
    columns: [
      char("filename", 128),
      char("domain", 64),
      int("distributed"),
      char("server", 28),
      char("mdahost", 28),
      int("port"),
      { name: "use_ssl", type: "int", default: 0 },
      char("dbname", 28),
      char("user", 28),
      char("passwd", 28),
      CHANGED,
    ],
    unique: [["filename", "domain", "server", "mdahost", "port", "dbname", "user", "passwd"]],
    indexes: [["domain"]],
  },
  {
    name: "mgmtaccess",
    database: "central",
    columns: [
      char("user", 32),
      char("pass", 128),
      int("pw_uid"),
      int("pw_gid"),
      int("lastaccess"),
      int("lastupdate"),
      char("day", 2),
      int("attempts"),
      char("status", 2),
      { name: "zztimestamp", type: "changed" },
    ],
    unique: [["user"]],
  },
  {
    name: "vpriv",
    database: "central",
    columns: [char("user", 32), char("program", 64), optionalChar("cmdswitches", 128), CHANGED],
    primary: ["user", "program"],
  },
  {
    name: "aliasdomain",
    database: "central",
    columns: [char("alias", 64), optionalChar("domain", 67), CHANGED],
    primary: ["alias"],
  },
  {
    name: "spam",
    database: "central",
    columns: [char("email", 64), int("spam_count"), CHANGED],
    indexes: [["email"], ["spam_count"], ["timestamp"]],
  },
  emailList("badmailfrom"),
  emailList("badrcptto"),
  emailList("spamdb"),
];

/** The layout of the table with this name; a dir_control table has its file system's suffix in its name. */
export function tableOf(name: string): Table | undefined {
  const usual = name.startsWith("dir_control") ? "dir_control" : name;
  const table = TABLES.find((one) => one.name === usual);
  return table && table.name !== name ? { ...table, name } : table;
}
