/**
 * System users for delivery, by the rules of qmail-getpw: the account exists, is not root, and owns its home; an
 * extension follows a dash; what is nobody's goes to alias [man qmail-getpw.9]. Reads /etc/passwd; accounts of other
 * name services are put into users/assign.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { LocalUser } from "./users_cdb.ts";

/** Longest account name that is looked for. */
const NAME_BYTES_MAX = 32;

/** One line of /etc/passwd. */
export interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/** The accounts of passwd(5) text by name; lines that are not accounts are passed over. */
export function parsePasswd(text: string): Map<string, PasswdEntry> {
  const entries = new Map<string, PasswdEntry>();
  for (const line of text.split("\n")) {
    const [name, , uid, gid, , home] = line.split(":");
    if (!name || home === undefined || !/^\d+$/.test(uid!) || !/^\d+$/.test(gid!)) continue;
    if (!entries.has(name)) entries.set(name, { name, uid: Number(uid), gid: Number(gid), home });
  }
  return entries;
}

/** Who owns a folder; undefined when it does not exist. Throws when that cannot be told. */
export type OwnerOf = (directory: string) => number | undefined;

/** The system user of a local part, or undefined when it is nobody's. */
export function findSystemUser(
  entries: ReadonlyMap<string, PasswdEntry>,
  local: string,
  ownerOf: OwnerOf,
): LocalUser | undefined {
  for (let end = local.length; end > 0; end = local.lastIndexOf("-", end - 1)) {
    const name = local.slice(0, end).toLowerCase();
    if (name.length > NAME_BYTES_MAX) continue;
    const entry = entries.get(name);
    if (!entry || entry.uid === 0 || ownerOf(entry.home) !== entry.uid) continue;
    const dash = end < local.length ? "-" : "";
    return { user: entry.name, uid: entry.uid, gid: entry.gid, home: entry.home, dash, ext: local.slice(end + 1) };
  }
  return undefined;
}

/** Reads passwd(5) and tells owners from the file system. */
export class SystemUsers {
  readonly #path: string;
  #kept: { readonly entries: Map<string, PasswdEntry>; readonly modifiedMs: number } | undefined;

  constructor(path = "/etc/passwd") {
    this.#path = path;
  }

  /** All accounts as they are now. Throws Temporary when the file cannot be read. */
  entries(): ReadonlyMap<string, PasswdEntry> {
    try {
      const modifiedMs = Deno.statSync(this.#path).mtime?.getTime() ?? 0;
      if (this.#kept?.modifiedMs !== modifiedMs) {
        this.#kept = { entries: parsePasswd(latin1Text(Deno.readFileSync(this.#path))), modifiedMs };
      }
      return this.#kept.entries;
    } catch (error) {
      throw new Temporary(`cannot read ${this.#path}: ${(error as Error).message}`);
    }
  }

  /** The system user of a local part. */
  find(local: string): LocalUser | undefined {
    return findSystemUser(this.entries(), local, ownerOfDirectory);
  }
}

function ownerOfDirectory(directory: string): number | undefined {
  try {
    return Deno.statSync(directory).uid ?? undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`cannot look at ${directory}: ${(error as Error).message}`);
  }
}
