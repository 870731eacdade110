/**
 * The limits of a domain as vlimit -s prints them [man vlimit.1].
 */
import { LIMIT_PERMISSIONS, type Limits } from "../../storage/accounts/tables/vlimits.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A time as ctime(3) writes it, local time. */
function timeText(seconds: number): string {
  if (seconds < 0) return "Never Expires";
  const date = new Date(seconds * 1000);
  const two = (number: number) => String(number).padStart(2, "0");
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(":");
  const day = String(date.getDate()).padStart(2);
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`;
}

function numberText(number: number, unlimited: boolean): string {
  return (unlimited ? "unlimited" : String(number)).padStart(13);
}

function permissionText(bits: number): string {
  const word = (bit: number, name: string) => `${(bits & bit) === 0 ? "ALLOW" : "DENY"}_${name}`.padStart(12);
  return [
    word(LIMIT_PERMISSIONS.noCreate, "CREATE"),
    word(LIMIT_PERMISSIONS.noModify, "MODIFY"),
    word(LIMIT_PERMISSIONS.noDelete, "DELETE"),
  ].join(" ");
}

/** All limits, a line each. */
export function formatLimits(limits: Limits): string {
  const size = (label: string, number: number) => `${label.padEnd(21)}: ${numberText(number, number <= 0)}`;
  const most = (label: string, number: number) => `${label.padEnd(21)}: ${numberText(number, number < 0)}`;
  const permission = (label: string, bits: number) => `  ${label.padEnd(22)}: ${permissionText(bits)}`;
  return [
    `Domain Expiry   Date : ${timeText(limits.domain_expiry)}`,
    `Password Expiry Date : ${timeText(limits.passwd_expiry)}`,
    size("Max Domain Quota", limits.diskquota),
    size("Max Domain Messages", limits.maxmsgcount),
    size("Default User Quota", limits.defaultquota),
    size("Default User Messages", limits.defaultmaxmsgcount),
    most("Max Pop Accounts", limits.maxpopaccounts),
    most("Max Aliases", limits.maxaliases),
    most("Max Forwards", limits.maxforwards),
    most("Max Autoresponders", limits.maxautoresponders),
    most("Max Mailinglists", limits.maxmailinglists),
    "",
    "GID Flags:",
    `  ${limits.disable_dialup ? "NO_DIALUP" : "DIALUP"}`,
    `  ${limits.disable_passwordchanging ? "NO_PASSWD_CHNG" : "PASSWD CHNG"}`,
    `  ${limits.disable_smtp ? "NO_SMTP" : "SMTP"}`,
    `  ${limits.disable_imap ? "NO_IMAP" : "IMAP"}`,
    `  ${limits.disable_pop ? "NO_POP" : "POP3"}`,
    `  ${limits.disable_webmail ? "NO_WEBMAIL" : "WEBMAIL"}`,
    `  ${limits.disable_relay ? "NO_RELAY" : "RELAY"}`,
    "Flags for non postmaster accounts:",
    permission("pop account", limits.perm_account),
    permission("alias", limits.perm_alias),
    permission("forward", limits.perm_forward),
    permission("autoresponder", limits.perm_autoresponder),
    permission("mailinglist", limits.perm_maillist),
    permission("mailinglist users", limits.perm_maillist >> 3),
    permission("mailinglist moderators", limits.perm_maillist >> 6),
    permission("domain quota", limits.perm_quota),
    permission("default quota", limits.perm_defaultquota),
    "",
  ].join("\n");
}
