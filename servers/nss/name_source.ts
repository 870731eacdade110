/**
 * Answers of the database to questions about names [man nssd.conf.5]: the statement of a question, run with the name bound,
 * its rows checked. What would break a line of a passwd file, or is no number where one belongs, is left out or made
 * harmless: users write their own comments into the database.
 */
import { Temporary } from "../../core/errors.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { boundValues, columnTexts, withColumns } from "../../storage/accounts/tables/sql_template.ts";
import { FIELD_COUNTS, type NameQuery } from "./protocol.ts";
import { type NssSettings, QUERY_KEYS } from "./settings.ts";

/** Questions that wait for their turn; above it they fail at once. */
export const WAITING_MAX = 1024;

/** What a source needs. */
export interface NameSourceParts {
  readonly database: Database;
  readonly settings: Pick<NssSettings, "statements" | "threads">;
  /** Domain of a name without one. */
  readonly defaultDomain: string;
  readonly log: (level: "warning" | "debug", text: string) => void;
}

/** Questions whose key is a number: anything else finds nothing, for MySQL takes every text for 0. */
const NUMBERED: ReadonlySet<NameQuery> = new Set(["passwdByUid", "groupByGid", "membersOfGid"]);
/** Columns that are numbers, and the one that is free text, by question. */
const PASSWD = { numbers: [2, 3], free: 4, secret: 1 };
const GROUP = { numbers: [2], free: -1, secret: 1 };
const SHADOW = { numbers: [], free: -1, secret: 1 };
const SHAPES: Readonly<Record<NameQuery, { numbers: readonly number[]; free: number; secret: number }>> = {
  passwdByName: PASSWD,
  passwdByUid: PASSWD,
  passwdAll: PASSWD,
  groupByName: GROUP,
  groupByGid: GROUP,
  groupAll: GROUP,
  membersOfGid: { numbers: [], free: -1, secret: -1 },
  gidsOfMember: { numbers: [0], free: -1, secret: -1 },
  shadowByName: SHADOW,
  shadowAll: SHADOW,
};
/** What separates fields and lines, and other controls. */
// deno-lint-ignore no-control-regex -- names come from a database, where they may hold anything
const BREAKING = /[:\x00-\x1f\x7f]/;
/** Largest number of a user or group, but for the two that mean "none". */
const ID_MAX = 0xffff_fffe;

/** The parts of a name at its last `@`. */
export function splitName(name: string, defaultDomain: string): { readonly user: string; readonly domain: string } {
  const at = name.lastIndexOf("@");
  return at < 0 ? { user: name, domain: defaultDomain } : { user: name.slice(0, at), domain: name.slice(at + 1) };
}

/** True for the text of a user's or group's number. */
export function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < ID_MAX;
}

/** A record that cannot break a line; undefined when there is none. */
export function safeRecord(fields: readonly string[], query: NameQuery): readonly string[] | undefined {
  const { numbers, free, secret } = SHAPES[query];
  const safe: string[] = [];
  for (const [column, text] of fields.entries()) {
    if (!BREAKING.test(text)) safe.push(text);
    else if (column === free) safe.push(text.replaceAll(new RegExp(BREAKING, "g"), " "));
    else if (column === secret) safe.push("!"); // no password matches it
    else return undefined;
  }
  return safe[0] === "" || numbers.some((column) => !isId(safe[column] ?? "")) ? undefined : safe;
}

/** The database as a source of names. */
export class NameSource {
  readonly #parts: NameSourceParts;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #running = 0;

  constructor(parts: NameSourceParts) {
    this.#parts = parts;
  }

  /** Whether there is a statement for a question. */
  has(query: NameQuery): boolean {
    return this.#parts.settings.statements.has(query);
  }

  /** The records for a key; none where there is no statement. Throws Temporary when the database cannot be asked. */
  async ask(query: NameQuery, key = ""): Promise<readonly (readonly string[])[]> {
    const { database, settings, defaultDomain, log } = this.#parts;
    const statement = settings.statements.get(query);
    if (!statement || (NUMBERED.has(query) && !isId(key)) || key.includes("\0")) return [];
    const { user, domain } = splitName(key, defaultDomain);
    const count = FIELD_COUNTS[query];
    const values = boundValues(statement, { 1: user, 2: domain });
    log("debug", `${QUERY_KEYS[query]} ${JSON.stringify(key)}`);
    const rows = await this.#inTurn(() => database.query(withColumns(statement.sql, count), values));
    const records: (readonly string[])[] = [];
    for (const row of rows) {
      const record = safeRecord(columnTexts(row, count).map((text) => text ?? ""), query);
      if (record) records.push(record);
    }
    if (records.length < rows.length) {
      log(
        "warning",
        `${QUERY_KEYS[query]}: ${rows.length - records.length} rows left out: no name, number or plain text`,
      );
    }
    return records;
  }

  /** Resolves when no question is being answered. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#parts.settings.threads) this.#running++;
    else {
      if (this.#waiting.length >= WAITING_MAX) throw new Temporary(`more than ${WAITING_MAX} questions wait`);
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else if (--this.#running === 0) this.#idle.splice(0).forEach((resolve) => resolve());
    }
  }
}
