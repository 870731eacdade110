/**
 * vmoduser: changes attributes of a user of a virtual domain.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import {
  type Command,
  COMMAND_CONTROL,
  COMMAND_ENV,
  type LocatedUser,
  withCommand,
} from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { LIMITS_ENV, limitsInForce, refuseForbidden } from "../../storage/accounts/domains/limit_checks.ts";
import { checkVacation } from "../../storage/accounts/domains/limit_counts.ts";
import { checkUserQuota } from "../../storage/accounts/domains/limit_quotas.ts";
import { checkGecos } from "../../storage/accounts/names.ts";
import { makePassword, PASSWORD_OPTIONS, type PasswordChoice } from "../../storage/accounts/password_choice.ts";
import { runPostHandle } from "../../storage/accounts/post_handle.ts";
import { changedQuota } from "../../storage/accounts/user_store.ts";
import { USER_FLAGS, type UserChanges, type UserRow } from "../../storage/accounts/users.ts";
import { setDateFolder, setVacation, vacationText } from "../../storage/accounts/user_files.ts";
import { ControlFiles } from "../../storage/control/control.ts";

/** Options that are a bit of pw_gid, by the names of their options. */
const FLAG_OPTIONS = {
  noDialup: USER_FLAGS.noDialup,
  noPasswordChange: USER_FLAGS.noPasswordChange,
  noPop: USER_FLAGS.noPop,
  noSmtp: USER_FLAGS.noSmtp,
  noWebmail: USER_FLAGS.noWebmail,
  noImap: USER_FLAGS.noImap,
  bounce: USER_FLAGS.bounceMail,
  noRelay: USER_FLAGS.noRelay,
  admin: USER_FLAGS.qaAdmin,
  override: USER_FLAGS.override,
  user0: USER_FLAGS.user0,
  user1: USER_FLAGS.user1,
  user2: USER_FLAGS.user2,
  user3: USER_FLAGS.user3,
} as const;

export const applet = defineApplet({
  names: ["vmoduser"],
  section: 1,
  summary: "modify a user of a virtual domain",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what was changed" },
    toggleActive: { flag: "n", help: "make an active user inactive, and an inactive one active" },
    quota: { flag: "q", value: "bytes", help: "quota, with k, m or g, or NOQUOTA; +N and -N change the present one" },
    comment: { flag: "c", value: "comment", help: "the comment (gecos) of the user" },
    password: { flag: "P", value: "password", help: "a new password" },
    ...PASSWORD_OPTIONS,
    dateFormat: {
      flag: "D",
      value: "format",
      help: "deliver into a folder named by this strftime format; empty: stop that",
    },
    vacation: {
      flag: "l",
      value: "file",
      help: "answer mail with that text; + takes standard input, - stops answering",
    },
    toggle: { flag: "t", help: "the letters below toggle their bits" },
    noDialup: { flag: "u", help: "set: no dialup" },
    noPasswordChange: { flag: "d", help: "set: the password may not be changed" },
    noPop: { flag: "p", help: "set: no POP3" },
    noSmtp: { flag: "s", help: "set: no SMTP with a password" },
    noWebmail: { flag: "w", help: "set: no webmail" },
    noImap: { flag: "i", help: "set: no IMAP" },
    bounce: { flag: "b", help: "set: mail bounces" },
    noRelay: { flag: "r", help: "set: no relaying" },
    override: { flag: "o", help: "set: the domain's limits do not apply" },
    admin: { flag: "a", help: "set: may administer the domain" },
    user0: { flag: "0", help: "set the site's bit 0" },
    user1: { flag: "1", help: "set the site's bit 1" },
    user2: { flag: "2", help: "set the site's bit 2" },
    user3: { flag: "3", help: "set the site's bit 3" },
    clearFlags: { flag: "x", help: "clear all bits first" },
  },
  operands: [{ name: "address", help: "user@domain; without a domain the default one" }],
  description:
    "vmoduser changes what the options name and nothing else. With -t the bits of the letters given are turned over " +
    "rather than set. Where the limits of the domain are in force (vlimit), they may forbid a change, a quota that makes " +
    "the sum of all too great, or one autoresponder more; with the bit of -o they do not hold for the user.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  files: {
    "Maildir/folder.dateformat": "format of -D",
    ".qmail, .vacation.msg, .vacation.dir": "made by -l in the user's home",
  },
  exits: { 0: "the user is changed", 1: "there is no such user, or a step failed" },
  examples: [{ command: "vmoduser -q +100m alice@example.org", help: "gives alice 100 megabytes more" }],
  seeAlso: ["vadduser(1)", "vpasswd(1)", "vuserinfo(1)", "vlimit(1)"],
  source: ["[man vmoduser.9]", "[decision 0087]"],
  async run(proc) {
    const { options } = proc;
    const flagged = Object.entries(FLAG_OPTIONS).filter(([name]) => options[name as keyof typeof FLAG_OPTIONS]);
    const bits = flagged.reduce((sum, [, bit]) => sum | bit, 0);
    const files = options.dateFormat !== undefined || options.vacation !== undefined;
    const columns = options.quota ?? options.comment ?? options.password;
    if (bits === 0 && !options.clearFlags && !options.toggleActive && columns === undefined && !files) {
      throw new Usage("nothing to change: give an option");
    }
    const text = await withCommand(proc, {}, async (command) => {
      const located = await command.locate(proc.args[0] ?? "");
      const { name, domain } = located.address;
      const [limits, hash] = [proc.env.get("DOMAIN_LIMITS"), proc.env.get("PASSWORD_HASH")];
      const { vacation } = options;
      const answer = vacation === undefined ? undefined : { text: await vacationText(command, vacation, proc.stdin) };
      await command.domains.locked(() => modify(command, located, { options, bits, answer, limits, hash }));
      await command.forget(`${name}@${domain}`);
      return options.verbose ? `changed ${name}@${domain}\n` : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
    // not after -l, as its page has it
    return options.vacation === undefined ? await runPostHandle(proc, [proc.args[0] ?? ""]) : undefined;
  },
});

