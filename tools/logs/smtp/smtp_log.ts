/**
 * Lines of SMTP servers and of filters: connections of tcpserver, messages and refusals of qmail-smtpd as IndiMail and as
 * we write them, verdicts of a spam filter. Nothing here throws [man qmail-log.5].
 */
import { splitFields, stampTime } from "../qmail_log.ts";

/** What a spam filter said. */
export type SpamVerdict = "spam" | "ham" | "unsure";

/** `tcpserver: pid 30906 from 192.0.2.1`, `tcpserver: end 30906 status 0`. */
export interface ConnectionEvent {
  readonly kind: "connect" | "end";
  readonly time: string;
  readonly pid: string;
  readonly ip: string;
}

/** What a server, or a filter, says of a message. */
export interface MessageEvent {
  readonly kind: "message";
  readonly time: string;
  /** With its colon: `qmail-smtpd:`. */
  readonly program: string;
  readonly pid: string;
  readonly ip: string;
  /** Accepted; else `reason` tells why not. */
  readonly accepted: boolean;
  readonly reason: string;
  /** Without angle brackets. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly bytes: number;
  readonly verdict: SpamVerdict | undefined;
}

export type SmtpEvent = ConnectionEvent | MessageEvent;

const SERVER = /^[\w.-]*smtpd:$/;
const FILTERED = /^[\w.-]*(?:smtpd|local|remote|queue|spamfilter|bogofilter):$/;
const COMMANDS = new Set(["HELO", "EHLO", "ETRN", "ATRN"]);
const VERDICTS: Readonly<Record<string, SpamVerdict>> = {
  Yes: "spam",
  Spam: "spam",
  No: "ham",
  Ham: "ham",
  Unsure: "unsure",
};
/** What may stand before the words that tell why something was refused. */
const PREAMBLE = /^(?:(?:HELO|EHLO|MAIL from:?|RCPT|AUTH) <[^>]*> ?|and \d+ more ?)+/;
const ISO_SERVICE_DASH = 45;

/** Reads a line; undefined when it is none of these. */
export function tryParseSmtpLine(line: string): SmtpEvent | undefined {
  if (!line.includes("tcpserver:") && !/(?:smtpd|local|remote|queue|filter):/.test(line)) return undefined;
  const fields = splitFields(line);
  const time = stampTime(fields[0] ?? "");
  if (time === undefined) return undefined;
  // the ISO time of `indimail serve`, then a service
  if (line.charCodeAt(4) === ISO_SERVICE_DASH && /^[\w.-]+:$/.test(fields[2] ?? "")) fields.splice(1, 1);
  const [, program = "", word, pid = ""] = fields;
  if (program === "tcpserver:") {
    if (word === "pid") return { kind: "connect", time, pid, ip: fields[5] ?? "" };
    return word === "end" ? { kind: "end", time, pid, ip: "" } : undefined;
  }
  if (word !== "pid" || !FILTERED.test(program)) return undefined;
  return parseMessage(fields, { time, program, pid });
}

/** True when the program of a message is an SMTP server. */
export function isServer({ program }: MessageEvent): boolean {
  return SERVER.test(program);
}

function parseMessage(
  fields: readonly string[],
  { time, program, pid }: { readonly time: string; readonly program: string; readonly pid: string },
): MessageEvent {
  const hasIp = fields[4] === "from";
  const text = fields.slice(hasIp ? 6 : 4).join(" ");
  const size = /\bSize: ?(\d+)/.exec(text);
  const head = size ? text.slice(0, size.index) : text;
  const reason = reasonOf(text);
  return {
    kind: "message",
    time,
    program,
    pid,
    ip: hasIp ? fields[5] ?? "" : "",
    accepted: reason === "",
    reason,
    sender: (/\bMAIL (?:from:? ?)?<([^>]*)>/i.exec(head))?.[1] ?? "",
    recipients: [...head.matchAll(/\bRCPT (?:to:? ?)?<([^>]*)>/gi)].map((match) => match[1] ?? ""),
    bytes: size ? Number(size[1]) : 0,
    verdict: verdictOf(text),
  };
}

function verdictOf(text: string): SpamVerdict | undefined {
  const word = /\bX-[\w-]+: (Yes|No|Unsure|Spam|Ham),/.exec(text)?.[1];
  return word === undefined ? undefined : VERDICTS[word];
}

/** Why a message was not accepted: the words before the first colon, or our reply; empty for an accepted one. */
function reasonOf(text: string): string {
  const command = text.slice(0, (text + " ").indexOf(" "));
  const rest = text.replace(PREAMBLE, "");
  if (rest.startsWith("refused: ")) {
    const reply = rest.slice(9);
    const colon = reply.indexOf(": ");
    return colon < 0 ? reply : reply.slice(0, colon);
  }
  const isBare = rest === "" || rest.startsWith("Size:") || rest === command;
  if (isBare && (COMMANDS.has(command) || command === "MAIL")) return "";
  const colon = rest.indexOf(":");
  return (colon < 0 ? rest : rest.slice(0, colon)) || "unknown";
}

/** The host of an address, in lower case; the whole of it where it has none. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}

/** The spamicity that a filter tells in a line, from 0 to 1; undefined when there is none. */
export function trySpamicity(line: string): number | undefined {
  if (!line.includes("spamicity=")) return undefined;
  const value = Number(/spamicity=([0-9.eE+-]+)/.exec(line)?.[1]?.replace(/\.$/, ""));
  return Number.isFinite(value) ? value : undefined;
}
