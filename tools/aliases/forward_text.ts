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

const LF = 10;
const NUL = 0;
/** Characters with a meaning, by code; all others are parts of words. */
const MARKS = new Uint8Array(256);
for (const mark of " \t\n:,;#\\\0") MARKS[mark.charCodeAt(0)] = 1;

/** An instruction as nearly all are: a target and one address, with nothing between that needs care. */
const SIMPLE = /([^ \t\n:,;#\\\0]{1,400}):[ \t]*&?([A-Za-z0-9][^ \t\n:,;#\\\0]{0,400})[ \t]*;/y;

/** Reads the text form. */
export class ForwardReader {
  #line = 1;
  #target = "";
  #command = "";
  #instructions = "";
  #inCommands = false;
  #state: "text" | "comment" | "escaped" = "text";
  #records: ForwardRecord[] = [];

  /** The records that end in this piece of the text. Throws Permanent naming the line. */
  read(text: string): readonly ForwardRecord[] {
    this.#records = [];
    for (let at = 0; at < text.length;) {
      if (this.#target === "" && !this.#inCommands && this.#state === "text") {
        SIMPLE.lastIndex = at;
        const simple = SIMPLE.exec(text);
        if (simple) {
          this.#records.push({ key: `:${simple[1]}`.toLowerCase(), data: `&${simple[2]}\0` });
          at = SIMPLE.lastIndex;
          continue;
        }
      }
      if (this.#state === "comment") {
        const end = text.indexOf("\n", at);
        if (end < 0) break;
        this.#state = "text";
        at = end;
        continue;
      }
      const start = at;
      if (this.#state === "escaped") {
        at++;
        this.#state = "text";
        if (text.charCodeAt(start) === LF) this.#line++;
      } else while (at < text.length && MARKS[text.charCodeAt(at)] === 0) at++;
      if (at > start) this.#add(text.slice(start, at));
      else this.#mark(text[at++]!);
    }
    return this.#records;
  }

  /** Throws Permanent when the text ends within an instruction. */
  end(): void {
    if (this.#inCommands || this.#target !== "") throw this.#error("the last instruction must end with a semicolon");
  }

  #mark(character: string): void {
    if (character === "\n") this.#line++;
    else if (character === " " || character === "\t") return;
    else if (character === "#") this.#state = "comment";
    else if (character === "\\") this.#state = "escaped";
    else if (character === ":") {
      if (this.#inCommands) throw this.#error("a second colon: the instruction before needs a semicolon at its end");
      this.#inCommands = true;
    } else if (character === "," || character === ";") {
      if (!this.#inCommands) throw this.#error(`a ${character === "," ? "comma" : "semicolon"} without a colon before`);
      this.#endCommand();
      if (character === ";") this.#endInstruction();
    } else this.#add(character);
  }

  #add(text: string): void {
    if (text.charCodeAt(0) === NUL) refuseNul(text, `line ${this.#line}`);
    if (this.#inCommands) this.#command += text;
    else this.#target += text;
    if (this.#command.length + this.#target.length > INSTRUCTION_BYTES_MAX) throw this.#error("it is too long");
  }

  #endCommand(): void {
    const command = this.#command;
    this.#command = "";
    if (command === "") return;
    if (command.startsWith("?")) {
      this.#records.push({ key: `?${this.#target}`.toLowerCase(), data: command.slice(1) });
      return;
    }
    const isAddress = !"|!./".includes(command[0]!);
    if (isAddress) checkedAddress(command, `line ${this.#line}`);
    this.#instructions += `${isAddress && !command.startsWith("&") ? "&" : ""}${command}\0`;
    if (this.#instructions.length > INSTRUCTION_BYTES_MAX) throw this.#error("the instruction is too long");
  }

  #endInstruction(): void {
    const key = `:${this.#target}`.toLowerCase();
    if (this.#instructions !== "") this.#records.push({ key, data: this.#instructions });
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
