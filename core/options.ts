/**
 * Options as the manual pages have them: letters in clusters (`-vn`), arguments joined or apart (`-n5`, `-n 5`), `--` as
 * the end, long names (`--root DIR`, `--root=DIR`) where a program declares them. Options may stand between operands
 * unless the program starts another one. Wrong calls are thrown as Usage; core/failure.ts adds the synopsis.
 */
import type { Applet, OptionSpec, OptionSpecs, OptionValues } from "./applet.ts";
import { Usage } from "./errors.ts";

/** The part of a declaration that says how the program is called. */
export type CallDeclaration = Pick<Applet, "options" | "operands" | "stopsAtOperand" | "rawArguments">;

/** What was asked for: options by the name that the program's code uses, and the operands. */
export interface ParsedOptions {
  readonly options: OptionValues<OptionSpecs>;
  readonly args: readonly string[];
}

type Value = boolean | number | string | string[] | undefined;

/** Options by what stands on the command line: `-q` or `--root`. */
type Spellings = ReadonlyMap<string, readonly [key: string, spec: OptionSpec]>;

function spellingsOf(specs: OptionSpecs): Spellings {
  const spellings = new Map<string, readonly [string, OptionSpec]>();
  for (const entry of Object.entries(specs)) {
    if (entry[1].flag !== undefined) spellings.set(`-${entry[1].flag}`, entry);
    if (entry[1].long !== undefined) spellings.set(`--${entry[1].long}`, entry);
  }
  return spellings;
}

function absentValue(spec: OptionSpec): Value {
  if (spec.value !== undefined) return spec.repeat ? [] : undefined;
  return spec.repeat ? 0 : false;
}

/** One call's state: what is left to read, what was found. */
class OptionReader {
  readonly values: Record<string, Value> = {};
  readonly #declaration: CallDeclaration;
  readonly #spellings: Spellings;
  readonly #args: readonly string[];
  #at = 0;

  constructor(declaration: CallDeclaration, args: readonly string[]) {
    this.#declaration = declaration;
    this.#spellings = spellingsOf(declaration.options);
    this.#args = args;
    const specs: OptionSpecs = declaration.options;
    for (const [key, spec] of Object.entries(specs)) this.values[key] = absentValue(spec);
  }

  readAll(): string[] {
    const operands: string[] = [];
    while (this.#at < this.#args.length) {
      const arg = this.#args[this.#at++] ?? "";
      if (arg === "--") return operands.concat(this.#args.slice(this.#at));
      if (arg.startsWith("--")) this.#readLong(arg);
      else if (arg.startsWith("-") && arg !== "-") this.#readCluster(arg);
      else if (this.#declaration.stopsAtOperand) return operands.concat(this.#args.slice(this.#at - 1));
      else operands.push(arg);
    }
    return operands;
  }

  #readLong(arg: string): void {
    const equals = arg.indexOf("=");
    const spelling = equals < 0 ? arg : arg.slice(0, equals);
    const [key, spec] = this.#find(spelling);
    if (spec.value === undefined) {
      if (equals >= 0) throw new Usage(`option ${spelling} takes no argument`);
      this.#set(key, spec, undefined);
    } else this.#set(key, spec, equals < 0 ? spec.bare ?? this.#next(spelling, spec) : arg.slice(equals + 1));
  }

  #readCluster(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const spelling = `-${arg[at]}`;
      const [key, spec] = this.#find(spelling);
      if (spec.value === undefined) this.#set(key, spec, undefined);
      else return this.#set(key, spec, at + 1 < arg.length ? arg.slice(at + 1) : this.#next(spelling, spec));
    }
  }

  #find(spelling: string): readonly [key: string, spec: OptionSpec] {
    const found = this.#spellings.get(spelling);
    if (!found) throw new Usage(`unknown option ${spelling}`);
    return found;
  }

  #next(spelling: string, spec: OptionSpec): string {
    const value = this.#args[this.#at++];
    if (value === undefined) throw new Usage(`option ${spelling} needs an argument: ${spec.value}`);
    return value;
  }

  #set(key: string, spec: OptionSpec, value: string | undefined): void {
    const specs: OptionSpecs = this.#declaration.options;
    for (const other of spec.cancels ?? []) if (specs[other]) this.values[other] = absentValue(specs[other]);
    if (spec.joins !== undefined && specs[spec.joins]) {
      return this.#set(spec.joins, specs[spec.joins]!, `-${spec.flag} ${value}`);
    }
    const before = this.values[key];
    if (Array.isArray(before)) before.push(value ?? "");
    else if (typeof before === "number") this.values[key] = before + 1;
    else this.values[key] = spec.value === undefined ? true : value;
  }
}

function checkOperands(declaration: CallDeclaration, args: readonly string[]): void {
  const operands = declaration.operands ?? [];
  const missing = operands.find((operand, index) => !operand.optional && index >= args.length);
  if (missing) throw new Usage(`missing ${missing.name}`);
  if (args.length > operands.length && !operands.at(-1)?.repeat) {
    throw new Usage(`unexpected argument ${args[operands.length]}`);
  }
}

/**
 * Reads a program's arguments. A switch is false or true (or a count, with repeat), an option with an argument is a
 * string or undefined (or a list, with repeat). With rawArguments nothing is read and every option is absent.
 * Throws Usage naming the option or operand.
 */
export function parseOptions(declaration: CallDeclaration, args: readonly string[]): ParsedOptions {
  const reader = new OptionReader(declaration, args);
  const operands = declaration.rawArguments ? args : reader.readAll();
  if (!declaration.rawArguments) checkOperands(declaration, operands);
  // the type of each value follows its declaration, which is not known where any program may be called
  return { options: reader.values as OptionValues<OptionSpecs>, args: operands };
}
