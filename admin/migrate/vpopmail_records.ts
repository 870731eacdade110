/**
 * What vpopmail keeps of a user, and the rows that it becomes: a line of `vpasswd`, a record of `vpasswd.cdb`, a row of its
 * MySQL tables; flags of pw_gid; the file of a domain's limits [spec formats 7]. Pure.
 */
import { latin1Text } from "../../core/bytes.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import { Permanent } from "../../core/errors.ts";
import type { Row, SqlValue } from "../../storage/accounts/database.ts";
import { timestampText } from "../../storage/accounts/database.ts";
import { shown } from "../../storage/accounts/names.ts";
import { USER_FLAGS } from "../../storage/accounts/users.ts";
import { tryQuota } from "../../storage/maildir/quota.ts";
import { exchangeTable } from "./exchange_tables.ts";

/** A user of vpopmail. */
export interface VpopmailUser {
  readonly name: string;
  readonly password: string;
  /** 1 POP, 2 APOP. */
  readonly uid: number;
  /** Flags, vpopmail's. */
  readonly gid: number;
  readonly gecos: string;
  readonly home: string;
  /** The quota. */
  readonly shell: string;
  /** The password itself; empty where vpopmail does not keep it. */
  readonly clearText: string;
}

/** Text of bytes that may be of any character set. */
export function textOfBytes(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return latin1Text(bytes);
  }
}

/** A line `name:passwd:uid:gid:gecos:dir:shell[:clear]`. Throws Permanent saying what is wrong. */
export function parseVpasswdLine(line: string): VpopmailUser {
  const fields = line.split(":");
  if (fields.length < 7) throw new Permanent(`has ${fields.length} fields and not 7 or 8, with colons between them`);
  const [name = "", password = "", uid = "", gid = "", gecos = "", home = "", shell = "", ...clear] = fields;
  if (!/^\d{1,9}$/.test(uid) || !/^\d{1,9}$/.test(gid)) throw new Permanent("its uid or gid is no number");
  return { name, password, uid: Number(uid), gid: Number(gid), gecos, home, shell, clearText: clear.join(":") };
}

/** A row of vpopmail's table. */
export function vpopmailUserOf(row: Row): VpopmailUser {
  const text = (column: string) => row[column] === null || row[column] === undefined ? "" : String(row[column]);
  return {
    name: text("pw_name"),
    password: text("pw_passwd"),
    uid: Number(row["pw_uid"] ?? 0),
    gid: Number(row["pw_gid"] ?? 0),
    gecos: text("pw_gecos"),
    home: text("pw_dir"),
    shell: text("pw_shell"),
    clearText: text("pw_clear_passwd"),
  };
}

/** vpopmail's flags and ours; the rest of its bits are about other programs (SpamAssassin, maildrop). */
const FLAGS: readonly (readonly [theirs: number, ours: number])[] = [
  [0x01, USER_FLAGS.noPasswordChange],
  [0x02, USER_FLAGS.noPop],
  [0x04, USER_FLAGS.noWebmail],
  [0x08, USER_FLAGS.noImap],
  [0x10, USER_FLAGS.bounceMail],
  [0x20, USER_FLAGS.noRelay],
  [0x40, USER_FLAGS.noDialup],
  [0x80, USER_FLAGS.user0],
  [0x100, USER_FLAGS.user1],
  [0x200, USER_FLAGS.user2],
  [0x400, USER_FLAGS.user3],
  [0x800, USER_FLAGS.noSmtp],
  [0x1000, USER_FLAGS.qaAdmin],
  [0x2000, USER_FLAGS.override],
];
const KNOWN_FLAGS = FLAGS.reduce((all, [theirs]) => all | theirs, 0);

/** Our flags for vpopmail's. */
export function flagsOfVpopmail(gid: number): number {
  return FLAGS.reduce((flags, [theirs, ours]) => gid & theirs ? flags | ours : flags, 0);
}

/** Widths of the columns, in characters [spec tables]. */
const WIDTHS = { name: 40, password: 128, gecos: 48, home: 156, shell: 30, scram: 255 } as const;

/** A row, and what of it could not be kept. */
export interface AdoptedRow {
  readonly row: Row;
  readonly notes: readonly ("flags" | "gecos")[];
}

