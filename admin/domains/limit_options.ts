/**
 * The options of vlimit that change something, and the change that they ask for [man vlimit.1].
 */
import type { OptionSpecs, OptionValues } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { LIMIT_PERMISSIONS, type Limits } from "../../storage/accounts/tables/vlimits.ts";
import { tryQuota } from "../../storage/maildir/quota.ts";

/** Options that set a column to a number: the column and the smallest one. */
const COUNTS = {
  maxPopAccounts: ["maxpopaccounts", -1],
  maxAliases: ["maxaliases", -1],
  maxForwards: ["maxforwards", -1],
  maxAutoresponders: ["maxautoresponders", -1],
  maxMailingLists: ["maxmailinglists", -1],
  maxMessages: ["maxmsgcount", 0],
  defaultMessages: ["defaultmaxmsgcount", 0],
} as const;
/** Options that set permissions: the column, and by how many bits its group is shifted [spec tables, vlimits]. */
const PERMISSIONS = {
  accounts: ["perm_account", 0],
  aliases: ["perm_alias", 0],
  forwards: ["perm_forward", 0],
  autoresponders: ["perm_autoresponder", 0],
  lists: ["perm_maillist", 0],
  listUsers: ["perm_maillist", 3],
  listModerators: ["perm_maillist", 6],
  quotas: ["perm_quota", 0],
  defaultQuotas: ["perm_defaultquota", 0],
} as const;
const ALL_ACTS = LIMIT_PERMISSIONS.noCreate | LIMIT_PERMISSIONS.noModify | LIMIT_PERMISSIONS.noDelete;
const ACTS: Readonly<Record<string, number>> = {
  c: LIMIT_PERMISSIONS.noCreate,
  m: LIMIT_PERMISSIONS.noModify,
  d: LIMIT_PERMISSIONS.noDelete,
  a: ALL_ACTS,
};
/** Letters of -g by the column that they set. */
const SERVICES = {
  u: "disable_dialup",
  d: "disable_passwordchanging",
  s: "disable_smtp",
  i: "disable_imap",
  p: "disable_pop",
  w: "disable_webmail",
  r: "disable_relay",
} as const;

const NUMBER_MAX = 2_147_483_647;
const DAY_SECONDS = 86_400;
const DAYS_MAX = 100_000;

/** The options, for the applet's declaration. */
export const LIMIT_OPTIONS = {
  domainExpiry: { flag: "e", value: "ddmmyyyyHHMMSS", help: "the domain's logins end then, local time; -1: never" },
  domainDays: { flag: "n", value: "days", help: "the domain's logins end so many days from now" },
  passwordExpiry: { flag: "t", value: "ddmmyyyyHHMMSS", help: "its passwords end then, local time; -1: never" },
  passwordDays: { flag: "N", value: "days", help: "its passwords end so many days from now" },
  quota: { flag: "Q", value: "bytes", help: "at most so many bytes in the domain, with k, m or g; NOQUOTA for any" },
  defaultQuota: { flag: "q", value: "bytes", help: "quota of a new user, with k, m or g, or NOQUOTA" },
  maxMessages: { flag: "M", value: "count", help: "at most so many messages in the domain; 0: any number" },
  defaultMessages: { flag: "m", value: "count", help: "at most so many messages of a new user; 0: any number" },
  maxPopAccounts: { flag: "P", value: "count", help: "at most so many users; -1: any number" },
  maxAliases: { flag: "A", value: "count", help: "at most so many aliases; -1: any number" },
  maxForwards: { flag: "F", value: "count", help: "at most so many forwards; -1: any number" },
  maxAutoresponders: { flag: "R", value: "count", help: "at most so many autoresponders; -1: any number" },
  maxMailingLists: { flag: "L", value: "count", help: "at most so many mailing lists; -1: any number" },
  services: { flag: "g", value: "flags", help: "services that its users may not use" },
  toggle: { flag: "T", help: "-g turns its flags over" },
  accounts: { flag: "p", value: "flags", help: "what administrators may not do with users" },
  aliases: { flag: "a", value: "flags", help: "what they may not do with aliases" },
  forwards: { flag: "f", value: "flags", help: "what they may not do with forwards" },
  autoresponders: { flag: "r", value: "flags", help: "what they may not do with autoresponders" },
  lists: { flag: "l", value: "flags", help: "what they may not do with mailing lists" },
  listUsers: { flag: "u", value: "flags", help: "what they may not do with users of mailing lists" },
  listModerators: { flag: "o", value: "flags", help: "what they may not do with moderators of mailing lists" },
  quotas: { flag: "x", value: "flags", help: "what they may not do with quotas" },
  defaultQuotas: { flag: "z", value: "flags", help: "what they may not do with default quotas" },
} as const satisfies OptionSpecs;

type LimitOptionValues = OptionValues<typeof LIMIT_OPTIONS>;

