/**
 * Is log/run a plain multilog line? Then the log is kept inside svscan; anything else is a process [decision 0051]. Plain
 * is: sh, comments, `exec 2>&1`, and one command of words, quoted or not, without anything that a shell would expand.
 */

/** A log that needs no process. */
export interface PlainLog {
  /** The account that setuidgid asks for. */
  readonly account: string | undefined;
  /** With all its groups (-s). */
  readonly supplementary: boolean;
  /** Folders of envdir, in order. */
  readonly envFolders: readonly string[];
  /** multilog's arguments. */
  readonly script: readonly string[];
}

/** Longest log/run that is looked at. */
export const LOG_RUN_BYTES_MAX = 16 * 1024;
const SHELL = /^#! ?\/(?:usr\/)?bin\/(?:env )?(?:ba|da)?sh$/;
/** Characters that mean something to a shell outside of quotes, at the start of a word, and in double quotes. */
const SPECIAL = /[|&;<>()$`\\*?[\]{}]/;
const SPECIAL_AT_START = /[~#]/;
const SPECIAL_IN_DOUBLE = /[$`\\]/;

/** The words of a command; undefined when a shell would do more than split it. */
export function tryWords(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  while (at < line.length) {
    if (line[at] === " " || line[at] === "\t") {
      at++;
      continue;
    }
    const start = at;
    let word = "";
    while (at < line.length && line[at] !== " " && line[at] !== "\t") {
      const quote = line[at];
      if (quote === "'" || quote === '"') {
        const end = line.indexOf(quote, at + 1);
        if (end < 0) return undefined;
        const text = line.slice(at + 1, end);
        if (quote === '"' && SPECIAL_IN_DOUBLE.test(text)) return undefined;
        word += text;
        at = end + 1;
      } else {
        const character = line[at]!;
        if (SPECIAL.test(character) || (at === start && SPECIAL_AT_START.test(character))) return undefined;
        if (character === "=" && words.length === 0) return undefined; // an assignment
        word += character;
        at++;
      }
    }
    words.push(word);
  }
  return words;
}

/** Limits that a log inside does not feel: memory, files, core, processes; a process of its own has those of softlimit. */
const MEMORY_LIMIT = /^-[madslorcp]\d+$/;

function isNamed(word: string | undefined, name: string): boolean {
  return word !== undefined && word.slice(word.lastIndexOf("/") + 1) === name;
}

/** What a log/run asks for, when it is a plain multilog line. */
export function tryParseLogRun(text: string): PlainLog | undefined {
  if (text.length > LOG_RUN_BYTES_MAX) return undefined;
  const [first, ...rest] = text.replaceAll("\\\n", " ").split("\n");
  if (!SHELL.test((first ?? "").trim())) return undefined;
  const lines = rest.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
  const commands = lines.filter((line) => !/^exec\s+2>&1$/.test(line)).map((line) => line.replace(/\s+2>&1$/, ""));
  const [command] = commands;
  if (command === undefined || commands.length !== 1) return undefined;
  const words = tryWords(command);
  return words && tryChain(words[0] === "exec" ? words.slice(1) : words);
}

/** Follows programs that change themselves and then become the next one, to multilog. */
function tryChain(words: readonly string[]): PlainLog | undefined {
  let account: string | undefined;
  let supplementary = false;
  let isChanged = false;
  const envFolders: string[] = [];
  let at = 0;
  while (at < words.length && !isNamed(words[at], "multilog")) {
    const program = words[at++];
    if (isNamed(program, "softlimit")) {
      while (words[at]?.startsWith("-")) if (!MEMORY_LIMIT.test(words[at++] ?? "")) return undefined;
      isChanged = true;
      continue;
    }
    const all = isNamed(program, "setuidgid") && words[at] === "-s";
    if (all) at++;
    const operand = words[at++];
    if (operand === undefined || operand === "" || operand.startsWith("-")) return undefined;
    if (isNamed(program, "setuidgid")) {
      if (account !== undefined) return undefined; // the second one fails
      account = operand;
      supplementary = all;
    } else if (isNamed(program, "envdir")) {
      envFolders.push(operand);
      isChanged = true;
    } else if (isNamed(program, "envuidgid")) isChanged = true;
    else return undefined;
  }
  if (at >= words.length) return undefined;
  const script = words.slice(at + 1);
  // a processor would see the environment and the limits
  if (isChanged && script.some((action) => action.startsWith("!"))) return undefined;
  return { account, supplementary, envFolders, script };
}
