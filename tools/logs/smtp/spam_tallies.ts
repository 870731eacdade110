/** Sums over what spam filters said: by domain, by verdict, by spamicity. */
import { ownText } from "../lines.ts";
import type { MessageEvent } from "./smtp_log.ts";
import type { SmtpTally } from "./smtp_tallies.ts";

/** Classes of the histogram, each a tenth. */
const CLASSES = 10;
/** Marks of its longest bar. */
const BAR_LENGTH = 30;

/** By domain: `spambytes spam sbytes mess host`, and a row Total. */
export function spamDomainTally(keysOf: (event: MessageEvent) => readonly string[]): SmtpTally {
  const sums = new Map<string, number[]>();
  return {
    add(event) {
      if (event.kind !== "message") return;
      const isSpam = event.verdict === "spam";
      for (const key of new Set(keysOf(event))) {
        let entry = sums.get(key);
        if (!entry) sums.set(ownText(key), entry = [0, 0, 0, 0]);
        [isSpam ? event.bytes : 0, isSpam ? 1 : 0, event.bytes, 1].forEach((amount, at) => entry[at]! += amount);
      }
    },
    rows() {
      const total = [0, 0, 0, 0];
      for (const entry of sums.values()) entry.forEach((amount, at) => total[at]! += amount);
      return [...sums, ["Total", total] as const].map((
        [key, entry],
      ) => [...entry.map(String), key === "" ? "<>" : key]);
    },
  };
}

const VERDICTS = ["spam", "unsure", "ham"] as const;

/** Messages with a verdict, by the recipient's domain: `sbytes mess spam pct unsure pct ham pct host`, and Total. */
export function verdictTally(keysOf: (event: MessageEvent) => readonly string[]): SmtpTally {
  const sums = new Map<string, { bytes: number; counts: [number, number, number] }>();
  const row = (name: string, bytes: number, counts: readonly number[]) => {
    const messages = counts.reduce((sum, count) => sum + count, 0);
    const shares = counts.flatMap((count) => [String(count), `(${((count * 100) / (messages || 1)).toFixed(2)})`]);
    return [String(bytes), String(messages), ...shares, name === "" ? "<>" : name];
  };
  return {
    add(event) {
      if (event.kind !== "message" || event.verdict === undefined) return;
      const at = VERDICTS.indexOf(event.verdict);
      for (const key of new Set(keysOf(event))) {
        let entry = sums.get(key);
        if (!entry) sums.set(ownText(key), entry = { bytes: 0, counts: [0, 0, 0] });
        entry.bytes += event.bytes;
        entry.counts[at]!++;
      }
    },
    rows() {
      const total = { bytes: 0, counts: [0, 0, 0] };
      for (const { bytes, counts } of sums.values()) {
        total.bytes += bytes;
        counts.forEach((count, at) => total.counts[at]! += count);
      }
      return [...sums, ["Total", total] as const].map(([name, { bytes, counts }]) => row(name, bytes, counts));
    },
  };
}

/** Counts spamicities by tenths. */
export class SpamicityHistogram {
  readonly #counts = new Array<number>(CLASSES).fill(0);

  add(spamicity: number): void {
    const at = Math.min(CLASSES - 1, Math.max(0, Math.ceil(spamicity * CLASSES - 1e-9) - 1));
    this.#counts[at]!++;
  }

  /** `spamicity bar count` for each tenth, and a row Total. */
  rows(): string[][] {
    const total = this.#counts.reduce((sum, count) => sum + count, 0);
    const rows = this.#counts.map((count, at) => {
      const marks = total === 0 ? 0 : Math.ceil((count * BAR_LENGTH) / total);
      return [((at + 1) / CLASSES).toFixed(2), "x".repeat(marks).padEnd(BAR_LENGTH, "."), String(count)];
    });
    return [...rows, ["Total", "#".repeat(BAR_LENGTH), String(total)]];
  }
}
