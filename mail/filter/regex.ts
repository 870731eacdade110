/**
 * Extended regular expressions [man regex.7] without back references, matched by a set of states: time is the product of
 * the lengths of text and expression, so that no rule of a user can hold up the delivery of all others.
 */
import { Permanent } from "../../core/errors.ts";

/** Characters of an expression, and states that its repeat counts may make. */
export const REGEX_CHARACTERS_MAX = 256;
const STATES_MAX = 4096;
const REPEAT_MAX = 255;

type State =
  | { readonly kind: "match" }
  | { readonly kind: "test"; readonly test: (code: number) => boolean; next: number }
  | { readonly kind: "begin" | "end"; next: number }
  | { readonly kind: "split"; next: number; other: number };

/** A part under construction: its first state, and the places that wait for what follows. */
interface Fragment {
  readonly start: number;
  readonly open: readonly ((target: number) => void)[];
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /\p{L}/u,
  digit: /[0-9]/,
  alnum: /[\p{L}0-9]/u,
  space: /\s/,
  upper: /\p{Lu}/u,
  lower: /\p{Ll}/u,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
  blank: /[ \t]/,
  print: /\P{Cc}/u,
  graph: /[^\s\p{Cc}]/u,
  cntrl: /\p{Cc}/u,
};

/** A compiled expression. */
export class LinearRegex {
  readonly #states: readonly State[];
  readonly #start: number;

  /** Throws Permanent for what is no expression. */
  constructor(source: string) {
    if (source.length > REGEX_CHARACTERS_MAX) {
      throw new Permanent(`a regular expression of more than ${REGEX_CHARACTERS_MAX} characters`);
    }
    const compiler = new Compiler(source);
    this.#start = compiler.compile();
    this.#states = compiler.states;
  }

  /** Whether some part of the text matches. */
  test(text: string): boolean {
    let current = new Set<number>();
    for (let at = 0;; at++) {
      const place = { begin: at === 0, end: at === text.length };
      if (this.#add(current, this.#start, place)) return true;
      if (at === text.length) return false;
      const code = text.charCodeAt(at);
      const following = new Set<number>();
      const after = { begin: false, end: at + 1 === text.length };
      for (const number of current) {
        const state = this.#states[number]!;
        if (state.kind === "test" && state.test(code) && this.#add(following, state.next, after)) return true;
      }
      current = following;
    }
  }

  /** Adds a state with all that follow from it without a character; true when a match is among them. */
  #add(set: Set<number>, first: number, place: { readonly begin: boolean; readonly end: boolean }): boolean {
    const waiting = [first];
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
      if (set.has(number)) continue;
      const state = this.#states[number]!;
      if (state.kind === "match") return true;
      if (state.kind === "begin" && !place.begin || state.kind === "end" && !place.end) continue;
      set.add(number);
      if (state.kind === "split") waiting.push(state.other, state.next);
      else if (state.kind !== "test") waiting.push(state.next);
    }
    return false;
  }
}

class Compiler {
  readonly states: State[] = [];
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  compile(): number {
    const whole = this.#alternatives();
    if (this.#at < this.#source.length) throw this.#wrong("a parenthesis too many");
    const match = this.#state({ kind: "match" });
    for (const connect of whole.open) connect(match);
    return whole.start;
  }

  #wrong(why: string): Permanent {
    return new Permanent(`${JSON.stringify(this.#source)} is no regular expression: ${why}`);
  }

