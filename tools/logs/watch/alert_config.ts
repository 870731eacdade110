/** The configuration file of logalert: blocks of files, each with its pattern and what to do [man logalert.8]. */
import { Permanent } from "../../../core/errors.ts";
import { MATCH_SLEEP_SECONDS } from "./alert_rule.ts";

/** Tries to open a file before it is given up. */
export const RETRIES = 5;
/** Files that one configuration watches at most. */
const FILES_MAX = 1000;

/** One file to watch. */
export interface Watch {
  readonly file: string;
  readonly pattern: string;
  readonly command?: string;
  /** Address to which mail goes. */
  readonly mail?: string;
  readonly matchSleepSeconds: number;
  readonly matchCount: number;
  readonly retries: number;
  readonly user?: string;
  readonly fromBeginning: boolean;
  readonly verbose: boolean;
}

type Draft = { -readonly [K in keyof Watch]?: Watch[K] };

/** Keys with a value, and what they set; several spellings are in use. */
const VALUES: Readonly<Record<string, (draft: Draft, value: string) => void>> = {
  match: (draft, value) => draft.pattern = patternOf(value),
  exec: (draft, value) => draft.command = value,
  mail: (draft, value) => draft.mail = value,
  match_sleep: (draft, value) => draft.matchSleepSeconds = countOf(value),
  match_count: (draft, value) => draft.matchCount = Math.max(1, countOf(value)),
  retry: (draft, value) => draft.retries = countOf(value),
  user: (draft, value) => draft.user = value,
};
const SPELLINGS: Readonly<Record<string, string>> = {
  regex: "match",
  execute: "exec",
  command: "exec",
  sleep: "match_sleep",
  count: "match_count",
};
const SWITCHES: Readonly<Record<string, (draft: Draft) => void>> = {
  readall: (draft) => draft.fromBeginning = true,
  from_begin: (draft) => draft.fromBeginning = true,
  verbose: (draft) => draft.verbose = true,
};

/** A number of seconds, matches or tries. Throws Permanent. */
export function countOf(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new Permanent(`${text} is no number`);
  return Number(text);
}

function patternOf(value: string): string {
  const last = value.lastIndexOf("/");
  if (!value.startsWith("/") || last === 0) {
    throw new Permanent("the pattern must stand between slashes: match = /.../");
  }
  return value.slice(1, last);
}

function finished(draft: Draft): Watch {
  const { file = "", pattern } = draft;
  if (pattern === undefined) throw new Permanent(`${file} has no match = /PATTERN/`);
  if (draft.command === undefined && draft.mail === undefined) throw new Permanent(`${file} has no exec = COMMAND`);
  return {
    matchSleepSeconds: MATCH_SLEEP_SECONDS,
    matchCount: 1,
    retries: RETRIES,
    fromBeginning: false,
    verbose: false,
    ...draft,
    file,
    pattern,
  };
}

function setKey(draft: Draft, line: string): void {
  const equals = line.indexOf("=");
  const word = (equals < 0 ? line : line.slice(0, equals)).trim();
  const key = SPELLINGS[word] ?? word;
  const value = equals < 0 ? undefined : line.slice(equals + 1).trim();
  const set = VALUES[key];
  if (set && value !== undefined && value !== "") return set(draft, value);
  if (set) throw new Permanent(`${word} needs a value: ${word} = ...`);
  const turnOn = SWITCHES[key];
  if (!turnOn || value !== undefined) throw new Permanent(`${word} is no setting`);
  turnOn(draft);
}

/** The files to watch. Throws Permanent naming `path` and the line. */
export function parseAlertConfig(text: string, path: string): Watch[] {
  const watches: Watch[] = [];
  let draft: Draft | undefined;
  let isOpen = false;
  const take = (line: string) => {
    if (isOpen && draft) {
      if (line !== "}") return setKey(draft, line);
      watches.push(finished(draft));
      draft = undefined;
      isOpen = false;
      if (watches.length > FILES_MAX) throw new Permanent(`more than ${FILES_MAX} files`);
      return;
    }
    const name = /^filename\s+(\S.*)$/.exec(line)?.[1];
    if (draft && line === "{") isOpen = true;
    else if (!draft && name !== undefined) draft = { file: name };
    else throw new Permanent(draft ? "after filename a line with { must follow" : "filename NAME is expected");
  };
  const lines = text.split("\n").map((line) => line.trim());
  lines.forEach((line, at) => {
    if (line === "" || line.startsWith("#")) return;
    try {
      take(line);
    } catch (error) {
      throw error instanceof Permanent ? new Permanent(`${path} line ${at + 1}: ${error.message}`) : error;
    }
  });
  if (draft) throw new Permanent(`${path} line ${lines.length}: the block of ${draft.file} does not end with }`);
  if (watches.length === 0) throw new Permanent(`${path} names no file`);
  return watches;
}