interface Asked {
  readonly options: PasswordChoice & {
    readonly quota: string | undefined;
    readonly comment: string | undefined;
    readonly password: string | undefined;
    readonly dateFormat: string | undefined;
    readonly clearFlags: boolean;
    readonly toggle: boolean;
    readonly toggleActive: boolean;
  };
  readonly bits: number;
  /** The vacation that is asked for; without a text it ends. */
  readonly answer: { readonly text: string | undefined } | undefined;
  /** DOMAIN_LIMITS. */
  readonly limits: string | undefined;
  readonly hash: string | undefined;
}

/** Changes the user; nothing when limits in force forbid a part of it. */
async function modify(command: Command, { address, domain }: LocatedUser, asked: Asked): Promise<void> {
  const { options, bits, answer } = asked;
  const { users } = command.accounts;
  const { name } = address;
  const user = await users.find(name, address.domain);
  if (!user) throw new Permanent(`there is no user ${name}@${address.domain}`);
  const limits = await limitsInForce(command, domain, { name, flags: user.flags, environment: asked.limits });
  refuseForbidden(limits, user.domain, { of: "account", act: "modify" });
  if (answer) {
    await checkVacation(command, domain, { user, isOn: answer.text !== undefined, environment: asked.limits });
  }
  const changes = await columnChanges(command, domain, { ...asked, user });
  const before = options.clearFlags ? 0 : user.flags;
  const flags = options.toggle ? before ^ bits : before | bits;
  await users.update(name, user.domain, flags === user.flags ? changes : { ...changes, flags });
  if (changes.password !== undefined) await command.users.note(user, "pass");
  if (options.toggleActive) {
    await users.setInactive(name, user.domain, !user.inactive);
    await command.users.note(user, user.inactive ? "ACTI" : "INAC");
  }
  if (options.dateFormat !== undefined) await setDateFolder(command, domain, { user, format: options.dateFormat });
  if (answer) await setVacation(command, domain, { user, text: answer.text });
}

async function columnChanges(
  command: Command,
  domain: DomainEntry,
  asked: Asked & { readonly user: UserRow },
): Promise<UserChanges> {
  const { user, options } = asked;
  const quota = options.quota === undefined ? undefined : changedQuota(user.quota, options.quota);
  if (quota !== undefined) await checkUserQuota(command, domain, { user, quota, environment: asked.limits });
  const defaults = { environment: asked.hash, control: [new ControlFiles(domain.directory), command.control] };
  return {
    ...(quota === undefined ? {} : { quota }),
    ...(options.comment === undefined ? {} : { gecos: checkGecos(options.comment) }),
    ...(options.password === undefined ? {} : await makePassword(options.password, options, defaults)),
  };
}
