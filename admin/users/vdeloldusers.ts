/**
 * vdeloldusers: housekeeping: users who have not logged in for long, old unread mail, old trash.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import type { LastauthService } from "../../storage/accounts/tables/lastauth.ts";
import { checkDomainName, GROUP_MARK, shown } from "../../storage/accounts/names.ts";
import type { UserRow } from "../../storage/accounts/users.ts";
import { settleQuota } from "../../storage/accounts/user_quota.ts";

const DAY_SECONDS = 86_400;
/** Days without a login after which a user is old, and days after which unread mail is [man vdeloldusers.8]. */
const USER_DAYS = 60;
const MAIL_DAYS = 30;
/** Names that a domain must have [rfc2142]: never old. */
const KEPT_NAMES = new Set([
  "postmaster",
  "abuse",
  "mailer-daemon",
  "hostmaster",
  "webmaster",
  "noc",
  "security",
  "root",
]);
const LOGINS: readonly LastauthService[] = ["imap", "pop3", "smtp", "webm", "pass", "add", "ACTI"];

export const applet = defineApplet({
  names: ["vdeloldusers"],
  section: 8,
  summary: "remove users, mail and trash that are old",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell what is done" },
    domain: { flag: "d", value: "domain", help: "the virtual domain", default: "all" },
    userDays: { flag: "a", value: "days", help: "a user without a login for so long is old", default: "60" },
    mailDays: {
      flag: "u",
      value: "days",
      help: "unread mail of the inbox older than that goes; -1: never",
      default: "30",
    },
    trashDays: { flag: "t", value: "days", help: "trash of users with a login within that time goes", default: "none" },
    folder: { flag: "m", value: "folder", help: "the folder that is trash", default: "Trash" },
    comment: { flag: "s", value: "text", help: "only users whose comment begins with it" },
    clear: { flag: "c", help: "read mail of the inbox that is older goes too" },
    purge: { flag: "p", help: "remove old users with their mail" },
    inactivate: { flag: "i", help: "make old users inactive; their mail stays" },
    report: { flag: "r", help: "only tell what would be done" },
    fast: { flag: "f", help: "believe the logins of the database; do not look when the inbox was changed last" },
  },
  description:
    "Without -p and -i users stay as they are. Groups and the addresses that every domain must have are never old. A " +
    "user without any login on record is as old as the home.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: { 0: "done", 1: "a step failed" },
  examples: [{ command: "vdeloldusers -r -i -a 365 -u -1", help: "who would become inactive after a year" }],
  seeAlso: ["vdeluser(1)", "vmoduser(1)"],
  source: ["[man vdeloldusers.8]"],
  async run(proc) {
    const { options } = proc;
    if (options.purge && options.inactivate) throw new Usage("-p and -i exclude each other");
    const plan: Plan = {
      nowSeconds: Math.floor(proc.clock.nowMs() / 1000),
      userDays: days("-a", options.userDays) ?? USER_DAYS,
      mailDays: days("-u", options.mailDays) ?? MAIL_DAYS,
      trashDays: days("-t", options.trashDays),
      trash: `.${trashFolder(options.folder ?? "Trash")}`,
      readToo: options.clear,
      action: options.purge ? "purge" : options.inactivate ? "inactivate" : "none",
      report: options.report,
      fast: options.fast,
    };
    const text = await withCommand(proc, {}, async (command) => {
      const wanted = options.domain === undefined
        ? undefined
        : await command.realDomain(checkDomainName(options.domain));
      const lines: string[] = [];
      for (const domain of wanted ? [wanted] : await command.domains.list()) {
        if (domain.aliasOf !== undefined) continue;
        for await (const user of command.accounts.users.list(domain.domain)) {
          if (user.gecos.startsWith(GROUP_MARK) || KEPT_NAMES.has(user.name)) continue;
          if (options.comment !== undefined && !user.gecos.startsWith(options.comment)) continue;
          lines.push(...await keepHouse(command, { user, domain }, plan));
        }
      }
      return options.verbose || options.report ? lines.join("") : "";
    });
    await proc.stdout.write(new TextEncoder().encode(text));
  },
});

/** Longest name of a folder: with its dot that of a file. */
const FOLDER_CHARACTERS_MAX = 150;

/** A folder of a Maildir, and nothing outside of it: what is there is removed. */
function trashFolder(text: string): string {
  const isOne = text.split(".").every((part) => part !== "") && !/[/\p{Cc}]/u.test(text);
  if (!isOne || text.length > FOLDER_CHARACTERS_MAX) {
    throw new Permanent(`-m ${shown(text)} is not the name of a folder`);
  }
  return text;
}