/** The change asked for; undefined when none is. Throws Usage naming the option that is wrong. */
export function limitChanges(options: LimitOptionValues, nowMs: number): ((limits: Limits) => Limits) | undefined {
  const set: Partial<Record<keyof Limits, number>> = {};
  const domainEnd = expiry(["-e", options.domainExpiry], ["-n", options.domainDays], nowMs);
  const passwordEnd = expiry(["-t", options.passwordExpiry], ["-N", options.passwordDays], nowMs);
  if (domainEnd !== undefined) set.domain_expiry = domainEnd;
  if (passwordEnd !== undefined) set.passwd_expiry = passwordEnd;
  for (const [key, [column, least]] of entriesOf(COUNTS)) {
    const text = options[key];
    if (text !== undefined) set[column] = count(LIMIT_OPTIONS[key].flag, text, least);
  }
  if (options.quota !== undefined) set.diskquota = quotaBytes("-Q", options.quota);
  if (options.defaultQuota !== undefined) set.defaultquota = quotaBytes("-q", options.defaultQuota) || -1;
  const permissions = permissionChanges(options);
  const services = options.services === undefined ? undefined : serviceChange(options.services, options.toggle);
  if (options.toggle && !services) throw new Usage("-T needs -g");
  if (Object.keys(set).length === 0 && permissions.length === 0 && !services) return undefined;
  return (limits) => {
    let changed: Limits = { ...limits, ...set };
    for (const change of [...permissions, ...(services ? [services] : [])]) changed = change(changed);
    return changed;
  };
}

/** Object.entries with the keys' own type. */
function entriesOf<K extends string, V>(table: Readonly<Record<K, V>>): [K, V][] {
  const entries: [K, V][] = [];
  for (const key in table) entries.push([key, table[key]]);
  return entries;
}

function permissionChanges(options: LimitOptionValues): ((limits: Limits) => Limits)[] {
  return entriesOf(PERMISSIONS).flatMap(([key, [column, shift]]) => {
    const text = options[key];
    if (text === undefined) return [];
    const bits = permissionBits(`-${LIMIT_OPTIONS[key].flag}`, text);
    return [(limits: Limits) => ({ ...limits, [column]: (limits[column] & ~(ALL_ACTS << shift)) | (bits << shift) })];
  });
}

function permissionBits(option: string, text: string): number {
  let bits = 0;
  if (text === "") throw new Usage(`${option} "": flags 0, a, c, m and d`);
  for (const letter of text) {
    const bit = letter === "0" ? 0 : ACTS[letter];
    if (bit === undefined) throw new Usage(`${option} ${JSON.stringify(text)}: flags 0, a, c, m and d`);
    bits = letter === "0" ? 0 : bits | bit;
  }
  return bits;
}

function serviceChange(text: string, toggle: boolean): (limits: Limits) => Limits {
  if (!/^[udsipwrx]+$/.test(text)) throw new Usage(`-g ${JSON.stringify(text)}: flags u, d, s, i, p, w, r and x`);
  return (limits) => {
    const changed = { ...limits };
    if (!toggle || text.includes("x")) { for (const column of Object.values(SERVICES)) changed[column] = 0; }
    for (const [letter, column] of Object.entries(SERVICES)) {
      if (text.includes(letter)) changed[column] = toggle && changed[column] ? 0 : 1;
    }
    return changed;
  };
}

function count(flag: string, text: string, least: number): number {
  const number = /^-?\d{1,10}$/.test(text) ? Number(text) : NaN;
  if (!(number >= least && number <= NUMBER_MAX)) {
    throw new Usage(`-${flag} ${JSON.stringify(text)}: a number from ${least} to ${NUMBER_MAX}`);
  }
  return number;
}

function quotaBytes(option: string, text: string): number {
  const quota = text === "" ? undefined : tryQuota(text);
  if (!quota || quota.messages > 0 || !Number.isSafeInteger(quota.bytes)) {
    throw new Usage(`${option} ${JSON.stringify(text)}: bytes, with k, m or g, or NOQUOTA`);
  }
  return quota.bytes;
}

/** Seconds since 1970 of a date or a number of days; -1 for never. */
function expiry(
  date: readonly [option: string, text: string | undefined],
  days: readonly [option: string, text: string | undefined],
  nowMs: number,
): number | undefined {
  if (date[1] !== undefined && days[1] !== undefined) throw new Usage(`${date[0]} or ${days[0]}`);
  if (date[1] !== undefined) return date[1] === "-1" ? -1 : dateSeconds(date[0], date[1]);
  if (days[1] === undefined) return undefined;
  const number = /^-?\d{1,6}$/.test(days[1]) ? Number(days[1]) : NaN;
  if (!(Math.abs(number) <= DAYS_MAX)) {
    throw new Usage(`${days[0]} ${JSON.stringify(days[1])}: days from -${DAYS_MAX} to ${DAYS_MAX}`);
  }
  return Math.max(0, Math.floor(nowMs / 1000) + number * DAY_SECONDS);
}

function dateSeconds(option: string, text: string): number {
  const parts = /^(\d\d)(\d\d)(\d{4})(\d\d)(\d\d)(\d\d)$/.exec(text)?.slice(1).map(Number) ?? [];
  const [day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(year, month - 1, day, hour, minute, second);
  const isReal = date.getDate() === day && date.getMonth() === month - 1 && hour < 24 && minute < 60 && second < 60;
  if (parts.length === 0 || !isReal || date.getTime() < 0) {
    throw new Usage(`${option} ${JSON.stringify(text)}: a date ddmmyyyyHHMMSS, or -1`);
  }
  return Math.floor(date.getTime() / 1000);
}
