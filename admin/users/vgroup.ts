/**
 * vgroup: makes groups and keeps their members: a user whose mail goes to the addresses of its alias lines.
 */
import { defineApplet, type OptionSpecs, type Proc } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import {
  type Command,
  COMMAND_CONTROL,
  COMMAND_ENV,
  type LocatedUser,
  warnNoCluster,
  withCommand,
} from "../../storage/accounts/command.ts";
import { checkAliasLine } from "../../storage/accounts/alias_line.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { LIMITS_ENV, limitsInForce } from "../../storage/accounts/domains/limit_checks.ts";
import { checkNewGroup, refuseMemberChange } from "../../storage/accounts/domains/limit_counts.ts";
import { checkGecos, GROUP_MARK, shown, type UserAddress } from "../../storage/accounts/names.ts";
import {
  askPassword,
  makePassword,
  PASSWORD_OPTIONS,
  RANDOM_OPTION,
  randomPasswordOf,
} from "../../storage/accounts/password_choice.ts";
import { checkNewUser } from "../../storage/accounts/domains/limit_quotas.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { ControlFiles } from "../../storage/control/control.ts";

const OPTIONS = {
  verbose: { flag: "v", help: "tell what was changed" },
  add: { flag: "a", help: "make a new group" },
  ...PASSWORD_OPTIONS,
  ...RANDOM_OPTION,
  comment: { flag: "c", value: "comment", help: `comment of the group; ${GROUP_MARK} is put before it` },
  quota: { flag: "q", value: "bytes", help: "quota, for a group that keeps mail itself" },
  hostId: { flag: "H", value: "hostid", help: "host of the group, in a cluster" },
  mdaHost: { flag: "M", value: "host", help: "delivery host of the group, in a cluster" },
  anywhere: { flag: "n", help: "in a cluster, the group may be on another host; a warning elsewhere" },
  insert: { flag: "i", value: "line", help: "add a member: an address, a Maildir or a program" },
  remove: { flag: "d", value: "line", help: "remove a member" },
  update: { flag: "u", value: "line", help: "the member that takes the place of the one of -o" },
  old: { flag: "o", value: "line", help: "the member that -u replaces" },
} as const satisfies OptionSpecs;

