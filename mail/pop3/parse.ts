/**
 * Parses a POP3 command line: a keyword and its arguments [rfc1939 3]. Lines come without their line end, as latin1 text.
 */
import { Permanent } from "../../core/errors.ts";

/** Longest command, bytes with CRLF [rfc2449 4]; longer ones of clients without manners are taken up to here. Ours. */
export const COMMAND_BYTES_MAX = 512;

/** A command line. */
export interface Pop3Command {
  /** Upper case. */
  readonly verb: string;
  /** All that follows the first blank, as it is: passwords may hold blanks [rfc1939 7, PASS]. */
  readonly rest: string;
}

/** Takes a line apart. Throws Permanent when it is none that a client may send. */
export function parseCommand(line: string): Pop3Command {
  const blank = line.indexOf(" ");
  const verb = blank < 0 ? line : line.slice(0, blank);
  if (!/^[A-Za-z0-9]{1,40}$/.test(verb)) throw new Permanent("a command begins with a keyword");
  if (line.includes("\0")) throw new Permanent("no NUL, please");
  return { verb: verb.toUpperCase(), rest: blank < 0 ? "" : line.slice(blank + 1) };
}

/** The arguments of a command, at most `most`. Throws Permanent when there are fewer than `least` or more. */
export function parseArguments(rest: string, least: number, most: number): string[] {
  const words = rest.split(" ").filter((word) => word !== "");
  if (words.length < least) throw new Permanent("an argument is missing");
  if (words.length > most) throw new Permanent("too many arguments");
  return words;
}

/** A number of digits. Throws Permanent naming what it should be. */
export function parseNumber(word: string, what: string): number {
  if (!/^\d{1,10}$/.test(word)) throw new Permanent(`${what} is not a number`);
  return Number(word);
}
