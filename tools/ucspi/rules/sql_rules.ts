/** Rules in a MySQL table, for -m [man tcpserver.1]: columns iprule (with * ? and ranges), decision (D denies) and env. */
import type { Proc } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import type { MoreRules } from "../server/admission.ts";
import { readByteLines } from "../byte_lines.ts";
import type { EnvironmentChange } from "../peer/peer_environment.ts";

/** Rows that are read. */
const ROWS_MAX = 100_000;
/** How long rows are believed. */
const KEPT_MS = 10_000;

/** One row. */
export interface SqlRule {
  readonly pattern: string;
  readonly decision: string;
  readonly env: string;
}

/** Where the table is: host:user:password:database:table. Throws Usage. */
export function parseSqlFile(text: string) {
  const [host = "", user = "", password = "", database = "", table = ""] = text.trim().split(":");
  if (!/^\w+$/.test(table) || database === "") {
    throw new Usage("option -m: the file is not of the form host:user:password:database:table");
  }
  return { host, user, password, database, table };
}

/** True when the address fits: numbers, * for any, ? for one digit, 10-20 for a range. */
export function fitsPattern(ip: string, pattern: string): boolean {
  const [numbers, parts] = [ip.split("."), pattern.split(".")];
  if (numbers.length !== parts.length) return false;
  return parts.every((part, at) => {
    const number = numbers[at]!;
    const [, from, to] = /^(\d+)-(\d+)$/.exec(part) ?? [];
    if (from !== undefined) return Number(number) >= Number(from) && Number(number) <= Number(to);
    const text = part.replace(/[^\d*?]/g, "").replaceAll("*", "\\d*").replaceAll("?", "\\d");
    return new RegExp(`^${text}$`).test(number);
  });
}

/** What the first fitting row says. */
export function sqlVerdict(rules: readonly SqlRule[], ip: string) {
  const rule = rules.find(({ pattern }) => fitsPattern(ip, pattern));
  if (!rule) return undefined;
  const settings: EnvironmentChange = {};
  for (const word of rule.env.split(",")) {
    const equals = word.indexOf("=");
    if (equals > 0) settings[word.slice(0, equals).trim()] = word.slice(equals + 1);
  }
  return { deny: rule.decision === "D", settings };
}

/** Opens the table that `path` names. Throws Usage or Temporary. */
export async function openSqlRules(path: string, proc: Proc): Promise<MoreRules> {
  const place = parseSqlFile(
    await Deno.readTextFile(path).catch((error) => {
      throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
    }),
  );
  let kept: { readonly rules: readonly SqlRule[]; readonly untilMs: number } | undefined;
  return {
    async find(ip) {
      if (!kept || kept.untilMs < performance.now()) {
        kept = { rules: await readRules(place, proc), untilMs: performance.now() + KEPT_MS };
      }
      return sqlVerdict(kept.rules, ip);
    },
  };
}

/** Asks the command-line client of MySQL or MariaDB; the password goes by its environment variable. */
async function readRules(place: ReturnType<typeof parseSqlFile>, proc: Proc): Promise<SqlRule[]> {
  const timeout = proc.env.get("MYSQL_TIMEOUT") ?? "";
  const limit = /^[1-9]\d{0,5}$/.test(timeout) ? [`--connect-timeout=${timeout}`] : [];
  const to = place.host.startsWith("/") ? [`--socket=${place.host}`] : [`--host=${place.host}`];
  const query = `SELECT iprules, decision, env FROM ${place.table} LIMIT ${ROWS_MAX}`;
  const child = await proc.spawn({
    program: "mysql",
    args: [
      ...to,
      ...limit,
      `--user=${place.user}`,
      "--batch",
      "--skip-column-names",
      `--execute=${query}`,
      place.database,
    ],
    env: { ...proc.env.all(), MYSQL_PWD: place.password },
    fds: { 0: "null", 1: "pipe-out", 2: 2 },
  });
  const output = child.readers.get(1)!;
  const rules: SqlRule[] = [];
  try {
    await readByteLines(output, (lines) => {
      for (const line of lines) {
        const [pattern = "", decision = "", env = ""] = new TextDecoder().decode(line).split("\t");
        rules.push({ pattern, decision, env: env === "NULL" ? "" : env });
      }
    });
  } finally {
    output.close();
  }
  const { code } = await child.ended;
  if (code !== 0) throw new Temporary(`the client program mysql ended with ${code} for ${place.host}`);
  return rules;
}
