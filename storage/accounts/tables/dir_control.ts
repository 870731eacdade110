/**
 * State of the adaptive directory tree of users' homes: one table for each file system and letter range, one row a
 * domain [spec tables, dir_control] [spec formats 23]. user_dir.ts has the rules.
 */
import { type Database, numberOf, type Queryable, textOf } from "../database.ts";
import { sqlName } from "./schema_ddl.ts";

/** Where the next home goes. Levels are lists of three, outermost last filled as the original does. */
export interface DirControl {
  readonly users: number;
  readonly levelCurrent: number;
  readonly levelMax: number;
  readonly start: readonly [number, number, number];
  readonly end: readonly [number, number, number];
  readonly mod: readonly [number, number, number];
  readonly index: readonly [number, number, number];
  readonly directory: string;
}

/** The row of a domain without users [spec tables, dir_control]. */
export const DIR_CONTROL_START: DirControl = {
  users: 0,
  levelCurrent: 0,
  levelMax: 3,
  start: [0, 0, 0],
  end: [61, 61, 61],
  mod: [0, 2, 4],
  index: [0, 0, 0],
  directory: "",
};

const LEVELS = ["start", "end", "mod", "index"] as const;
const COLUMNS = [
  "cur_users",
  "level_cur",
  "level_max",
  ...LEVELS.flatMap((part) => [0, 1, 2].map((level) => `level_${part}${level}`)),
  "the_dir",
];

/** The table of a file system and letter range: `_home_A2E` gives dir_control_home_A2E; the root's has no prefix. */
export function dirControlTable(suffix: string): string {
  return `dir_control${suffix}`.replace(/[^A-Za-z0-9_]/g, "_").slice(0, 64);
}

/** The directory states of the local database. */
export class DirControls {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The state of a domain; the start where it has none. Inside a transaction the row is locked for it. */
  async find(suffix: string, domain: string, on?: Queryable): Promise<DirControl> {
    // SQLite's transactions exclude each other as a whole
    const lock = on?.kind === "mysql" ? " FOR UPDATE" : "";
    const [row] = await (on ?? this.#database).query(
      `SELECT ${COLUMNS.join(", ")} FROM ${sqlName(dirControlTable(suffix))} WHERE domain = ?${lock}`,
      [domain],
    );
    if (!row) return DIR_CONTROL_START;
    const levels = (part: string): [number, number, number] => [
      numberOf(row, `level_${part}0`),
      numberOf(row, `level_${part}1`),
      numberOf(row, `level_${part}2`),
    ];
    return {
      users: numberOf(row, "cur_users"),
      levelCurrent: numberOf(row, "level_cur"),
      levelMax: numberOf(row, "level_max"),
      start: levels("start"),
      end: levels("end"),
      mod: levels("mod"),
      index: levels("index"),
      directory: textOf(row, "the_dir"),
    };
  }

  /** Keeps the state of a domain. */
  async set(suffix: string, domain: string, state: DirControl, on: Queryable = this.#database): Promise<void> {
    const marks = COLUMNS.map(() => "?").join(", ");
    await on.run(
      `REPLACE INTO ${sqlName(dirControlTable(suffix))} (domain, ${COLUMNS.join(", ")}) VALUES (?, ${marks})`,
      [
        domain,
        state.users,
        state.levelCurrent,
        state.levelMax,
        ...LEVELS.flatMap((part) => [...state[part]]),
        state.directory,
      ],
    );
  }

  /** Reads a state, has it changed and keeps the result, as one transaction. */
  async change<T>(
    suffix: string,
    domain: string,
    change: (state: DirControl) => { readonly state: DirControl; readonly result: T },
  ): Promise<T> {
    return await this.#database.transaction(async (on) => {
      const { state, result } = change(await this.find(suffix, domain, on));
      await this.set(suffix, domain, state, on);
      return result;
    });
  }

  /** Forgets a domain. */
  async remove(suffix: string, domain: string): Promise<void> {
    await this.#database.run(`DELETE FROM ${sqlName(dirControlTable(suffix))} WHERE domain = ?`, [domain]);
  }
}