function days(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^-?\d{1,5}$/.test(text)) throw new Usage(`${option} ${shown(text)}: not a number of days`);
  return Number(text);
}

interface Plan {
  readonly nowSeconds: number;
  readonly userDays: number;
  readonly mailDays: number;
  readonly trashDays: number | undefined;
  readonly trash: string;
  readonly readToo: boolean;
  readonly action: "none" | "purge" | "inactivate";
  readonly report: boolean;
  readonly fast: boolean;
}

interface Resident {
  readonly user: UserRow;
  readonly domain: DomainEntry;
}

/** What was done with one user, a line for each thing. */
async function keepHouse(command: Command, { user, domain }: Resident, plan: Plan): Promise<string[]> {
  const named = `${user.name}@${user.domain}`;
  const seen = await lastSeen(command, user, plan);
  const idleDays = Math.floor((plan.nowSeconds - seen) / DAY_SECONDS);
  if (idleDays >= plan.userDays && plan.action === "purge") {
    if (!plan.report) {
      await command.domains.locked(() => command.users.remove({ name: user.name, domain: user.domain }, domain));
      await command.forget(named);
    }
    return [`removed ${named}: no login for ${idleDays} days\n`];
  }
  if (idleDays >= plan.userDays && plan.action === "inactivate") {
    if (user.inactive) return [];
    if (!plan.report) {
      await command.accounts.users.setInactive(user.name, user.domain, true);
      await command.users.note(user, "INAC");
      await command.forget(named);
    }
    return [`made ${named} inactive: no login for ${idleDays} days\n`];
  }
  const maildir = `${user.home}/Maildir`;
  const mail = plan.mailDays < 0 ? 0 : await sweep(command, plan, {
    folders: [`${maildir}/new`, `${maildir}/cur`],
    olderDays: plan.mailDays,
    isOld: (name) => plan.readToo || !/:2,[A-Z]*S/.test(name),
  });
  const sweepsTrash = plan.trashDays !== undefined && idleDays <= plan.trashDays;
  const trash = !sweepsTrash ? 0 : await sweep(command, plan, {
    folders: [`${maildir}/${plan.trash}/new`, `${maildir}/${plan.trash}/cur`],
    olderDays: 0,
    isOld: () => true,
  });
  if (mail + trash > 0 && !plan.report) await settleQuota(command, user, plan.nowSeconds * 1000);
  return [
    ...(mail > 0 ? [`removed ${mail} old messages of ${named}\n`] : []),
    ...(trash > 0 ? [`removed ${trash} messages of the trash of ${named}\n`] : []),
  ];
}

/** When the user was there last: a login, or a change of the inbox by a reader; else when the home was made. Seconds. */
async function lastSeen(command: Command, user: UserRow, plan: Plan): Promise<number> {
  const logins = (await command.accounts.lastauth.find(user.name, user.domain)).filter(({ service }) =>
    LOGINS.includes(service)
  );
  const seen = Math.max(0, ...logins.map(({ seconds }) => seconds));
  const paths = plan.fast
    ? (seen > 0 ? [] : [user.home])
    : [`${user.home}/Maildir/cur`, ...(seen > 0 ? [] : [user.home])];
  const times = await Promise.all(paths.map((path) => modifiedSeconds(command, path)));
  const found = Math.max(seen, ...times);
  return found > 0 ? found : plan.nowSeconds; // never there, and no mail: nothing tells an age
}

async function modifiedSeconds({ disk }: Command, path: string): Promise<number> {
  try {
    return Math.floor((await disk.stat(path)).modifiedMs / 1000);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0;
    throw error;
  }
}

interface Sweep {
  readonly folders: readonly string[];
  readonly olderDays: number;
  isOld(name: string): boolean;
}

/** Removes messages; how many it were. */
async function sweep({ disk }: Command, plan: Plan, what: Sweep): Promise<number> {
  let count = 0;
  for (const folder of what.folders) {
    let names: string[];
    try {
      names = await disk.readDirectory(folder);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) continue;
      throw error;
    }
    for (const name of names) {
      if (name.startsWith(".") || !what.isOld(name)) continue;
      const path = `${folder}/${name}`;
      try {
        const { modifiedMs, kind } = await disk.lstat(path);
        const ageSeconds = Math.max(0, plan.nowSeconds - modifiedMs / 1000);
        if (kind === "directory" || ageSeconds < what.olderDays * DAY_SECONDS) continue;
        if (!plan.report) await disk.unlink(path);
        count++;
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error; // its user was quicker
      }
    }
  }
  return count;
}
