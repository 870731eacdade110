/** When a line is to raise an alert: it matches, often enough, and the last alert is long enough ago [man logalert.8]. */
import { Usage } from "../../../core/errors.ts";

/** POSIX classes as they stand within brackets. */
const CLASSES: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  blank: " \\t",
  digit: "0-9",
  lower: "a-z",
  punct: "!-\\/:-@\\[-`{-~",
  space: "\\s",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** Seconds after an alert without another. */
export const MATCH_SLEEP_SECONDS = 5;

/** What raises an alert. */
export interface AlertCondition {
  readonly pattern: string;
  readonly matchSleepSeconds: number;
  /** Matches for one alert. */
  readonly matchCount: number;
}

/** The regular expression of a pattern, with POSIX classes. Throws Usage. */
export function compilePattern(pattern: string): RegExp {
  const source = pattern.replace(/\[:(\w+):\]/g, (whole, name: string) => CLASSES[name] ?? whole);
  try {
    return new RegExp(source);
  } catch {
    throw new Usage(`the pattern is no regular expression: ${pattern}`);
  }
}

/** Takes the lines of one file. */
export class AlertRule {
  readonly #pattern: RegExp;
  readonly #condition: AlertCondition;
  #count = 0;
  #quietUntilMs = Number.NEGATIVE_INFINITY;

  constructor(condition: AlertCondition) {
    this.#condition = condition;
    this.#pattern = compilePattern(condition.pattern);
  }

  /** The pattern's groups when the line is to raise an alert; undefined otherwise. */
  take(line: string, nowMs: number): string[] | undefined {
    if (nowMs < this.#quietUntilMs) return undefined;
    const match = this.#pattern.exec(line);
    if (!match || ++this.#count < this.#condition.matchCount) return undefined;
    this.#count = 0;
    this.#quietUntilMs = nowMs + this.#condition.matchSleepSeconds * 1000;
    return match.slice(1).map((group) => group ?? "");
  }
}
