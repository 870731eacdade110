/** The text that vuserinfo shows of one user. */
import { NO_QUOTA, tryQuota } from "../../storage/maildir/quota.ts";
import { countMaildir } from "../../storage/maildir/quota_size.ts";
import type { Command } from "../../storage/accounts/command.ts";
import type { LastauthEvent } from "../../storage/accounts/tables/lastauth.ts";
import { USER_FLAGS, type UserRow } from "../../storage/accounts/users.ts";
import { mailSummary } from "./mail_summary.ts";

/** What vadduser tells of a user that it added. */
export function addedText(user: UserRow): string {
  return `added ${user.name}@${user.domain}, home ${user.home}, quota ${user.quota}\n`;
}

/** What can be shown, in this order; the names are those of the options. */
export const FIELDS = ["name", "password", "uid", "gid", "comment", "directory", "quota", "logins", "mail"] as const;

/** One of FIELDS. */
export type Field = (typeof FIELDS)[number];

/** What is to be shown and how. */
export interface Shape {
  readonly fields: ReadonlySet<Field>;
  readonly heading: boolean;
  readonly nowSeconds: number;
  readonly relaySeconds: number;
}

const FLAG_TEXTS: readonly (readonly [number, string])[] = [
  [USER_FLAGS.noPasswordChange, "password may not be changed"],
  [USER_FLAGS.noPop, "pop access closed"],
  [USER_FLAGS.noWebmail, "webmail access closed"],
  [USER_FLAGS.noImap, "imap access closed"],
  [USER_FLAGS.bounceMail, "mail is bounced"],
  [USER_FLAGS.noRelay, "may not relay"],
  [USER_FLAGS.noDialup, "dialup closed"],
  [USER_FLAGS.qaAdmin, "has administrator privileges"],
  [USER_FLAGS.noSmtp, "smtp access closed"],
  [USER_FLAGS.user0, "user flag 0 is set"],
  [USER_FLAGS.user1, "user flag 1 is set"],
  [USER_FLAGS.user2, "user flag 2 is set"],
  [USER_FLAGS.user3, "user flag 3 is set"],
  [USER_FLAGS.override, "limits of the domain do not apply"],
];

const SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^\$1\$/, "MD5"],
  [/^\$2[abxy]\$/, "bcrypt"],
  [/^\$5\$/, "SHA-256"],
  [/^\$6\$/, "SHA-512"],
  [/^\$y\$/, "yescrypt"],
  [/^[./0-9A-Za-z]{13}$/, "DES"],
];

/** Events of lastauth and what stands before them. */
const EVENTS = [
  ["add", "Added On", "Unknown"],
  ["imap", "last  IMAP", "Not yet logged in"],
  ["pop3", "last  POP3", "Not yet logged in"],
  ["webm", "last  Webm", "Not yet logged in"],
  ["pass", "PassChangeDate", "Not yet changed"],
  ["INAC", "Inact Date", "Not yet Inactivated"],
  ["ACTI", "Activ Date", "Not yet Activated"],
] as const;

type Line = (label: string, value: string | number) => void;

/** What other tables say of users; asked for many at once. */
export interface UserEvents {
  /** Addresses that a user may relay from now, by the user's. */
  readonly grants: ReadonlyMap<string, readonly string[]>;
  /** What lastauth has, by the user's name. */
  readonly logins: ReadonlyMap<string, readonly LastauthEvent[]>;
}

/** What other tables say of users that stand beside each other in a domain; only what is to be shown is asked for. */
export async function eventsOf(command: Command, users: readonly UserRow[], shape: Shape): Promise<UserEvents> {
  const { relay, lastauth } = command.accounts;
  const [first, last] = [users[0], users.at(-1)];
  const grants = shape.heading ? await relay.list(shape.nowSeconds - shape.relaySeconds) : [];
  const byEmail = Map.groupBy(grants, ({ email }) => email.toLowerCase());
  return {
    grants: new Map([...byEmail].map(([email, list]) => [email, list.map(({ ipAddress }) => ipAddress)])),
    logins: shape.fields.has("logins") && first && last
      ? await lastauth.between(first.domain, first.name, last.name)
      : new Map<string, readonly LastauthEvent[]>(),
  };
}

