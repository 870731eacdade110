/**
 * Sender Rewriting Scheme: SRS0 and SRS1 addresses made, checked and undone. Text is latin1; the time is given, so that an
 * address can be checked for its age [spec formats 25] [man indimail-srs.9].
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { latin1Bytes } from "../../core/bytes.ts";
import { SRS_LOCAL as SRS, type SrsSettings } from "./settings.ts";

/** What an SRS address means, or why it is not believed. */
export type SrsResult =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "refused"; readonly reason: string };

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const DAY_MS = 86_400_000;
/** Days after which time stamps repeat. */
const DAYS = 1024;

function hashOf(secret: string, parts: readonly string[]): string {
  const hash = createHmac("sha1", latin1Bytes(secret));
  for (const part of parts) hash.update(latin1Bytes(part.toLowerCase()));
  return hash.digest("base64");
}

function madeHash(settings: SrsSettings, parts: readonly string[]): string {
  return hashOf(settings.secrets[0] ?? "", parts).slice(0, settings.hashLength);
}

function isHash(hash: string, settings: SrsSettings, parts: readonly string[]): boolean {
  if (hash.length < Math.max(settings.hashLengthMin, 1)) return false;
  const given = latin1Bytes(hash.toLowerCase());
  let found = false;
  for (const secret of settings.secrets) {
    const wanted = latin1Bytes(hashOf(secret, parts).slice(0, hash.length).toLowerCase());
    if (wanted.length === given.length && timingSafeEqual(wanted, given)) found = true;
  }
  return found;
}

/** The time stamp of a moment: two characters. */
export function srsStamp(atMs: number): string {
  const day = Math.floor(atMs / DAY_MS) % DAYS;
  return BASE32.charAt(day >> 5) + BASE32.charAt(day & 31);
}

function isFresh(stamp: string, settings: SrsSettings, nowMs: number): boolean {
  const [high, low] = [...stamp.toUpperCase()].map((character) => BASE32.indexOf(character));
  if (stamp.length !== 2 || high === undefined || low === undefined || high < 0 || low < 0) return false;
  const today = Math.floor(nowMs / DAY_MS) % DAYS;
  return (today - (high * 32 + low) + DAYS) % DAYS <= settings.ageDaysMax;
}

/** Splits `text` at the first `count - 1` separators `=`; undefined when there are fewer. */
function pieces(text: string, count: number): readonly string[] | undefined {
  const found: string[] = [];
  let rest = text;
  while (found.length < count - 1) {
    const at = rest.indexOf("=");
    if (at < 0) return undefined;
    found.push(rest.slice(0, at));
    rest = rest.slice(at + 1);
  }
  return [...found, rest];
}

/**
 * The sender that a forwarded message goes out with. The same as it came where it is empty, has no host, or is of the
 * domain itself.
 */
export function rewriteSender(sender: string, settings: SrsSettings, nowMs: number): string {
  const at = sender.lastIndexOf("@");
  if (at <= 0) return sender;
  const [local, host] = [sender.slice(0, at), sender.slice(at + 1)];
  if (host === "[]") return sender; // a double bounce, or a list whose sender is made for each recipient
  if (!settings.always && host.toLowerCase() === settings.domain.toLowerCase()) return sender;
  const { separator, domain } = settings;
  const [, kind, mark, body = ""] = SRS.exec(local) ?? [];
  if (kind === "1") {
    const [, first = "", rest = ""] = pieces(body, 3) ?? [];
    if (first !== "") return `SRS1${separator}${madeHash(settings, [first, rest])}=${first}=${rest}@${domain}`;
  }
  if (kind === "0") {
    const rest = `${mark}${body}`;
    return `SRS1${separator}${madeHash(settings, [host, rest])}=${host}=${rest}@${domain}`;
  }
  const stamp = srsStamp(nowMs);
  return `SRS0${separator}${madeHash(settings, [stamp, host, local])}=${stamp}=${host}=${local}@${domain}`;
}

/** The address that a rewritten one came from, one step back. */
export function restoreSender(address: string, settings: SrsSettings, nowMs: number): SrsResult {
  const refused = (reason: string): SrsResult => ({ kind: "refused", reason });
  const [, kind, , body = ""] = SRS.exec(address.slice(0, Math.max(address.lastIndexOf("@"), 0))) ?? [];
  if (kind === undefined) return refused("not an SRS address");
  if (kind === "1") {
    const [hash = "", first = "", rest = ""] = pieces(body, 3) ?? [];
    if (first === "" || rest === "") return refused("an SRS1 address without host or user");
    if (!isHash(hash, settings, [first, rest])) return refused("the hash of the SRS address is wrong");
    return { kind: "address", address: `SRS0${rest}@${first}` };
  }
  const [hash = "", stamp = "", host = "", local = ""] = pieces(body, 4) ?? [];
  if (host === "" || local === "") return refused("an SRS0 address without host or user");
  if (!isHash(hash, settings, [stamp, host, local])) return refused("the hash of the SRS address is wrong");
  if (!isFresh(stamp, settings, nowMs)) return refused("the SRS address is too old");
  return { kind: "address", address: `${local}@${host}` };
}
