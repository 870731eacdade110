/**
 * What every report reads: matchup's records, or the log itself, line by line as it comes. A message or a delivery that
 * the log does not finish is not counted.
 */
import type { ByteReader } from "../../core/stream.ts";
import { forEachLine } from "./lines.ts";
import { LogMatcher, type RecordSink } from "./matcher.ts";
import { parseLogLine } from "./qmail_log.ts";
import { tryParseDelivery, tryParseMessage } from "./records.ts";

/** Who takes what a report reads. */
export interface ReportSink extends RecordSink {
  /** A line that is neither record nor log: what matchup copied, and anything else. */
  other?(line: string): void;
}

const LETTER_M = 109;
const LETTER_D = 100;
const BLANK = 32;

/** Reads all of `input`. `afterRead` is called after each large read, for what is to be written meanwhile. */
export async function readRecords(
  input: ByteReader,
  sink: ReportSink,
  afterRead?: () => Promise<void> | void,
): Promise<void> {
  const matcher = new LogMatcher(sink);
  const onLine = (line: string) => {
    const first = line.charCodeAt(1) === BLANK ? line.charCodeAt(0) : 0;
    if (first === LETTER_D) {
      const record = tryParseDelivery(line);
      if (record) return sink.delivery(record);
    } else if (first === LETTER_M) {
      const record = tryParseMessage(line);
      if (record) return sink.message(record);
    } else {
      const event = parseLogLine(line);
      if (event.kind !== "unknown" && event.kind !== "warning") return matcher.push(event);
    }
    sink.other?.(line);
  };
  const rest = await forEachLine(input, onLine, afterRead);
  if (rest !== "") onLine(rest);
}
