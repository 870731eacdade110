/**
 * Numerical and logical expressions of a filter rule: numbers, + - * / %, comparisons, && || !, parentheses; `%p` stands for
 * the field's value [man vcfilter.9].
 */
import { Permanent } from "../../core/errors.ts";

/** Characters of an expression. */
export const EXPRESSION_CHARACTERS_MAX = 256;
const DEPTH_MAX = 32;

/** Operators by how strongly they bind, weakest first. */
const LEVELS: readonly Readonly<Record<string, (a: number, b: number) => number>>[] = [
  { "||": (a, b) => Number(a !== 0 || b !== 0) },
  { "&&": (a, b) => Number(a !== 0 && b !== 0) },
  {
    "==": (a, b) => Number(a === b),
    "!=": (a, b) => Number(a !== b),
    "<=": (a, b) => Number(a <= b),
    ">=": (a, b) => Number(a >= b),
    "<": (a, b) => Number(a < b),
    ">": (a, b) => Number(a > b),
    "=": (a, b) => Number(a === b),
  },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b },
];

/**
 * The value of an expression for a field's text, of which the first number counts. Undefined when the text has no number, or
 * the result is none (a division by 0). Throws Permanent for what is no expression.
 */
export function evaluateExpression(source: string, field: string): number | undefined {
  if (source.length > EXPRESSION_CHARACTERS_MAX) {
    throw new Permanent(`an expression of more than ${EXPRESSION_CHARACTERS_MAX} characters`);
  }
  const number = /[-+]?\d+(?:\.\d+)?/.exec(field)?.[0];
  const result = new Evaluator(source, number === undefined ? NaN : Number(number)).whole();
  return Number.isFinite(result) ? result : undefined;
}

class Evaluator {
  readonly #source: string;
  readonly #field: number;
  #at = 0;
  #depth = 0;

  constructor(source: string, field: number) {
    this.#source = source;
    this.#field = field;
  }

  whole(): number {
    const value = this.#level(0);
    this.#blanks();
    if (this.#at < this.#source.length) throw this.#wrong();
    return value;
  }

  #wrong(): Permanent {
    return new Permanent(`${JSON.stringify(this.#source)} is no expression from its character ${this.#at + 1} on`);
  }

  #blanks(): void {
    while (this.#source[this.#at] === " " || this.#source[this.#at] === "\t") this.#at++;
  }

  #level(number: number): number {
    const operators = LEVELS[number];
    if (!operators) return this.#factor();
    let value = this.#level(number + 1);
    for (;;) {
      this.#blanks();
      const operator = Object.keys(operators).find((one) => this.#source.startsWith(one, this.#at));
      if (operator === undefined || this.#source.startsWith("%p", this.#at)) return value;
      this.#at += operator.length;
      const other = this.#level(number + 1);
      // a field without a number makes every comparison untrue, and the whole with it
      value = Number.isNaN(value) || Number.isNaN(other) ? NaN : operators[operator]!(value, other);
    }
  }

  #factor(): number {
    this.#blanks();
    if (++this.#depth > DEPTH_MAX) throw new Permanent("an expression with too many parentheses");
    try {
      if (this.#source[this.#at] === "!" && this.#source[this.#at + 1] !== "=") {
        this.#at++;
        const value = this.#factor();
        return Number.isNaN(value) ? NaN : Number(value === 0);
      }
      if (this.#source[this.#at] === "-") {
        this.#at++;
        return -this.#factor();
      }
      if (this.#source[this.#at] === "(") {
        this.#at++;
        const value = this.#level(0);
        this.#blanks();
        if (this.#source[this.#at++] !== ")") throw this.#wrong();
        return value;
      }
      if (this.#source.startsWith("%p", this.#at)) {
        this.#at += 2;
        return this.#field;
      }
      const digits = /^\d+(?:\.\d+)?/.exec(this.#source.slice(this.#at))?.[0];
      if (digits === undefined) throw this.#wrong();
      this.#at += digits.length;
      return Number(digits);
    } finally {
      this.#depth--;
    }
  }
}