  #state(state: State): number {
    if (this.states.length >= STATES_MAX) throw this.#wrong("it is too large");
    return this.states.push(state) - 1;
  }

  #alternatives(): Fragment {
    let whole = this.#sequence();
    while (this.#take("|")) {
      const other = this.#sequence();
      const start = this.#state({ kind: "split", next: whole.start, other: other.start });
      whole = { start, open: [...whole.open, ...other.open] };
    }
    return whole;
  }

  #sequence(): Fragment {
    let whole: Fragment | undefined;
    while (this.#at < this.#source.length && this.#source[this.#at] !== "|" && this.#source[this.#at] !== ")") {
      const part = this.#repeated();
      for (const connect of whole?.open ?? []) connect(part.start);
      whole = { start: whole?.start ?? part.start, open: part.open };
    }
    return whole ?? this.#empty();
  }

  #empty(): Fragment {
    const state = { kind: "split" as const, next: -1, other: -1 };
    const start = this.#state(state);
    return { start, open: [(target) => void (state.next = state.other = target)] };
  }

  /** An atom with its repeat counts; counted ones are written out, by reading the atom again. */
  #repeated(): Fragment {
    const from = this.#at;
    const part = this.#atom();
    const count = this.#count();
    if (!count) return part;
    const after = this.#at;
    if (this.#count()) throw this.#wrong("two repeat counts");
    const again = () => {
      this.#at = from;
      const copy = this.#atom();
      this.#at = after;
      return copy;
    };
    return this.#times(part, again, count);
  }

  #count(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take("*")) return { min: 0, max: Infinity };
    if (this.#take("+")) return { min: 1, max: Infinity };
    if (this.#take("?")) return { min: 0, max: 1 };
    const counts = /^\{(\d{1,3})(,(\d{0,3}))?\}/.exec(this.#source.slice(this.#at));
    if (!counts) return undefined;
    this.#at += counts[0].length;
    const min = Number(counts[1]);
    const max = counts[2] === undefined ? min : counts[3] === "" ? Infinity : Number(counts[3]);
    if (max < min || Math.max(min, max === Infinity ? 0 : max) > REPEAT_MAX) throw this.#wrong("a wrong repeat count");
    return { min, max };
  }

  #times(first: Fragment, again: () => Fragment, count: { readonly min: number; readonly max: number }): Fragment {
    const copies = count.max === Infinity ? Math.max(count.min, 1) : count.max;
    if (copies === 0) return this.#empty();
    let whole: Fragment | undefined;
    let open: Fragment["open"] = [];
    const early: Fragment["open"][number][] = [];
    for (let made = 0; made < copies; made++) {
      let part = made === 0 ? first : again();
      const loops = count.max === Infinity && made === copies - 1;
      if (loops || made >= count.min) {
        const split = { kind: "split" as const, next: part.start, other: -1 };
        const start = this.#state(split);
        if (loops) { for (const connect of part.open) connect(start); }
        early.push((target) => void (split.other = target));
        part = { start: loops && count.min > 0 ? part.start : start, open: loops ? [] : part.open };
      }
      for (const connect of open) connect(part.start);
      whole = { start: whole?.start ?? part.start, open: part.open };
      open = part.open;
    }
    return { start: whole!.start, open: [...open, ...early] };
  }

  #atom(): Fragment {
    const character = this.#source[this.#at++]!;
    if (character === "(") {
      const inner = this.#alternatives();
      if (!this.#take(")")) throw this.#wrong("a parenthesis is not closed");
      return inner;
    }
    if (character === "^" || character === "$") return this.#place(character === "^" ? "begin" : "end");
    if (character === "*" || character === "+" || character === "?") throw this.#wrong(`nothing before ${character}`);
    if (character === ".") return this.#test(() => true);
    if (character === "[") return this.#test(this.#bracket());
    if (character !== "\\") return this.#test(sameCode(character));
    const escaped = this.#source[this.#at++];
    if (escaped === undefined) throw this.#wrong("nothing behind the last backslash");
    return this.#test(escaped === "n" ? sameCode("\n") : escaped === "t" ? sameCode("\t") : sameCode(escaped));
  }

  #place(kind: "begin" | "end"): Fragment {
    const state = { kind, next: -1 };
    return { start: this.#state(state), open: [(target) => void (state.next = target)] };
  }

  #test(test: (code: number) => boolean): Fragment {
    const state = { kind: "test" as const, test, next: -1 };
    return { start: this.#state(state), open: [(target) => void (state.next = target)] };
  }

  /** What stands in brackets: characters, ranges, classes; `]` first is a character. */
  #bracket(): (code: number) => boolean {
    const negated = this.#take("^");
    const tests: ((code: number) => boolean)[] = [];
    for (let first = true;; first = false) {
      const named = /^\[:(\w+):\]/.exec(this.#source.slice(this.#at));
      if (named) {
        const members = CLASSES[named[1]!];
        if (!members) throw this.#wrong(`there is no class ${named[1]}`);
        tests.push((code) => members.test(String.fromCharCode(code)));
        this.#at += named[0].length;
        continue;
      }
      const character = this.#source[this.#at++];
      if (character === undefined) throw this.#wrong("a bracket is not closed");
      if (character === "]" && !first) break;
      const range = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (!range) {
        tests.push(sameCode(character));
        continue;
      }
      const last = this.#source[this.#at + 1];
      if (last === undefined || last < character) throw this.#wrong("a wrong range in brackets");
      this.#at += 2;
      const [low, high] = [character.charCodeAt(0), last.charCodeAt(0)];
      tests.push((code) => code >= low && code <= high);
    }
    return (code) => tests.some((test) => test(code)) !== negated;
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }
}

function sameCode(character: string): (code: number) => boolean {
  const wanted = character.charCodeAt(0);
  return (code) => code === wanted;
}
