/**
 * resetquota: counts Maildirs and writes their maildirsize anew.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { accountByName, groupId } from "../../core/libc/account.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { LIMITS_ENV } from "../../storage/accounts/domains/limit_checks.ts";
import { checkUserQuota } from "../../storage/accounts/domains/limit_quotas.ts";
import { checkFolder, shown } from "../../storage/accounts/names.ts";
import { settleQuota } from "../../storage/accounts/user_quota.ts";
import { quotaText } from "../../storage/accounts/user_store.ts";
import type { UserRow } from "../../storage/accounts/users.ts";
import { tryQuota } from "../../storage/maildir/quota.ts";
import { readMaildirSize, recountUsage } from "../../storage/maildir/quota_size.ts";

export const applet = defineApplet({
  names: ["resetquota"],
  section: 8,
  summary: "count Maildirs anew for their quotas",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what each Maildir holds" },
    user: { flag: "u", value: "user", help: "owner of maildirsize", default: "the Maildir's" },
    group: { flag: "g", value: "group", help: "group of maildirsize", default: "the Maildir's" },
    quota: {
      flag: "q",
      value: "quota",
      help: "quota of the Maildir",
      default: "what maildirsize has, else the user's",
    },
    permissions: { flag: "p", value: "mode", help: "permissions of maildirsize, octal", default: "644" },
  },
  operands: [{ name: "Maildir", help: "a Maildir by its whole path", repeat: true }],
  description:
    "resetquota counts all folders but the Trash and writes maildirsize. When the Maildir is that of a user of a " +
    "virtual domain and has room again, mail that bounced for the full mailbox is taken again. -q changes such a user's " +
    "quota as vsetuserquota does, where the limits of the domain that are in force let it.",
  env: { ...COMMAND_ENV, ...LIMITS_ENV },
  control: COMMAND_CONTROL,
  files: { "Maildir/maildirsize": "quota, bytes and messages" },
  exits: { 0: "all Maildirs are counted", 1: "there is no such Maildir, or a step failed" },
  examples: [{ command: "resetquota -v /home/mail/A2E/example.org/alice/Maildir", help: "counts one mailbox" }],
  seeAlso: ["vsetuserquota(1)", "vmoduser(1)", "maildirmake(1)"],
  source: ["[man resetquota.8]", "[spec formats 5]"],
  async run(proc) {
    const { options } = proc;
    const quota = options.quota === undefined ? undefined : quotaText(options.quota);
    const owner = {
      uid: options.user === undefined ? undefined : userId(options.user),
      gid: options.group === undefined ? undefined : groupIdOf(options.group),
      mode: options.permissions === undefined ? undefined : modeOf(options.permissions),
    };
    const nowMs = proc.clock.nowMs();
    const text = await withCommand(proc, {}, async (command) => {
      const lines: string[] = [];
      for (const operand of proc.args) {
        const maildir = checkFolder("Maildir", operand);
        lines.push(await reset(command, { maildir, quota, nowMs, environment: proc.env.get("DOMAIN_LIMITS") }));
        await setOwner(command, `${maildir}/maildirsize`, owner);
      }
      return options.verbose ? lines.join("") : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
  },
});

function userId(name: string): number {
  const account = accountByName(name);
  if (!account) throw new Permanent(`-u ${shown(name)}: there is no such user`);
  return account.uid;
}

function groupIdOf(name: string): number {
  const gid = groupId(name);
  if (gid === undefined) throw new Permanent(`-g ${shown(name)}: there is no such group`);
  return gid;
}

function modeOf(text: string): number {
  if (!/^[0-7]{3,4}$/.test(text)) throw new Usage(`-p ${shown(text)}: not permissions in octal`);
  return parseInt(text, 8);
}

interface Asked {
  readonly maildir: string;
  readonly quota: string | undefined;
  readonly nowMs: number;
  /** DOMAIN_LIMITS. */
  readonly environment: string | undefined;
}

async function reset(command: Command, { maildir, quota, nowMs, environment }: Asked): Promise<string> {
  const { disk } = command;
  for (const part of ["cur", "new"]) {
    try {
      await disk.stat(`${maildir}/${part}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Permanent(`${maildir} is no Maildir: it has no folder ${part}`);
    }
  }
  const user = await userOf(command, maildir);
  if (user) {
    const changed = quota === undefined ? user : { ...user, quota };
    if (quota !== undefined) await setQuota(command, user, { quota, environment });
    const usage = await settleQuota(command, changed, nowMs);
    await command.forget(`${user.name}@${user.domain}`);
    return `${maildir}: ${usage?.bytes ?? 0} bytes in ${usage?.messages ?? 0} messages, quota ${changed.quota}\n`;
  }
  const context = { disk, maildir, nowMs };
  const kept = quota === undefined ? (await readMaildirSize(context))?.quota : tryQuota(quota);
  if (!kept) throw new Permanent(`${maildir} has no maildirsize and no user of ours: give its quota with -q`);
  const usage = await recountUsage(context, kept);
  return `${maildir}: ${usage.bytes} bytes in ${usage.messages} messages\n`;
}

async function setQuota(
  command: Command,
  { name, domain }: UserRow,
  asked: { readonly quota: string; readonly environment: string | undefined },
): Promise<void> {
  const entry = await command.realDomain(domain);
  await command.domains.locked(async () => {
    const user = await command.accounts.users.find(name, domain);
    if (user) await checkUserQuota(command, entry, { user, ...asked });
    await command.accounts.users.update(name, domain, { quota: asked.quota });
  });
}

/** The user whose mail it is: the path ends in the domain, maybe folders of the directory tree, and the name. */
async function userOf(command: Command, maildir: string): Promise<UserRow | undefined> {
  if (!maildir.endsWith("/Maildir")) return undefined;
  const home = await Deno.realPath(maildir.slice(0, -"/Maildir".length));
  const parts = home.split("/");
  const name = parts.pop() ?? "";
  for (let at = parts.length - 1; at > 0; at--) {
    const user = await command.accounts.users.find(name, parts[at]!);
    if (user && await realPath(user.home) === home) return user;
  }
  return undefined;
}

async function realPath(path: string): Promise<string | undefined> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function setOwner(
  command: Command,
  path: string,
  owner: { readonly uid: number | undefined; readonly gid: number | undefined; readonly mode: number | undefined },
): Promise<void> {
  const { disk } = command;
  if (owner.mode !== undefined) await disk.chmod(path, owner.mode);
  if (owner.uid === undefined && owner.gid === undefined) return;
  const stat = await disk.stat(path);
  await disk.chown(path, owner.uid ?? stat.uid, owner.gid ?? stat.gid);
}