/** The row of table indimail. Throws Permanent when the user cannot be one of ours. */
export function indimailRow(
  user: VpopmailUser,
  domain: string,
  options: { readonly keepClearText: boolean; readonly timestamp: string },
): AdoptedRow {
  const name = user.name.toLowerCase();
  if (name === "" || /[\s\p{Cc}@:/]/u.test(name) || name === "." || name === "..") {
    throw new Permanent(`${shown(user.name)} is not the name of a user`);
  }
  if (!user.home.startsWith("/") || /\p{Cc}/u.test(user.home) || user.home.split("/").includes("..")) {
    throw new Permanent(`its folder ${shown(user.home)} is not the path of one`);
  }
  for (const field of ["password", "gecos", "shell", "clearText"] as const) {
    if (user[field].includes("\0")) throw new Permanent(`its ${field} holds a NUL`);
  }
  const quota = user.shell.trim() === "" ? "NOQUOTA" : user.shell.trim();
  if (!tryQuota(quota)) throw new Permanent(`${shown(user.shell)} is not a quota`);
  const scram = options.keepClearText && user.clearText !== "" ? `{CRAM}${user.clearText}` : null;
  const { password, home } = user;
  const widths = { name, password, home, shell: quota, scram: scram ?? "" };
  for (const [field, text] of Object.entries(widths)) {
    const width = WIDTHS[field as keyof typeof widths];
    if ([...text].length > width) throw new Permanent(`its ${field} has more than ${width} characters`);
  }
  const gecos = [...user.gecos].slice(0, WIDTHS.gecos).join("");
  const row: Row = {
    pw_name: name,
    pw_domain: domain,
    pw_passwd: password,
    pw_uid: user.uid === 0 ? 0 : 1, // 2 and above are marks of a cluster
    pw_gid: flagsOfVpopmail(user.gid),
    pw_gecos: gecos,
    pw_dir: home.replace(/\/+$/, ""),
    pw_shell: quota,
    scram,
    timestamp: options.timestamp,
  };
  return {
    row,
    notes: [
      ...(user.gid & ~KNOWN_FLAGS ? ["flags" as const] : []),
      ...(gecos === user.gecos ? [] : ["gecos" as const]),
    ],
  };
}

/** The row of table lastauth for the last login by POP, which is what vpopmail knows of. */
export function lastauthRow(
  user: { readonly name: string; readonly domain: string; readonly gecos: string },
  login: { readonly remoteIp: string; readonly seconds: number },
): Row {
  const remoteIp = login.remoteIp.trim();
  return {
    user: user.name.toLowerCase(),
    domain: user.domain,
    service: "pop3",
    remote_ip: tryParseIp(remoteIp) ? remoteIp : "0.0.0.0",
    quota: 0,
    gecos: [...user.gecos].slice(0, WIDTHS.gecos).join(""),
    timestamp: timestampText(Math.max(1, login.seconds)),
  };
}

/** Words of `.qmailadmin-limits` and the columns of vlimits. */
const LIMIT_WORDS: Readonly<Record<string, string>> = {
  quota: "diskquota",
  default_quota: "defaultquota",
  default_maxmsgcount: "defaultmaxmsgcount",
  disable_password_changing: "disable_passwordchanging",
  disable_external_relay: "disable_relay",
};
/** vpopmail counts a domain's quota in these. */
const MEGABYTE = 1_048_576;

/** The numbers of a file `.qmailadmin-limits` by column of vlimits; words of other programs are passed over. */
export function parseVpopmailLimits(text: string): Map<string, number> {
  const limits = new Map<string, number>();
  for (const line of text.split("\n")) {
    const [word = "", number] = line.replace(/#.*/, "").split(/[\s:]+/).filter((part) => part !== "");
    if (word.startsWith("disable_")) limits.set(LIMIT_WORDS[word] ?? word, 1);
    else if (number !== undefined && /^-?\d{1,15}$/.test(number)) limits.set(LIMIT_WORDS[word] ?? word, Number(number));
  }
  return limits;
}

/** The row of vlimits; numbers by column, others at their default. */
export function limitsRow(domain: string, limits: ReadonlyMap<string, number>, timestamp: string): Row {
  const row: Record<string, SqlValue> = {};
  for (const column of exchangeTable("vlimits")?.columns ?? []) {
    if (column.name === "domain") row[column.name] = domain;
    else if (column.name === "timestamp") row[column.name] = timestamp;
    else {
      const value = limits.get(column.name) ?? column.default ?? 0;
      row[column.name] = column.name === "diskquota" ? value * MEGABYTE : value;
    }
  }
  return row;
}
