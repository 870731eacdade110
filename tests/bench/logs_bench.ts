/**
 * How fast a log of qmail-send is read: 1,000,000 lines, always the same, through matchup and zoverall, both over the log
 * itself and over matchup's records. Beside it the time of awk for the sums of zoverall, where awk is there.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import type { ByteReader, ByteWriter } from "../../core/stream.ts";
import { runMatchup } from "../../tools/logs/matchup_run.ts";
import { OverallTally } from "../../tools/logs/overall.ts";
import { readRecords } from "../../tools/logs/read_records.ts";
import { makeLog } from "../support/mail_log.ts";

const LINES = 1_000_000;
const PIECE_BYTES = 64 * 1024;

function readerOf(bytes: Uint8Array): ByteReader {
  let at = 0;
  return {
    read(into) {
      if (at === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(into.length, PIECE_BYTES));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

function gathered(): ByteWriter & { bytes(): Uint8Array } {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (bytes) => Promise.resolve(void parts.push(new Uint8Array(bytes))),
    bytes() {
      const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      return whole;
    },
  };
}

async function timed<T>(what: string, run: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await run();
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`${what.padEnd(34)} ${seconds.toFixed(2).padStart(6)} s  ${Math.round(LINES / seconds)} lines/s`);
  return result;
}

if (import.meta.main) {
  const log = latin1Bytes(makeLog({ lines: LINES, seed: 1, queues: 2 }));
  console.log(`${LINES} lines, ${(log.length / 1e6).toFixed(0)} MB`);
  const records = await timed("matchup", async () => {
    const output = gathered();
    await runMatchup({ inputs: [readerOf(log)], output, pending: gathered });
    return output.bytes();
  });
  const ours = new OverallTally();
  await timed("zoverall of the log", () => readRecords(readerOf(log), ours));
  const count = records.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
  const again = new OverallTally();
  await timed(`zoverall of ${count} records`, () => readRecords(readerOf(records), again));
  if (ours.successBytes !== again.successBytes) throw new Error("the log and its records differ");
}
