/** Who tcpserver becomes once it listens: -u, -g and -U. */
import { Temporary, Usage } from "../../../core/errors.ts";
import { accountByName, becomeUser, groupId, groupsOf } from "../../../core/libc/account.ts";
import type { UserIds } from "../../../core/libc/process.ts";

/** What was asked for. */
export interface UserRequest {
  /** A number or a name. */
  readonly user: string | undefined;
  /** Numbers or names, separated by commas. */
  readonly groups: string | undefined;
}

const ID_MAX = 0xffff_fffe;

function numberOf(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number > ID_MAX) throw new Usage(`${text} is no id`);
  return number;
}

function groupOf(text: string): number {
  const gid = numberOf(text) ?? groupId(text);
  if (gid === undefined) throw new Temporary(`there is no group ${text}`);
  return gid;
}

/** The ids to become; undefined: stay. Throws Usage or Temporary. */
export function userIds(request: UserRequest): UserIds | undefined {
  if (request.user === undefined && request.groups === undefined) return undefined;
  const given = request.groups === undefined ? [] : request.groups.split(",").map(groupOf);
  const uid = request.user === undefined ? Deno.uid() ?? 0 : numberOf(request.user);
  if (uid !== undefined) return { uid, gid: given[0] ?? Deno.gid() ?? 0, ...(given.length > 0 && { groups: given }) };
  const account = accountByName(request.user!);
  if (!account) throw new Temporary(`there is no user ${request.user}`);
  const groups = [...new Set([...groupsOf(account.name, account.gid), ...given])];
  return { uid: account.uid, gid: account.gid, groups };
}

/** Becomes that user, for good. Throws LibcError. */
export function changeUser(ids: UserIds): void {
  const same = ids.uid === Deno.uid() && ids.gid === Deno.gid() && ids.groups === undefined;
  if (!same) becomeUser(ids);
}
