/**
 * The text form of a forwarding database: `target: command, command;` with # comments, free white space and backslashes.
 * Read piece by piece; written in a form that is read back as the same. Latin1 text [man setforward.1] [spec formats 19].
 */
import { Permanent } from "../../core/errors.ts";
import { checkedAddress, INSTRUCTION_BYTES_MAX, refuseNul } from "./limits.ts";

/** A record of the database, as latin1 text: the key with its prefix, and the data. */
export interface ForwardRecord {
  readonly key: string;
  readonly data: string;
}

const SPACE = /[ \t\n]+/y;
const PLAIN = /[^ \t\n:,;#\\\0]+/y;

/** Reads the text form. */
export class ForwardReader {
  #line = 1;
  #target = "";
  #command = "";
  #instructions = "";
  #inCommands = false;
  #state: "text" | "comment" | "escaped" = "text";

  /** The records that end in this piece of the text. Throws Permanent naming the line. */
  *read(text: string): Generator<ForwardRecord> {
    for (let at = 0; at < text.length;) {
      if (this.#state === "comment") {
        const end = text.indexOf("\n", at);
        if (end < 0) return;
        this.#state = "text";
        at = end;
        continue;
      }
      if (this.#state === "escaped") {
        this.#add(text[at]!);
        this.#state = "text";
        if (text[at++] === "\n") this.#line++;
        continue;
      }
      SPACE.lastIndex = PLAIN.lastIndex = at;
      const plain = PLAIN.exec(text)?.[0];
      const skipped = plain === undefined ? SPACE.exec(text)?.[0] : undefined;
      if (plain !== undefined) this.#add(plain);
      else if (skipped !== undefined) this.#line += skipped.split("\n").length - 1;
      else yield* this.#mark(text[at]!);
      at += (plain ?? skipped ?? " ").length;
    }
  }

  /** Throws Permanent when the text ends within an instruction. */
  end(): void {
    if (this.#inCommands || this.#target !== "") throw this.#error("the last instruction must end with a semicolon");
  }

  *#mark(character: string): Generator<ForwardRecord> {
    if (character === "#") this.#state = "comment";
    else if (character === "\\") this.#state = "escaped";
    else if (character === ":") {
      if (this.#inCommands) throw this.#error("a second colon: the instruction before needs a semicolon at its end");
      this.#inCommands = true;
    } else if (character === "," || character === ";") {
      if (!this.#inCommands) throw this.#error(`a ${character === "," ? "comma" : "semicolon"} without a colon before`);
      yield* this.#endCommand();
      if (character === ";") yield* this.#endInstruction();
    } else this.#add(character);
  }

  #add(text: string): void {
    refuseNul(text, `line ${this.#line}`);
    if (this.#inCommands) this.#command += text;
    else this.#target += text;
    if (this.#command.length + this.#target.length > INSTRUCTION_BYTES_MAX) throw this.#error("it is too long");
  }

  *#endCommand(): Generator<ForwardRecord> {
    const command = this.#command;
    this.#command = "";
    if (command === "") return;
    if (command.startsWith("?")) {
      yield { key: `?${this.#target}`.toLowerCase(), data: command.slice(1) };
      return;
    }
    const isAddress = !"|!./".includes(command[0]!);
    if (isAddress) checkedAddress(command, `line ${this.#line}`);
    this.#instructions += `${isAddress && !command.startsWith("&") ? "&" : ""}${command}\0`;
    if (this.#instructions.length > INSTRUCTION_BYTES_MAX) throw this.#error("the instruction is too long");
  }

  *#endInstruction(): Generator<ForwardRecord> {
    if (this.#instructions !== "") yield { key: `:${this.#target}`.toLowerCase(), data: this.#instructions };
    this.#target = "";
    this.#instructions = "";
    this.#inCommands = false;
  }

  #error(what: string): Permanent {
    return new Permanent(`line ${this.#line}: ${what}`);
  }
}

/** Text with backslashes where a reader would see a sign; bytes above 127 stay as they are. */
function escapedText(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are among those that need a backslash
  return text.replace(/[\x00-\x20,:;\\#]/g, "\\$&");
}

/** A record in the text form. Throws Permanent for a record that no forwarding database has. */
export function formatForwardRecord({ key, data }: ForwardRecord): string {
  const bad = () => new Permanent(`not a forwarding database: a record ${JSON.stringify(key.slice(0, 80))}`);
  const target = escapedText(key.slice(1));
  if (key.startsWith("?")) return `${target}: ?${escapedText(data)};\n`;
  if (!key.startsWith(":") || (data !== "" && !data.endsWith("\0"))) throw bad();
  let text = `${target}:\n`;
  for (const command of data.split("\0").slice(0, -1)) {
    if (command === "" || !"&|!./".includes(command[0]!)) throw bad();
    text += `, ${escapedText(command)}\n`;
  }
  return `${text};\n`;
}
