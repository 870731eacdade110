/**
 * Which user a local recipient belongs to: users/cdb, then system users, then alias [man qmail-lspawn.9].
 */
import type { CdbFile } from "../../storage/cdb/reader.ts";
import type { SystemUsers } from "../../storage/users/passwd.ts";
import { findUser } from "../../storage/users/users_cdb.ts";
import type { LocalRecipient } from "./environment.ts";

/** Where users are looked for. */
export interface UserSources {
  readonly usersCdb: CdbFile;
  readonly systemUsers: SystemUsers;
  /** ~alias: owner and folder. */
  readonly alias: { readonly uid: number; readonly gid: number; readonly home: string };
}

/** The recipient `local@domain` with its user. Throws Temporary when the sources cannot be read. */
export function resolveRecipient(sources: UserSources, recipient: string): LocalRecipient {
  const at = recipient.lastIndexOf("@");
  const local = at < 0 ? recipient : recipient.slice(0, at);
  const domain = at < 0 ? "" : recipient.slice(at + 1);
  const cdb = sources.usersCdb.current();
  const assigned = cdb && findUser(cdb, local);
  if (assigned) return { ...assigned, local, domain };
  const system = sources.systemUsers.find(local);
  if (system) return { ...system, local, domain };
  return { user: "alias", ...sources.alias, dash: "-", ext: local, local, domain };
}