/** The lines about one user. */
export async function shownUser(
  command: Command,
  user: UserRow,
  about: { readonly shape: Shape; readonly events: UserEvents },
): Promise<string> {
  const { shape, events } = about;
  const shows = shape.fields.has("directory") || (shape.heading && shape.fields.has("quota"));
  const hasHome = shows && await isThere(command, user.home);
  const lines: string[] = [];
  const line: Line = (label, value) => lines.push(shape.heading ? `${label.padEnd(14)}: ${value}` : String(value));
  const { fields } = shape;
  if (fields.has("name")) line("name", `${user.name}@${user.domain}`);
  if (fields.has("password")) addPassword(user, line);
  if (fields.has("uid")) line("uid", user.uid);
  if (fields.has("gid")) {
    line("gid", user.flags);
    const texts = FLAG_TEXTS.filter(([bit]) => user.flags & bit).map(([, text]) => text);
    for (const text of texts.length > 0 ? texts : ["all services available"]) lines.push(`${" ".repeat(16)}-${text}`);
  }
  if (fields.has("comment")) line("gecos", user.gecos);
  if (fields.has("directory")) line("dir", `${user.home}${hasHome ? "" : "   (missing)"}`);
  if (fields.has("quota")) await addQuota(command, user, { line, heading: shape.heading, hasHome });
  if (shape.heading) addStatus(command, user, { line, grants: events.grants.get(`${user.name}@${user.domain}`) ?? [] });
  if (fields.has("logins")) {
    addLogins(events.logins.get(user.name.toLowerCase()) ?? [], { line, nowSeconds: shape.nowSeconds });
  }
  if (fields.has("mail")) { for (const [label, value] of await mailSummary(command, user)) line(label, value); }
  return lines.map((one) => `${one}\n`).join("");
}

function addPassword(user: UserRow, line: Line): void {
  const scheme = SCHEMES.find(([pattern]) => pattern.test(user.password))?.[1] ?? "clear text";
  line("passwd", `${user.password} (${scheme})`);
  if (user.scram !== "") line("scram", user.scram.startsWith("{CRAM}") ? "{CRAM}" : user.scram.split(":")[0] ?? "");
}

async function addQuota(
  command: Command,
  user: UserRow,
  out: { readonly line: Line; readonly heading: boolean; readonly hasHome: boolean },
): Promise<void> {
  const quota = tryQuota(user.quota) ?? NO_QUOTA;
  const mebibytes = (quota.bytes / 1_048_576).toFixed(2);
  out.line("quota", quota.bytes === 0 ? user.quota || "NOQUOTA" : `${user.quota} [${mebibytes} MiB]`);
  if (!out.heading) return;
  if (!out.hasHome || !await isThere(command, `${user.home}/Maildir`)) return out.line("curr quota", "0S,0C");
  // counted, not from maildirsize: root must not write that file
  const { usage } = await countMaildir({ disk: command.disk, maildir: `${user.home}/Maildir`, nowMs: 0 });
  out.line("curr quota", `${usage.bytes}S,${usage.messages}C`);
}

function addStatus(
  command: Command,
  user: UserRow,
  out: { readonly line: Line; readonly grants: readonly string[] },
): void {
  const { line, grants } = out;
  line("Sql Database", command.accounts.database.kind === "sqlite" ? command.paths.database : "host.mysql");
  line("Table Name", user.inactive ? "indibak" : "indimail");
  line("User Status", user.inactive ? "Inactive" : "Active");
  line("Relay Allowed", grants.length === 0 ? "NO" : `YES (${grants.join(" ")})`);
}

/** Services whose event is a login. */
const LOGINS: readonly string[] = ["imap", "pop3", "smtp", "webm"];
const DAY_SECONDS = 86_400;

function addLogins(events: readonly LastauthEvent[], { line, nowSeconds }: { line: Line; nowSeconds: number }): void {
  const [last] = events.filter(({ service }) => LOGINS.includes(service)).toSorted((a, b) => b.seconds - a.seconds);
  const since = (last ?? events.find(({ service }) => service === "add"))?.seconds;
  line("Days inact", since === undefined ? "Unknown" : Math.max(0, Math.floor((nowSeconds - since) / DAY_SECONDS)));
  for (const [service, label, never] of EVENTS) {
    const event = events.find((one) => one.service === service);
    line(label, event ? `(${event.remoteIp}) ${dateText(event.seconds)}` : never);
    if (service !== "add") continue;
    line("last  auth", last ? `(${last.remoteIp}) ${dateText(last.seconds)}` : "Not yet logged in");
  }
}

function dateText(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").slice(0, 19) + " UTC";
}

async function isThere(command: Command, path: string): Promise<boolean> {
  try {
    await command.disk.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}
