/**
 * Storing a password anew in a stronger form, only where the old form still stands: a password that was changed meanwhile
 * is never undone [decision 0073].
 */
import { type Database, type Queryable, type SqlValue, type TableNames, USUAL_TABLES } from "../database.ts";
import { sqlName } from "../tables/schema_ddl.ts";

/** The columns pw_passwd and scram of a user. */
export interface StoredPassword {
  readonly password: string;
  readonly scram: string;
}

/** One renewal. */
export interface PasswordRenewal {
  readonly name: string;
  readonly domain: string;
  readonly before: StoredPassword;
  readonly after: StoredPassword;
}

/** Widths of the columns, characters [spec tables]. */
export const STORED_CHARACTERS_MAX = { password: 128, scram: 255 } as const;

/** Renewals in the local database. */
export class PasswordRenewals {
  readonly #database: Database;
  readonly #statements: readonly string[];

  constructor(database: Database, tables: TableNames = USUAL_TABLES) {
    this.#database = database;
    // HEX, as a server compares texts without regard to case
    this.#statements = [tables.users, tables.inactiveUsers].map((table) =>
      `UPDATE ${sqlName(table)} SET pw_passwd = ?, scram = ? WHERE pw_name = ? AND pw_domain = ? AND ` +
      "HEX(pw_passwd) = HEX(?) AND HEX(COALESCE(scram, '')) = HEX(?)"
    );
  }

  /** Renews all in one transaction; those that took place. */
  async apply(renewals: readonly PasswordRenewal[]): Promise<readonly PasswordRenewal[]> {
    if (renewals.length === 0) return [];
    return await this.#database.transaction(async (on) => {
      const applied: PasswordRenewal[] = [];
      for (const renewal of renewals) if (await this.#applyOne(on, renewal)) applied.push(renewal);
      return applied;
    });
  }

  async #applyOne(on: Queryable, { name, domain, before, after }: PasswordRenewal): Promise<boolean> {
    const scram = after.scram === "" ? null : after.scram;
    const values: SqlValue[] = [after.password, scram, name, domain, before.password, before.scram];
    for (const statement of this.#statements) if (await on.run(statement, values) > 0) return true;
    return false;
  }
}
