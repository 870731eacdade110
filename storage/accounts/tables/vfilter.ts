/** Filter rules of users: table vfilter [spec tables] [spec formats 24]. What they mean: mail/filter. */
import type { FilterRule } from "../../../mail/filter/rules.ts";
import { type Database, DuplicateRow, numberOf, textOf } from "../database.ts";

const COLUMNS = "emailid, filter_no, filter_name, header_name, comparision, keyword, destination, bounce_action";

/** The rules of the local database. */
export class FilterRules {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The rules of an address in their order. */
  async list(address: string): Promise<readonly FilterRule[]> {
    const rows = await this.#database.query(`SELECT ${COLUMNS} FROM vfilter WHERE emailid = ? ORDER BY filter_no`, [
      address,
    ]);
    return rows.map((row) => ({
      address: textOf(row, "emailid"),
      number: numberOf(row, "filter_no"),
      name: textOf(row, "filter_name"),
      header: numberOf(row, "header_name"),
      comparison: numberOf(row, "comparision"),
      keyword: textOf(row, "keyword"),
      destination: textOf(row, "destination"),
      bounceAction: textOf(row, "bounce_action"),
    }));
  }

  /** Adds a rule with the number given. */
  async add(rule: FilterRule): Promise<"added" | "exists"> {
    try {
      await this.#database.run(`INSERT INTO vfilter (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, valuesOf(rule));
      return "added";
    } catch (error) {
      if (error instanceof DuplicateRow) return "exists";
      throw error;
    }
  }

  /** Replaces the rule of that number. */
  async set(rule: FilterRule): Promise<void> {
    await this.#database.run(`REPLACE INTO vfilter (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`, valuesOf(rule));
  }

  /** The first number that no rule of the address has, from 0. */
  async freeNumber(address: string): Promise<number> {
    const taken = new Set((await this.list(address)).map((rule) => rule.number));
    let number = 0;
    while (taken.has(number)) number++;
    return number;
  }

  /** Removes a rule, or all of the address; the number of rules removed. */
  async remove(address: string, number?: number): Promise<number> {
    return number === undefined
      ? await this.#database.run("DELETE FROM vfilter WHERE emailid = ?", [address])
      : await this.#database.run("DELETE FROM vfilter WHERE emailid = ? AND filter_no = ?", [address, number]);
  }
}

function valuesOf(rule: FilterRule): (string | number)[] {
  return [
    rule.address,
    rule.number,
    rule.name,
    rule.header,
    rule.comparison,
    rule.keyword,
    rule.destination,
    rule.bounceAction,
  ];
}