export const applet = defineApplet({
  names: ["vgroup"],
  section: 1,
  summary: "make groups and change their members",
  role: "admin",
  dialect: "admin",
  options: OPTIONS,
  operands: [
    { name: "group", help: "address of the group" },
    { name: "password", help: "of a new group; asked for unless given", optional: true },
  ],
  description:
    "A group is a user with alias lines; vuserinfo, vmoduser, vpasswd and vdeluser work on it as on any user. Mail for the " +
    "group goes to its members and not into its own mailbox, unless that is a member too. Where the limits of the domain " +
    "are in force (vlimit), a group counts as a user and as a mailing list; its members are not counted.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  exits: { 0: "done", 1: "there is no such group, or a step failed" },
  examples: [
    { command: "vgroup -a -r 12 team@example.org", help: "makes a group with a random password" },
    { command: "vgroup -i '&alice@example.org' team@example.org", help: "alice gets the team's mail" },
  ],
  seeAlso: ["valias(1)", "vadduser(1)", "vlimit(1)", "vdelivermail(8)"],
  source: ["[man vgroup.1]", "[decision 0087]"],
  async run(proc) {
    const { options, args } = proc;
    if (options.hostId !== undefined || options.mdaHost !== undefined) {
      throw new Permanent("-H, -M: this host is in no cluster (it has no central database)");
    }
    const changes = [options.insert, options.remove, options.update].filter((value) => value !== undefined).length;
    if (options.add ? changes > 0 : changes !== 1) {
      throw new Usage("give -a for a new group, or one of -i, -d and -u for one that is there");
    }
    if ((options.update === undefined) !== (options.old === undefined)) throw new Usage("-u and -o belong together");
    if (options.anywhere) await warnNoCluster(proc, "-n");
    const text = await withCommand(proc, {}, async (command) => {
      const { address, domain } = await command.locate(args[0] ?? "");
      const environment = proc.env.get("DOMAIN_LIMITS");
      if (options.add) return await addGroup(proc, command, { address, domain });
      return await command.domains.locked(() => changeMember(command, domain, { address, environment, ...options }));
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    return await runPostHandle(proc, [args[0] ?? ""]);
  },
});

/** Makes the group of the operands; what is to be told. */
async function addGroup(proc: Proc<typeof OPTIONS>, command: Command, group: LocatedUser): Promise<string> {
  const { args, options } = proc;
  const { address, domain } = group;
  const named = `${address.name}@${address.domain}`;
  const asked = { name: address.name, quota: options.quota, environment: proc.env.get("DOMAIN_LIMITS") };
  const allowedQuota = async () => {
    await checkNewGroup(command, address.domain, await limitsInForce(command, domain, asked));
    return await checkNewUser(command, domain, asked);
  };
  await allowedQuota(); // before a password is asked for
  const clear = args[1] ??
    (options.random === undefined ? await askPassword(proc, named) : randomPasswordOf(options.random));
  const defaults = {
    environment: proc.env.get("PASSWORD_HASH"),
    control: [new ControlFiles(domain.directory), command.control],
  };
  const columns = await makePassword(clear, options, defaults);
  const gecos = checkGecos(`${GROUP_MARK} ${options.comment ?? address.name}`);
  const added = await command.domains.locked(async () => {
    const quota = await allowedQuota();
    return await command.users.add(address, domain, {
      ...columns,
      gecos,
      inactive: false,
      makeDirectory: false,
      quota,
    });
  });
  if (added === "exists") throw new Permanent(`${named} exists already`);
  await command.forget(named);
  const random = args[1] === undefined && options.random !== undefined ? `Password is ${clear}\n` : "";
  return random + (options.verbose ? `made group ${named}\n` : "");
}

interface MemberChange {
  readonly address: UserAddress;
  /** DOMAIN_LIMITS. */
  readonly environment: string | undefined;
  readonly insert: string | undefined;
  readonly remove: string | undefined;
  readonly update: string | undefined;
  readonly old: string | undefined;
  readonly verbose: boolean;
}

async function changeMember(command: Command, entry: DomainEntry, change: MemberChange): Promise<string> {
  const { name, domain } = change.address;
  const { aliases, users } = command.accounts;
  const group = await users.find(name, domain);
  const named = `${name}@${domain}`;
  if (!group) throw new Permanent(`there is no group ${named}: make it with vgroup -a`);
  if (!group.gecos.startsWith(GROUP_MARK)) throw new Permanent(`${named} is a user, not a group: use valias`);
  const act = change.insert !== undefined ? "create" : change.remove !== undefined ? "delete" : "modify";
  const { environment } = change;
  refuseMemberChange(await limitsInForce(command, entry, { name, flags: group.flags, environment }), domain, act);
  let done: string;
  if (change.insert !== undefined) {
    const line = checkAliasLine(change.insert);
    if (await aliases.add(name, domain, line) === "exists") {
      throw new Permanent(`${named} has the member ${line} already`);
    }
    done = `added ${line} to ${named}\n`;
  } else if (change.remove !== undefined) {
    if (await aliases.remove(name, domain, change.remove) === 0) {
      throw new Permanent(`${named} has no member ${shown(change.remove)}`);
    }
    done = `removed ${change.remove} from ${named}\n`;
  } else {
    const line = checkAliasLine(change.update ?? "");
    if (!await aliases.replace(name, domain, { from: change.old ?? "", to: line })) {
      throw new Permanent(`${named} has no member ${shown(change.old ?? "")}`);
    }
    done = `replaced ${change.old} by ${line} in ${named}\n`;
  }
  await command.forget(named);
  return change.verbose ? done : "";
}
