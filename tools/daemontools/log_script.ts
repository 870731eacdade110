/**
 * A multilog script: the arguments as actions, in order [man multilog.8]. Patterns become bytes; sizes and counts are
 * kept within their limits; what only sets something for later folders is gone from the list.
 */
import { utf8Bytes } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";

/** Smallest and largest size of `current` [man multilog.8]. */
export const LOG_SIZE_BYTES_MIN = 4096;
/** See above. */
export const LOG_SIZE_BYTES_MAX = 16_777_215;
/** A newline this near to the size ends the file. */
export const LOG_SIZE_SLACK_BYTES = 2000;
const FILES_MIN = 2;
const FILES_DEFAULT = 10;
/** Most actions of a script. */
export const ACTIONS_MAX = 10_000;
/** Longest time between rotations: a timer holds no more milliseconds. */
const ROTATE_SECONDS_MAX = 2_147_483;
const STAR = 42;

/** How a folder is kept. */
export interface LogLimits {
  /** Bytes at which `current` ends; 0: never. */
  readonly sizeBytes: number;
  /** Old files, one more than are kept. */
  readonly files: number;
  /** A command for /bin/sh. */
  readonly processor: string | undefined;
}

/** What is done to a line. */
export type LogAction =
  | { readonly kind: "select" | "deselect"; readonly pattern: Uint8Array }
  | { readonly kind: "alert" }
  | { readonly kind: "status"; readonly path: string }
  | { readonly kind: "folder"; readonly path: string; readonly limits: LogLimits };

/** A script. */
export interface LogScript {
  readonly timestamps: boolean;
  readonly actions: readonly LogAction[];
  /** `current` ends at every multiple of that many seconds; 0: not. */
  readonly rotateSeconds: number;
}

/** The number at the start of the text; undefined when there is none. */
function numberOf(text: string): number | undefined {
  const digits = /^\d{1,15}/.exec(text)?.[0];
  return digits === undefined ? undefined : Number(digits);
}

function sizeOf(text: string): number {
  const size = numberOf(text);
  if (size === undefined) throw new Usage(`s${text}: the size must be a number of bytes`);
  return size === 0 ? 0 : Math.min(Math.max(size, LOG_SIZE_BYTES_MIN), LOG_SIZE_BYTES_MAX);
}

function filesOf(text: string): number {
  const files = numberOf(text);
  if (files === undefined) throw new Usage(`n${text}: the count of old files must be a number`);
  return Math.max(files, FILES_MIN);
}

function secondsOf(argument: string): number {
  const seconds = numberOf(argument.replace(/^!?r/, ""));
  if (seconds === undefined) throw new Usage(`${argument}: the time between rotations must be a number of seconds`);
  return Math.min(Math.max(seconds, 1), ROTATE_SECONDS_MAX);
}

/** The actions of a script. Throws Usage naming the argument; `warn` hears of those that do nothing. */
export function parseLogScript(script: readonly string[], warn: (text: string) => void): LogScript {
  if (script.length > ACTIONS_MAX) throw new Usage(`more than ${ACTIONS_MAX} actions`);
  const actions: LogAction[] = [];
  let limits: LogLimits = { sizeBytes: 0, files: FILES_DEFAULT, processor: undefined };
  let rotateSeconds = 0;
  script.forEach((argument, at) => {
    const rest = argument.slice(1);
    const letter = /^!r\d+$/.test(argument) ? "r" : argument[0];
    if (letter === "+") actions.push({ kind: "select", pattern: utf8Bytes(rest) });
    else if (letter === "-") actions.push({ kind: "deselect", pattern: utf8Bytes(rest) });
    else if (letter === "e") actions.push({ kind: "alert" });
    else if (letter === "=") actions.push({ kind: "status", path: rest });
    else if (letter === "." || letter === "/") actions.push({ kind: "folder", path: argument, limits });
    else if (letter === "s") limits = { ...limits, sizeBytes: sizeOf(rest) };
    else if (letter === "n") limits = { ...limits, files: filesOf(rest) };
    else if (letter === "r") rotateSeconds = secondsOf(argument);
    else if (letter === "!") limits = { ...limits, processor: rest === "" ? undefined : rest };
    else if (letter !== "t") warn(`${JSON.stringify(argument)} is no action and is ignored`);
    else if (at > 0) warn(`${argument} adds timestamps only as the first action and is ignored`);
  });
  return { timestamps: script[0]?.startsWith("t") ?? false, actions, rotateSeconds };
}

/**
 * True when the pattern matches all bytes from `start` to `end`: a star before the end matches whatever does not hold the
 * pattern's next character, a star at the end anything [man multilog.8].
 */
export function matchesPattern(pattern: Uint8Array, bytes: Uint8Array, range: { start: number; end: number }): boolean {
  let at = range.start;
  const end = range.end;
  const last = pattern.length - 1;
  for (let place = 0; place <= last; place++) {
    const wanted = pattern[place]!;
    if (wanted === STAR) {
      if (place === last) return true;
      const next = pattern[place + 1]!;
      while (at < end && bytes[at] !== next) at++;
      if (at === end) return false;
    } else if (at < end && bytes[at] === wanted) at++;
    else return false;
  }
  return at === end;
}
