/**
 * users/cdb: users/assign compiled for look-up [man qmail-newu.9] [spec formats 7].
 */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { Cdb } from "../cdb/reader.ts";
import { writeCdb } from "../cdb/writer.ts";
import type { Disk } from "../disk.ts";
import { type Assignment, parseAssign } from "./assign.ts";

/** The user that a local part belongs to. Text is latin1. */
export interface LocalUser {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
  /** What stands before the extension in the name of a .qmail file: `-` or nothing. */
  readonly dash: string;
  readonly ext: string;
}

/** Records of users/cdb for these assignments; the first line for a local part wins. */
export function* usersCdbRecords(assignments: readonly Assignment[]): Generator<[Uint8Array, Uint8Array]> {
  const wildcards = new Set<string>();
  const seen = new Set<string>();
  for (const assignment of assignments) {
    const { local, user, uid, gid, home, dash, ext } = assignment;
    const key = assignment.kind === "exact" ? `!${local}\0` : `!${local}`;
    if (assignment.kind === "prefix" && local !== "") wildcards.add(local.at(-1)!);
    if (seen.has(key)) continue;
    seen.add(key);
    yield [latin1Bytes(key), latin1Bytes([user, uid, gid, home, dash, ext].join("\0"))];
  }
  yield [new Uint8Array(0), latin1Bytes([...wildcards].join(""))];
}

/** Compiles `assign` into `cdb` beside it. Throws Permanent naming file and line of an error; the old cdb then stays. */
export async function compileUsers(disk: Disk, usersDirectory: string): Promise<number> {
  const path = `${usersDirectory}/assign`;
  const assignments = parseAssign(latin1Text(await disk.readFile(path)), path);
  await writeCdb(disk, `${usersDirectory}/cdb`, usersCdbRecords(assignments));
  return assignments.length;
}

/** The user of a local part: exact line first, then the longest prefix; undefined when no line covers it. */
export function findUser(cdb: Cdb, local: string): LocalUser | undefined {
  const lower = local.toLowerCase();
  const exact = cdb.find(latin1Bytes(`!${lower}\0`));
  if (exact) return parseUser(exact, "");
  const wildcards = latin1Text(cdb.find(new Uint8Array(0)) ?? new Uint8Array(0));
  for (let length = lower.length; length >= 0; length--) {
    if (length > 0 && !wildcards.includes(lower[length - 1]!)) continue;
    const found = cdb.find(latin1Bytes(`!${lower.slice(0, length)}`));
    if (found) return parseUser(found, local.slice(length));
  }
  return undefined;
}

function parseUser(data: Uint8Array, rest: string): LocalUser {
  const [user, uid, gid, home, dash, ext] = latin1Text(data).split("\0");
  if (!user || home === undefined || dash === undefined || ext === undefined || !/^\d+$/.test(`${uid}${gid}`)) {
    throw new Temporary("users/cdb holds a record that is not one of users: make it again with qmail-newu");
  }
  return { user, uid: Number(uid), gid: Number(gid), home, dash, ext: ext + rest };
}
