/** Prints tallies: bare rows as they come, or a table with explanation, titles and the largest first. */
import type { Proc } from "../../../core/applet.ts";
import { TextWriter } from "../lines.ts";
import { readRecords } from "../read_records.ts";
import { alignRows } from "../table.ts";
import type { Tally } from "./tallies.ts";

/** Rows that go out in one write. */
const ROWS_AT_ONCE = 4096;

/** A table for people. */
export interface TableReport {
  readonly tally: Tally;
  /** What the table is and what its columns mean. */
  readonly heading: string;
  readonly columns: readonly string[];
  /** Columns by which it is ordered, the largest first, from 0. */
  readonly order: readonly number[];
  /** The last column is a reason in safe form: its underscores were blanks. */
  readonly reasons?: boolean;
}

type Streams = Pick<Proc, "stdin" | "stdout">;

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Rows with the largest numbers in those columns first; equal ones by their text, backwards. */
export function largestFirst(rows: readonly string[][], order: readonly number[]): string[][] {
  const keyed = rows.map((row) => ({ row, keys: order.map((column) => Number(row[column])) }));
  keyed.sort((a, b) => {
    for (let at = 0; at < order.length; at++) {
      const difference = (b.keys[at] ?? 0) - (a.keys[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return compareTexts(b.row.join(" "), a.row.join(" "));
  });
  return keyed.map(({ row }) => row);
}

/** Reads all records and prints the rows. */
export async function printRows({ stdin, stdout }: Streams, tally: Tally): Promise<void> {
  await readRecords(stdin, tally);
  await writeLines(stdout, tally.rows().map((row) => row.join(" ")));
}

/** Reads all records and prints the table. */
export async function printTable({ stdin, stdout }: Streams, report: TableReport): Promise<void> {
  await readRecords(stdin, report.tally);
  await writeLines(stdout, tableLines(report));
}

/** The lines of a table whose tally is complete. */
export function tableLines(report: TableReport): string[] {
  const rows = largestFirst(report.tally.rows(), report.order);
  const lines = alignRows([report.columns, ...rows]);
  return [report.heading, ...report.reasons ? lines.map((line) => line.replaceAll("_", " ")) : lines];
}

/** Writes lines in large pieces. */
export async function writeLines(stdout: Proc["stdout"], lines: readonly string[]): Promise<void> {
  const out = new TextWriter(stdout);
  for (let at = 0; at < lines.length; at += ROWS_AT_ONCE) {
    for (const line of lines.slice(at, at + ROWS_AT_ONCE)) out.line(line);
    await out.flush();
  }
}
