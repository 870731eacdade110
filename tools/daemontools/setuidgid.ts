/** setuidgid: runs a program as another account [man setuidgid.8]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type Account, accountByName, becomeUser, groupId, groupsOf } from "../../core/libc/account.ts";
import { CHILD_OPERANDS, execChild } from "./chain.ts";

/** The kernel's largest number of a group. */
const GID_MAX = 0xffff_fffe;

/** The program. */
export const applet = defineApplet({
  names: ["setuidgid"],
  section: 8,
  summary: "run a program as another account",
  role: "tool",
  dialect: "chain",
  options: {
    environment: { flag: "e", help: "set HOME, USER and LOGNAME to those of the account" },
    supplementary: { flag: "s", help: "with all groups that the group file gives the account" },
    groups: { flag: "g", value: "groups", help: "with these groups too: names or numbers, separated by commas" },
  },
  operands: [{ name: "account", help: "name of the account" }, ...CHILD_OPERANDS],
  stopsAtOperand: true,
  description:
    `setuidgid takes on the uid and gid of the account, gives up all other groups and becomes child. Only root can do that.`,
  exits: {
    "111":
      "there is no such account or group, this is not root, or child cannot be run; else the exit code is that of child",
  },
  examples: [{ command: "setuidgid -s -g ssl-cert www prog", help: "as www, with its groups and ssl-cert" }],
  seeAlso: ["envuidgid(8)", "envdir(8)", "softlimit(8)"],
  source: ["[man setuidgid.8]"],
  run(proc) {
    const [name = "", ...child] = proc.args;
    const { environment, supplementary, groups } = proc.options;
    const account = accountByName(name);
    if (!account) throw new Temporary(`unknown account ${name}`);
    const wanted = supplementary ? groupsOf(name, account.gid) : [account.gid];
    const more = groups === undefined ? [] : groups.split(",").map(gidOf);
    try {
      becomeUser({ uid: account.uid, gid: account.gid, groups: [...new Set([...wanted, ...more])] });
    } catch (error) {
      throw new Temporary(`unable to become ${name}: ${errorText(error)}`);
    }
    return execChild(proc, child, environment ? { ...proc.env.all(), ...ofAccount(account) } : undefined);
  },
});

function ofAccount({ name, home }: Account): Record<string, string> {
  return { HOME: home, USER: name, LOGNAME: name };
}

function gidOf(group: string): number {
  const gid = /^\d+$/.test(group) ? Number(group) : groupId(group);
  if (gid === undefined || gid > GID_MAX) throw new Temporary(`unknown group ${group}`);
  return gid;
}
