/**
 * Keywords of messages as Courier keeps them in courierimapkeywords/ of a folder: `:list` has the names, an empty line and
 * `base:INDEX INDEX …`; a file named after a base replaces what `:list` says of it (one keyword a line, empty: none), and
 * `.N.base` are such files that a reader has taken into `:list` already [spec formats 5]. A folder without keywords has
 * no such directory.
 */
import { utf8Bytes } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";

/** Name of the directory. */
export const KEYWORDS_DIRECTORY = "courierimapkeywords";
/** Update files above which `:list` is written anew. */
export const KEYWORD_UPDATES_MAX = 64;
const LIST = ":list";
/** Bytes of `:list` that are read. */
const LIST_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of an update file that are read: 26 keywords of some length. */
const UPDATE_BYTES_MAX = 64 * 1024;

/** The keywords of a folder. */
export interface FolderKeywords {
  /** Keywords by base; messages without any are not in it. */
  readonly byBase: Map<string, readonly string[]>;
  /** Update files that were read: what writeKeywordList may remove. */
  readonly updates: readonly string[];
}

/** What tells one state of a folder's keywords from another; empty when it has none. */
export function keywordStamp(folder: string): string {
  try {
    const stat = Deno.statSync(`${folder}/${KEYWORDS_DIRECTORY}`);
    return `${stat.ino}.${stat.mtime?.getTime()}`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/** The keywords and their bases in the text of `:list`; lines that are none are passed over. */
export function parseKeywordList(text: string): Map<string, readonly string[]> {
  const byBase = new Map<string, readonly string[]>();
  const lines = text.split("\n");
  const blank = lines.indexOf("");
  if (blank < 0) return byBase;
  const names = lines.slice(0, blank);
  for (let at = blank + 1; at < lines.length; at++) {
    const line = lines[at]!;
    const colon = line.lastIndexOf(":");
    if (colon < 1) continue;
    const keywords: string[] = [];
    for (const index of line.slice(colon + 1).split(" ")) {
      const name = names[Number(index)];
      if (index !== "" && name !== undefined && !keywords.includes(name)) keywords.push(name);
    }
    if (keywords.length > 0) byBase.set(line.slice(0, colon), keywords);
  }
  return byBase;
}

/** The text of `:list`. */
export function formatKeywordList(byBase: ReadonlyMap<string, readonly string[]>): string {
  const indexes = new Map<string, number>();
  const lines: string[] = [];
  for (const [base, keywords] of byBase) {
    const numbers = keywords.map((name) => {
      const known = indexes.get(name);
      if (known !== undefined) return known;
      indexes.set(name, indexes.size);
      return indexes.size - 1;
    });
    lines.push(`${base}:${numbers.join(" ")}\n`);
  }
  return `${[...indexes.keys()].map((name) => `${name}\n`).join("")}\n${lines.join("")}`;
}

/** All keywords of a folder; undefined when it has none. */
export function readKeywords(folder: string): FolderKeywords | undefined {
  const directory = `${folder}/${KEYWORDS_DIRECTORY}`;
  let names: string[];
  try {
    names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw error;
  }
  const byBase = parseKeywordList(tryText(`${directory}/${LIST}`, LIST_BYTES_MAX) ?? "");
  const newest = new Map<string, { readonly rank: number; readonly name: string }>();
  const updates: string[] = [];
  for (const name of names) {
    if (name === LIST) continue;
    const numbered = /^\.(\d{1,15})\.(.+)$/.exec(name);
    if (!numbered && name.startsWith(".")) continue;
    updates.push(name);
    const base = numbered ? numbered[2]! : name;
    const rank = numbered ? Number(numbered[1]) : Infinity;
    if (rank >= (newest.get(base)?.rank ?? -1)) newest.set(base, { rank, name });
  }
  for (const [base, { name }] of newest) {
    const text = tryText(`${directory}/${name}`, UPDATE_BYTES_MAX);
    if (text === undefined) continue;
    const keywords = [...new Set(text.split("\n").filter((line) => line !== ""))];
    if (keywords.length > 0) byBase.set(base, keywords);
    else byBase.delete(base);
  }
  return { byBase, updates };
}

/** Sets the keywords of one message: a file in tmp, renamed to its base. */
export async function writeKeywords(
  disk: Disk,
  folder: string,
  message: { readonly base: string; readonly keywords: readonly string[] },
): Promise<void> {
  const text = message.keywords.map((name) => `${name}\n`).join("");
  const place = () =>
    replaceFile(disk, `${folder}/tmp/keywords.${Deno.pid}`, {
      path: `${folder}/${KEYWORDS_DIRECTORY}/${message.base}`,
      text,
    });
  try {
    await place();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    await disk.mkdir(`${folder}/${KEYWORDS_DIRECTORY}`, { recursive: true, mode: 0o700 });
    await place();
  }
}

/** Writes `:list` anew and removes the update files that are in it. */
export async function writeKeywordList(disk: Disk, folder: string, keywords: FolderKeywords): Promise<void> {
  const directory = `${folder}/${KEYWORDS_DIRECTORY}`;
  await disk.mkdir(directory, { recursive: true, mode: 0o700 });
  await replaceFile(disk, `${folder}/tmp/keywords.${Deno.pid}`, {
    path: `${directory}/${LIST}`,
    text: formatKeywordList(keywords.byBase),
  });
  for (const name of keywords.updates) {
    await disk.unlink(`${directory}/${name}`).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}

async function replaceFile(
  disk: Disk,
  tmp: string,
  target: { readonly path: string; readonly text: string },
): Promise<void> {
  const file = await disk.open(tmp, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    await file.append(utf8Bytes(target.text));
  } finally {
    file.close();
  }
  await disk.rename(tmp, target.path);
}

function tryText(path: string, bytesMax: number): string | undefined {
  try {
    if (Deno.statSync(path).size > bytesMax) return undefined;
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
