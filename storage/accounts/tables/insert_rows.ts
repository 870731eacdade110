/**
 * Many rows by few statements. A statement stays prepared in the driver, so rows go in runs of a few fixed lengths and
 * not as they come.
 */
import type { Queryable, SqlValue } from "../database.ts";

/** Rows of one statement, greatest first: 128 of 9 columns are far below the limits of both drivers. */
const RUN_LENGTHS = [128, 16, 4, 1] as const;

/** Where rows go; columns and table are constants of the program. */
export interface RowTarget {
  readonly verb: "INSERT" | "REPLACE";
  readonly table: string;
  /** Names with commas. */
  readonly columns: string;
}

/** Cuts a list into runs of the lengths that statements are kept for. */
export function* runsOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length;) {
    const length = RUN_LENGTHS.find((one) => one <= items.length - at) ?? 1;
    yield items.slice(at, at + length);
    at += length;
  }
}

/** Inserts rows, each with a value for each column. Throws what the driver throws: none or some of them are in then. */
export async function insertRows(on: Queryable, to: RowTarget, rows: readonly (readonly SqlValue[])[]): Promise<void> {
  const marks = `(${to.columns.split(",").map(() => "?").join(", ")})`;
  for (const run of runsOf(rows)) {
    const values = run.map(() => marks).join(", ");
    await on.run(`${to.verb} INTO ${to.table} (${to.columns}) VALUES ${values}`, run.flat());
  }
}
