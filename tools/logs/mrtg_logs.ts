/** The lines of a multilog folder that are of a given time: of `current`, and of old files that can hold any. */
import { errorText, Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { forEachLine } from "./lines.ts";
import { stampTime } from "./qmail_log.ts";

/** Times in seconds since 1970, both ends included. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

const AT = 64;

/** Calls `onLine` with each line that has a TAI64N label in the range, and that time. */
export async function forEachLabelled(
  input: ByteReader,
  range: TimeRange,
  onLine: (line: string, seconds: number) => void,
): Promise<void> {
  const take = (line: string) => {
    if (line.charCodeAt(0) !== AT) return;
    const time = stampTime(line.slice(0, 25));
    if (time === undefined) return;
    const seconds = Number(time);
    if (Math.floor(seconds) >= range.from && Math.floor(seconds) <= range.to) onLine(line, seconds);
  };
  const rest = await forEachLine(input, take);
  if (rest !== "") take(rest);
}

/** Files of a folder that may hold lines from then on: an old file is named by the time of its end. Throws Temporary. */
export function logFiles(folder: string, from: number): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => {
      if (name === "current") return true;
      const ended = name.startsWith("@") ? stampTime(name.slice(0, 25)) : undefined;
      return ended !== undefined && Math.floor(Number(ended)) >= from;
    }).sort().map((name) => `${folder}/${name}`);
  } catch (error) {
    throw new Temporary(`unable to read the folder ${folder}: ${errorText(error)}`);
  }
}

/** Reads the lines of a file; one that multilog has removed meanwhile is passed over. Throws Temporary. */
export async function forEachLabelledOf(
  path: string,
  range: TimeRange,
  onLine: (line: string, seconds: number) => void,
): Promise<void> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Temporary(`unable to open ${path}: ${errorText(error)}`);
  }
  try {
    await forEachLabelled(file, range, onLine);
  } finally {
    file.close();
  }
}
