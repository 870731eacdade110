/**
 * Where a user's home goes: BASE/{A2E|F2K|L2P|Q2S|T2Zsym}/domain/[hash/]user, at most 100 users a directory [spec formats
 * 23] [man vadduser.9]. The state is in the dir_control tables; freed places are in the domain's folder and used first.
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import type { Disk } from "../disk.ts";
import { DIR_CONTROL_START, type DirControl, type DirControls } from "./tables/dir_control.ts";

/** Users of one directory unless asked otherwise. */
export const USERS_PER_DIRECTORY = 100;

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LAST = LETTERS.length - 1;
const RANGES = [["a", "e", "A2E"], ["f", "k", "F2K"], ["l", "p", "L2P"], ["q", "s", "Q2S"]] as const;
/** What stands for "no directory" in a list of freed places. */
const NO_HASH = ".";

/** The folder for the first letter of a user's name. */
export function letterRange(name: string): string {
  const first = name.charAt(0).toLowerCase();
  return RANGES.find(([from, to]) => first >= from && first <= to)?.[2] ?? "T2Zsym";
}

/** All letter ranges. */
export const LETTER_RANGES: readonly string[] = [...RANGES.map(([, , range]) => range), "T2Zsym"];

/** The directory after this one: `` `0` … `z` `0/0` … `z/z` `0/0/0` … [spec formats 23]. */
export function nextDirectory(directory: string): string {
  const digits = directory === "" ? [] : [...directory].filter((one) => one !== "/").map((one) => LETTERS.indexOf(one));
  for (let at = digits.length - 1; at >= 0; at--) {
    const digit = digits[at] ?? LAST;
    if (digit < LAST) {
      digits[at] = digit + 1;
      return digits.map((one) => LETTERS[one]).join("/");
    }
    digits[at] = 0;
  }
  const deeper = digits.length < 3 ? digits.length + 1 : 3;
  return Array.from({ length: deeper }, () => LETTERS[0]).join("/");
}

/** The state after one more user. */
export function addedUser(state: DirControl, usersPerDirectory: number): DirControl {
  const users = state.users + 1;
  if (users % usersPerDirectory !== 0) return { ...state, users };
  const directory = nextDirectory(state.directory);
  const digits = directory.split("/").map((one) => LETTERS.indexOf(one));
  const index: [number, number, number] = [digits[0] ?? 0, digits[1] ?? 0, digits[2] ?? 0];
  return { ...state, users, directory, index, levelCurrent: digits.length - 1 };
}

/** What user directories are made from. */
export interface UserDirectoryContext {
  readonly disk: Disk;
  readonly dirControls: DirControls;
  /** Folder of the domain's own files. */
  readonly domainDirectory: string;
  readonly domain: string;
}

/** The name of a file system and letter range in dir_control tables: `_home_A2E`, `root_A2E`. */
export function dirControlSuffix(basePath: string, range: string, mounts: readonly string[]): string {
  const inside = (mount: string) => mount === "/" || basePath === mount || basePath.startsWith(`${mount}/`);
  const mount = mounts.filter(inside).sort((left, right) => right.length - left.length)[0] ?? "/";
  return `${mount === "/" ? "root" : mount.replaceAll("/", "_")}_${range}`;
}

/** Mount points of this host from the text of /proc/self/mounts. */
export function parseMounts(text: string): readonly string[] {
  return text.split("\n").map((line) => line.split(" ")[1] ?? "").filter((mount) => mount !== "")
    .map((mount) => mount.replaceAll("\\040", " "));
}

/** Places for new users, before anything of them is written. */
export interface PlannedPlaces {
  readonly state: DirControl;
  /** A directory below `domain` for each user, empty for none. */
  readonly directories: readonly string[];
  /** Freed places that were not used. */
  readonly freed: readonly string[];
}

