/**
 * The original's accounts and groups on this host, and who owns what when they are used. Missing ones are made with the
 * system's own useradd and groupadd [man shadow.5]; existing ones are left as they are.
 */
import type { Proc } from "../../core/applet.ts";
import { Temporary } from "../../core/errors.ts";
import { accountByName, groupId } from "../../core/libc/account.ts";
import type { Paths } from "../../core/paths.ts";

/** Groups of the original. */
export const GROUPS = ["qmail", "nofiles", "indimail", "qcerts"] as const;

/** Accounts of the original, each with its group. */
export const ACCOUNTS = {
  alias: "nofiles",
  qmaild: "nofiles",
  qmaill: "nofiles",
  qmailp: "nofiles",
  qmailq: "qmail",
  qmailr: "qmail",
  qmails: "qmail",
  indimail: "indimail",
} as const satisfies Record<string, (typeof GROUPS)[number]>;

/** The name of an account. */
export type AccountName = keyof typeof ACCOUNTS;

/** uid of each account and gid of each group. */
export interface AccountIds {
  readonly uid: (name: AccountName) => number;
  readonly gid: (name: (typeof GROUPS)[number]) => number;
}

async function run(proc: Proc, program: string, args: readonly string[]): Promise<void> {
  const child = await proc.spawn({ program, args, fds: { 0: "null", 1: 1, 2: 2 } });
  const end = await child.ended;
  if (end.code !== 0 || end.signal !== 0) {
    throw new Temporary(`${program} ${args.join(" ")} ended with exit code ${end.code}: make the account by hand`);
  }
}

/** Makes what is missing; the names made. Needs root. Throws Temporary when useradd or groupadd fails. */
export async function ensureAccounts(proc: Proc, paths: Paths): Promise<string[]> {
  const made: string[] = [];
  for (const group of GROUPS) {
    if (groupId(group) !== undefined) continue;
    await run(proc, "groupadd", ["--system", group]);
    made.push(group);
  }
  for (const [name, group] of Object.entries(ACCOUNTS)) {
    if (accountByName(name)) continue;
    const home = name === "alias" ? paths.alias : name === "indimail" ? paths.mail : paths.lib;
    const options = ["--system", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin"];
    await run(proc, "useradd", [...options, "--gid", group, name]);
    made.push(name);
  }
  return made;
}

/** The ids of all accounts and groups; asking for a missing one throws Temporary. */
export function accountIds(): AccountIds {
  return {
    uid(name) {
      const account = accountByName(name);
      if (!account) throw new Temporary(`there is no account ${name}`);
      return account.uid;
    },
    gid(name) {
      const gid = groupId(name);
      if (gid === undefined) throw new Temporary(`there is no group ${name}`);
      return gid;
    },
  };
}
