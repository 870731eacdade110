/**
 * The rows that a domain of vpopmail becomes, table by table: users, aliases, limits, addresses of the host, last logins.
 * What cannot be a row is told of with its place.
 */
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type Row, timestampText } from "../../storage/accounts/database.ts";
import type { BadLine } from "./adopt_types.ts";
import { type ExchangeTable, exchangeTable } from "./exchange_tables.ts";
import { readText } from "./qmail_files.ts";
import { indimailRow, lastauthRow, limitsRow, parseVpopmailLimits } from "./vpopmail_records.ts";
import type { VpopmailDomain, VpopmailSource } from "./vpopmail_source.ts";

/** A row for a table, or what is wrong. */
export type DomainRow =
  | {
    readonly kind: "row";
    readonly table: ExchangeTable;
    readonly row: Row;
    readonly place: string;
    readonly notes: readonly string[];
  }
  | { readonly kind: "bad"; readonly bad: BadLine };

/** How rows are made. */
export interface RowOptions {
  readonly keepClearText: boolean;
  /** Seconds since 1970, for rows that are made now. */
  readonly seconds: number;
}

/** Width of valias_line and its name's [spec tables]. */
const ALIAS_LINE_MAX = 190;
const ALIAS_MAX = 40;
const LIMITS_FILE = ".qmailadmin-limits";

function table(name: string): ExchangeTable {
  const found = exchangeTable(name);
  if (!found) throw new Permanent(`no table ${name}`);
  return found;
}

/** All rows of a domain. */
export async function* domainRows(
  source: VpopmailSource,
  domain: VpopmailDomain,
  options: RowOptions,
): AsyncGenerator<DomainRow> {
  yield* userRows(source, domain, options);
  yield* aliasRows(source, domain, options);
  yield* limitRows(source, domain, options);
  const timestamp = timestampText(options.seconds);
  for await (const row of source.tableRows("ip_alias_map", domain.name)) {
    const ipaddr = String(row["ip_addr"] ?? "").trim();
    const made = { ipaddr, domain: domain.name, timestamp };
    yield { kind: "row", table: table("ip_alias_map"), row: made, place: `table ip_alias_map, ${ipaddr}`, notes: [] };
  }
  yield* loginRows(source, domain);
}

async function* userRows(
  source: VpopmailSource,
  domain: VpopmailDomain,
  options: RowOptions,
): AsyncGenerator<DomainRow> {
  const users = table("indimail");
  const { keepClearText } = options;
  const timestamp = timestampText(options.seconds);
  for await (const { place, user, wrong } of source.users(domain)) {
    if (!user) {
      yield { kind: "bad", bad: { place, text: wrong } };
      continue;
    }
    try {
      const { row, notes } = indimailRow(user, domain.name, { keepClearText, timestamp });
      yield { kind: "row", table: users, row, place, notes };
    } catch (error) {
      if (!(error instanceof Permanent)) throw error;
      yield { kind: "bad", bad: { place, text: error.message } };
    }
  }
}

async function* aliasRows(
  source: VpopmailSource,
  domain: VpopmailDomain,
  { seconds }: RowOptions,
): AsyncGenerator<DomainRow> {
  const aliases = table("valias");
  const timestamp = timestampText(seconds);
  for await (const row of source.tableRows("valias", domain.name)) {
    const [alias, line] = [String(row["alias"]).toLowerCase(), String(row["valias_line"]).trimEnd()];
    const place = `table valias, ${alias}@${domain.name}`;
    if ([...line].length > ALIAS_LINE_MAX || [...alias].length > ALIAS_MAX || /\p{Cc}/u.test(line)) {
      yield { kind: "bad", bad: { place, text: `not an alias line of at most ${ALIAS_LINE_MAX} characters` } };
    } else {
      const made = { alias, domain: domain.name, valias_line: line, timestamp };
      yield { kind: "row", table: aliases, row: made, place, notes: [] };
    }
  }
}

async function* limitRows(
  source: VpopmailSource,
  domain: VpopmailDomain,
  { seconds }: RowOptions,
): AsyncGenerator<DomainRow> {
  const path = `${domain.directory}/${LIMITS_FILE}`;
  let limits = pathExists(path) ? parseVpopmailLimits(readText(path)) : undefined;
  for await (const row of source.tableRows("limits", domain.name)) {
    limits = new Map(Object.entries(row).map(([name, value]) => [name, Number(value)] as const));
  }
  if (!limits) return;
  const row = limitsRow(domain.name, limits, timestampText(seconds));
  yield { kind: "row", table: table("vlimits"), row, place: path, notes: ["limits"] };
}

async function* loginRows(source: VpopmailSource, domain: VpopmailDomain): AsyncGenerator<DomainRow> {
  const lastauth = table("lastauth");
  if (domain.users.kind === "mysql") {
    for await (const row of source.tableRows("lastauth", domain.name)) {
      const user = { name: String(row["user"]), domain: domain.name, gecos: "" };
      const login = { remoteIp: String(row["remote_ip"]), seconds: Number(row["timestamp"]) };
      yield { kind: "row", table: lastauth, row: lastauthRow(user, login), place: "table lastauth", notes: [] };
    }
    return;
  }
  for await (const { user, place } of source.users(domain)) {
    const path = `${user?.home}/lastauth`;
    if (!user || !pathExists(path)) continue;
    const seconds = Math.floor((Deno.statSync(path).mtime?.getTime() ?? 0) / 1000);
    const row = lastauthRow({ ...user, domain: domain.name }, { remoteIp: readText(path), seconds });
    yield { kind: "row", table: lastauth, row, place, notes: [] };
  }
}