/** Where the next users go, the freed places first. */
export function planPlaces(
  before: { readonly state: DirControl; readonly freed: readonly string[] },
  asked: { readonly users: number; readonly usersPerDirectory: number },
): PlannedPlaces {
  const directories = before.freed.slice(0, asked.users);
  let state: DirControl = { ...before.state, users: before.state.users + directories.length };
  while (directories.length < asked.users) {
    state = addedUser(state, asked.usersPerDirectory);
    directories.push(state.directory);
  }
  return { state, directories, freed: before.freed.slice(asked.users) };
}

/** Takes a place for a new user and gives its directory below `domain`; empty for none. */
export async function takeDirectory(
  context: UserDirectoryContext,
  suffix: string,
  usersPerDirectory: number = USERS_PER_DIRECTORY,
): Promise<string> {
  const freed = await readFreed(context, suffix);
  const planned = await context.dirControls.change(suffix, context.domain, (state) => {
    const result = planPlaces({ state, freed }, { users: 1, usersPerDirectory });
    return { state: result.state, result };
  });
  await notePlaces(context, suffix, { before: freed, planned });
  return planned.directories[0] ?? "";
}

/** Writes down in the domain's folder which freed places are left after some were taken, and which trees it has users in. */
export async function notePlaces(
  context: UserDirectoryContext,
  suffix: string,
  taken: { readonly before: readonly string[]; readonly planned: PlannedPlaces },
): Promise<void> {
  const { before, planned } = taken;
  if (planned.freed.length < before.length) await writeFreed(context, suffix, planned.freed);
  if (planned.directories.length > before.length - planned.freed.length) await listSuffix(context, suffix);
}

/** Gives a removed user's place back. */
export async function giveDirectoryBack(
  context: UserDirectoryContext,
  suffix: string,
  directory: string,
): Promise<void> {
  await context.dirControls.change(suffix, context.domain, (state) => ({
    state: state.users <= 1 ? DIR_CONTROL_START : { ...state, users: state.users - 1 },
    result: undefined,
  }));
  const { users } = await context.dirControls.find(suffix, context.domain);
  const freed = users === 0 ? [] : [...await readFreed(context, suffix), directory];
  await writeFreed(context, suffix, freed);
}

/** Forgets the places of removed users. */
export async function forgetFreed(context: UserDirectoryContext, suffix: string): Promise<void> {
  if ((await readFreed(context, suffix)).length > 0) await writeFreed(context, suffix, []);
}

/** The suffixes that a domain has users under: its file `.filesystems`. */
export async function listSuffixes(context: UserDirectoryContext): Promise<readonly string[]> {
  return (await readLines(context.disk, `${context.domainDirectory}/.filesystems`)).filter((line) => line !== "");
}

async function listSuffix(context: UserDirectoryContext, suffix: string): Promise<void> {
  const listed = await listSuffixes(context);
  if (listed.includes(suffix)) return;
  await replaceFile(context, ".filesystems", [...listed, suffix]);
}

/** The places of removed users that nobody has taken. */
export async function readFreed(context: UserDirectoryContext, suffix: string): Promise<string[]> {
  const lines = await readLines(context.disk, `${context.domainDirectory}/.${suffix}`);
  return lines.filter((line) => /^(?:\.|[0-9A-Za-z](?:\/[0-9A-Za-z]){0,2})$/.test(line))
    .map((line) => line === NO_HASH ? "" : line);
}

async function writeFreed(context: UserDirectoryContext, suffix: string, freed: readonly string[]): Promise<void> {
  await replaceFile(context, `.${suffix}`, freed.map((one) => one === "" ? NO_HASH : one));
}

async function readLines(disk: Disk, path: string): Promise<string[]> {
  try {
    return latin1Text(await disk.readFile(path)).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function replaceFile(context: UserDirectoryContext, name: string, lines: readonly string[]): Promise<void> {
  const { disk, domainDirectory } = context;
  const [path, temporary] = [`${domainDirectory}/${name}`, `${domainDirectory}/${name}.new`];
  const file = await disk.open(temporary, { write: true, create: true, truncate: true, mode: 0o644 });
  try {
    await file.append(latin1Bytes(lines.map((line) => `${line}\n`).join("")));
  } finally {
    file.close();
  }
  await disk.rename(temporary, path);
}
