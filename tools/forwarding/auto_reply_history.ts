/**
 * Who was answered when: empty files PID.TIME.SENDER in a folder, links to one another to save inodes. TIME is in seconds
 * since 1970; SENDER is in lower case, with colons for slashes [man autoresponder.1].
 */
import { linkSync } from "node:fs";
import { systemText } from "../../core/byte_text.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { cdbHash } from "../../storage/cdb/hash.ts";

/** Records of a folder above which the rest is not looked at: a week of answers has fewer. Ours. */
const RECORDS_MAX = 1_000_000;
/** Bytes of a sender in a file name; of a longer one a part and a hash stand there. Ours: a name has at most 255. */
const SENDER_BYTES_MAX = 200;
const RECORD = /^(\d{1,10})\.(\d{1,15})\.([^]*)$/;

/** How often one sender is answered. */
export interface AnswerLimit {
  readonly answersMax: number;
  /** Seconds for which an answer counts; below 0: none counts. */
  readonly seconds: number;
}

/** An answer to be. */
export interface Answer {
  readonly sender: string;
  readonly atSeconds: number;
  readonly pid: number;
}

/** The sender's part of a file name, of latin1 text. */
export function recordName(sender: string): string {
  const name = sender.toLowerCase().replaceAll("/", ":").replaceAll("\0", ":");
  if (name.length <= SENDER_BYTES_MAX) return name;
  const bytes = latin1Bytes(name);
  const hash = [cdbHash(bytes), cdbHash(bytes, 0)].map((part) => part.toString(16).padStart(8, "0")).join("");
  return `${name.slice(0, SENDER_BYTES_MAX - hash.length - 1)}.${hash}`;
}

function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NotFound;
}

/** Removes a record; that it is gone, or must stay, is nobody's trouble. */
function tryRemove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!isMissing(error) && !(error instanceof Deno.errors.PermissionDenied)) throw error;
  }
}

/** Looks through the folder, removing what counts no longer: how often the sender was answered, and a record to link to. */
function lookThrough(
  folder: string,
  { limit, answer, name }: { readonly limit: AnswerLimit; readonly answer: Answer; readonly name: string },
): { readonly count: number; readonly last: string | undefined } {
  let count = 0;
  let last: string | undefined;
  let seen = 0;
  for (const entry of Deno.readDirSync(folder)) {
    const [, pid, time, sender] = RECORD.exec(entry.name) ?? [];
    if (Number(pid ?? 0) === 0 || ++seen > RECORDS_MAX) continue;
    if (limit.seconds < 0 || answer.atSeconds - Number(time) > limit.seconds) {
      tryRemove(`${folder}/${entry.name}`);
      continue;
    }
    if (sender === name && ++count >= limit.answersMax) return { count, last };
    last = entry.name;
  }
  return { count, last };
}

/**
 * Notes an answer, if the sender may have one; undefined when he has had enough. The result takes the note back: the
 * answer could not be sent. Throws Temporary when the folder cannot be used.
 */
export function noteAnswer(
  folder: string,
  answer: Answer,
  options: { readonly limit: AnswerLimit; readonly links: boolean },
): (() => void) | undefined {
  const name = systemText(recordName(answer.sender));
  const path = `${folder}/${answer.pid}.${answer.atSeconds}.${name}`;
  try {
    const { count, last } = lookThrough(folder, { limit: options.limit, answer, name });
    if (count > 0 && count >= options.limit.answersMax) return undefined;
    if (!options.links || last === undefined || !tryLink(`${folder}/${last}`, path)) {
      Deno.openSync(path, { write: true, createNew: true, mode: 0o444 }).close();
    }
  } catch (error) {
    throw new Temporary(`unable to keep count of answers in ${folder}: ${errorText(error)}`);
  }
  return () => tryRemove(path);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch {
    return false; // gone, or it has as many links as there can be: then a file of its own
  }
}
