/**
 * What an operator sets of the SMTP server: control files and environment, resolved once into a frozen record; HUP makes
 * a new one [man qmail-smtpd.8].
 */
import { Permanent } from "../../core/errors.ts";
import { parseVirtualDomains } from "../../mail/rewrite.ts";
import type { SaslMechanism } from "../../mail/sasl/server.ts";
import { HOPS_DEFAULT, SERVER_TIMEOUT_SECONDS } from "../../mail/smtp/limits.ts";
import { MECHANISM_ENV, offeredMechanisms } from "../../storage/accounts/auth_mechanisms.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import { KeyList, PrefixList } from "./address_list.ts";

/** Environment variables that the SMTP server reads. */
export const SMTPD_ENV = {
  DATABYTES: "greatest message in bytes, 0 for no limit; goes before control/databytes",
  MAXRECIPIENTS: "recipients of a message, 0 for no limit; goes before control/maxrecipients",
  TARPITCOUNT: "recipients before delays begin, 0 for none; goes before control/tarpitcount",
  TARPITDELAY: "seconds of delay for each recipient after those; goes before control/tarpitdelay",
  RELAYCLIENT: "the client may send to any domain; the value is appended to each recipient",
  CHECKRELAY: "a sender who has read mail by IMAP or POP3 lately may relay from that address (POP before SMTP)",
  REQUIREAUTH: "no MAIL before AUTH",
  FORCE_TLS: "no MAIL and no AUTH before STARTTLS",
  SECURE_AUTH:
    "AUTH is offered without TLS: to nobody when set, to everybody when 0; default: to clients on this host only",
  SECUREAUTH: "older name of SECURE_AUTH",
  BADMAILFROM: "name of another control file than badmailfrom",
  BADRCPTTO: "name of another control file than badrcptto",
  ...MECHANISM_ENV,
  HIDE_HOST: "the Received line names neither the client's host nor its address",
  SERVERCERT: "certificate and key in one PEM file; default servercert.pem in the certificate folder",
  QUEUE_COUNT: "queues to choose from; default 1",
  QUEUE_START: "number of the first queue; default 1",
} as const;

/** Control files that the SMTP server reads. */
export const SMTPD_CONTROL = [
  "me",
  "smtpgreeting",
  "databytes",
  "timeoutsmtpd",
  "timeoutread",
  "maxhops",
  "maxrecipients",
  "tarpitcount",
  "tarpitdelay",
  "rcpthosts",
  "morercpthosts.cdb",
  "locals",
  "virtualdomains",
  "chkrcptdomains",
  "authmechanisms",
  "oauthintrospection",
  "oauthjwks",
  "badmailfrom",
  "badrcptto",
  "localiphost",
  "moreipme",
  "notipme",
  "relayclients",
  "relaydomains",
  "relaymailfrom",
] as const;

/** The settings. */
export interface SmtpSettings {
  readonly hostName: string;
  readonly greeting: string;
  /** 0: no limit. */
  readonly sizeBytesMax: number;
  readonly timeoutMs: number;
  readonly hopsMax: number;
  /** 0: no limit. */
  readonly recipientsMax: number;
  /** Recipients before delays; 0: none. */
  readonly tarpitCount: number;
  readonly tarpitDelayMs: number;
  /** Domains that mail is taken for; undefined: all. */
  readonly rcptHosts: KeyList | undefined;
  readonly locals: ReadonlySet<string>;
  readonly virtualDomains: ReadonlyMap<string, string>;
  /** Domains whose recipients are asked for; undefined: all virtual ones. */
  readonly checkedDomains: KeyList | undefined;
  readonly badMailFrom: KeyList;
  readonly badRcptTo: KeyList;
  readonly relayMailFrom: KeyList;
  readonly relayClients: PrefixList;
  readonly relayDomains: PrefixList;
  /** Stands for `[IP]` of this host; undefined: not replaced. */
  readonly localIpHost: string | undefined;
  readonly moreIpMe: ReadonlySet<string>;
  readonly notIpMe: ReadonlySet<string>;
  /** From the environment: may relay, and what is appended to recipients. */
  readonly relayClient: string | undefined;
  /** POP before SMTP. */
  readonly checkRelay: boolean;
  readonly requireAuth: boolean;
  readonly forceTls: boolean;
  readonly plainAuth: "nobody" | "loopback" | "everybody";
  readonly mechanisms: readonly SaslMechanism[];
  readonly hideHost: boolean;
}

/** Reads an environment variable. */
type GetEnv = (name: keyof typeof SMTPD_ENV) => string | undefined;

/** Reads the settings. Throws Permanent naming the control file or variable that makes no sense. */
export function readSmtpSettings(control: ControlFiles, env: GetEnv, nowMs: () => number): SmtpSettings {
  const hostName = control.me();
  const list = (name: string) => new KeyList(control, name, { nowMs });
  const number = (variable: keyof typeof SMTPD_ENV, name: string, fallback: number) =>
    numberOf(env(variable), variable) ?? control.number(name, fallback);
  const secureAuth = env("SECURE_AUTH") ?? env("SECUREAUTH");
  return Object.freeze({
    hostName,
    greeting: control.line("smtpgreeting") ?? hostName,
    sizeBytesMax: number("DATABYTES", "databytes", 0),
    timeoutMs: 1000 * control.number("timeoutsmtpd", SERVER_TIMEOUT_SECONDS),
    hopsMax: control.number("maxhops", HOPS_DEFAULT),
    recipientsMax: number("MAXRECIPIENTS", "maxrecipients", 0),
    tarpitCount: number("TARPITCOUNT", "tarpitcount", 0),
    tarpitDelayMs: 1000 * number("TARPITDELAY", "tarpitdelay", 5),
    rcptHosts: control.text("rcpthosts") === undefined
      ? undefined
      : new KeyList(control, "rcpthosts", { nowMs, cdbName: "morercpthosts" }),
    locals: new Set((control.lines("locals") ?? [hostName]).map((line) => line.toLowerCase())),
    virtualDomains: parseVirtualDomains(control.lines("virtualdomains") ?? []),
    checkedDomains: control.text("chkrcptdomains") === undefined ? undefined : list("chkrcptdomains"),
    badMailFrom: list(env("BADMAILFROM") || "badmailfrom"),
    badRcptTo: list(env("BADRCPTTO") || "badrcptto"),
    relayMailFrom: list("relaymailfrom"),
    relayClients: new PrefixList(control, "relayclients"),
    relayDomains: new PrefixList(control, "relaydomains"),
    localIpHost: control.lineOrMe("localiphost"),
    moreIpMe: new Set(control.lines("moreipme")),
    notIpMe: new Set(control.lines("notipme")),
    relayClient: env("RELAYCLIENT"),
    checkRelay: env("CHECKRELAY") !== undefined,
    requireAuth: env("REQUIREAUTH") !== undefined,
    forceTls: env("FORCE_TLS") !== undefined,
    plainAuth: secureAuth === undefined ? "loopback" : secureAuth === "0" ? "everybody" : "nobody",
    mechanisms: offeredMechanisms(control, env),
    hideHost: env("HIDE_HOST") !== undefined,
  });
}

function numberOf(text: string | undefined, variable: string): number | undefined {
  if (text === undefined || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new Permanent(`${variable}: ${text} is not a number`);
  return Number(text);
}
