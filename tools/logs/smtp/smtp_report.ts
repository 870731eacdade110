/** Reads an SMTP log once for several tallies, and prints them as rows or as tables with explanation and titles. */
import type { Proc } from "../../../core/applet.ts";
import type { ByteReader } from "../../../core/stream.ts";
import { forEachLine } from "../lines.ts";
import { largestFirst, writeLines } from "../reports/report.ts";
import { alignRows } from "../table.ts";
import { tryParseSmtpLine, trySpamicity } from "./smtp_log.ts";
import type { SmtpTally } from "./smtp_tallies.ts";
import type { SpamicityHistogram } from "./spam_tallies.ts";

/** Reads all of `input`. */
export async function readSmtpLog(
  input: ByteReader,
  tallies: readonly SmtpTally[],
  histogram?: SpamicityHistogram,
): Promise<void> {
  const onLine = (line: string) => {
    if (histogram) {
      const spamicity = trySpamicity(line);
      if (spamicity !== undefined) histogram.add(spamicity);
    }
    if (tallies.length === 0) return;
    const event = tryParseSmtpLine(line);
    if (event) { for (const tally of tallies) tally.add(event); }
  };
  const rest = await forEachLine(input, onLine);
  if (rest !== "") onLine(rest);
}

/** One table of a report of several. */
export interface Section {
  readonly heading: string;
  readonly columns: readonly string[];
  /** Columns by which the rows are ordered, the largest first; none: as they are. */
  readonly order: readonly number[];
  readonly reasons?: boolean;
  rows(): string[][];
}

/** The tables one after the other, an empty line between. */
export async function printSections({ stdout }: Pick<Proc, "stdout">, sections: readonly Section[]): Promise<void> {
  for (const [at, section] of sections.entries()) {
    const rows = section.order.length === 0 ? section.rows() : largestFirst(section.rows(), section.order);
    const lines = alignRows([section.columns, ...rows]);
    const text = section.reasons ? lines.map((line) => line.replaceAll("_", " ")) : lines;
    await writeLines(stdout, [...at === 0 ? [] : [""], section.heading, ...text]);
  }
}

/** Reads standard input and prints the tally's rows. */
export async function printSmtpRows(proc: Pick<Proc, "stdin" | "stdout">, tally: SmtpTally): Promise<void> {
  await readSmtpLog(proc.stdin, [tally]);
  await writeLines(proc.stdout, tally.rows().map((row) => row.join(" ")));
}
