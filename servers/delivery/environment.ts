/**
 * The environment of a program that a .qmail file starts [man qmail-command.8], and the three lines put in front of a
 * delivered message.
 */
import type { LocalUser } from "../../storage/users/users_cdb.ts";

/** Who delivers what to whom. Text is latin1. */
export interface LocalRecipient extends LocalUser {
  /** The whole local part, with the virtual domain's prefix. */
  readonly local: string;
  readonly domain: string;
}

/** A sender or recipient in a header line: line ends and odd bytes become underscores. */
function quotedForLine(address: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not reach a header
  return address.replace(/[\x00-\x1f\x7f]/g, "_");
}

/** `Return-Path: <sender>` LF. */
export function returnPathLine(sender: string): string {
  return `Return-Path: <${quotedForLine(sender)}>\n`;
}

/** `Delivered-To: address` LF. */
export function deliveredToLine(address: string): string {
  return `Delivered-To: ${quotedForLine(address)}\n`;
}

/** The From_ line of an mbox. */
export function mboxFromLine(sender: string, arrivedMs: number): string {
  // deno-lint-ignore no-control-regex -- control characters are what must not reach a From_ line
  const name = sender === "" ? "MAILER-DAEMON" : sender.replace(/[\s\x00-\x1f]/g, "-");
  const date = new Date(arrivedMs).toUTCString(); // "Thu, 01 Jan 1970 00:00:00 GMT"
  const [weekday, day, month, year, time] = date.replace(",", "").split(" ");
  return `From ${name} ${weekday} ${month} ${day!.replace(/^0/, " ")} ${time} ${year}\n`;
}

/** All variables of qmail-command but PATH, which is that of who delivers. `newSender` is the owner of the list when there is one. */
export function commandEnvironment(recipient: LocalRecipient, more: {
  readonly sender: string;
  readonly newSender: string;
  readonly defaultPart: string | undefined;
  readonly arrivedMs: number;
  readonly extraHeader: string;
  readonly messageId: string;
  readonly environmentHeaders: string;
}): Record<string, string> {
  const address = `${recipient.local}@${recipient.domain}`;
  const environment: Record<string, string> = {
    SENDER: more.sender,
    NEWSENDER: more.newSender,
    RECIPIENT: address,
    USER: recipient.user,
    HOME: recipient.home,
    LOCAL: recipient.local,
    HOST: recipient.domain,
    EXT: recipient.ext,
    RPLINE: returnPathLine(more.sender),
    DTLINE: deliveredToLine(address),
    UFLINE: mboxFromLine(more.sender, more.arrivedMs),
    QQEH: more.extraHeader,
    MESSID: more.messageId,
  };
  if (more.defaultPart !== undefined) environment.DEFAULT = more.defaultPart;
  cutAt(recipient.ext, "-", 3).forEach((rest, at) => environment[`EXT${at + 2}`] = rest);
  let host = recipient.domain;
  for (let number = 2; number <= 4; number++) {
    const dot = host.lastIndexOf(".");
    host = dot < 0 ? "" : host.slice(0, dot);
    environment[`HOST${number}`] = host;
  }
  for (const line of more.environmentHeaders.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) environment[line.slice(0, colon).toUpperCase().replaceAll("-", "_")] = line.slice(colon + 1).trim();
  }
  return environment;
}

/** What follows the first, second, … separator; empty when there is none. */
function cutAt(text: string, separator: string, times: number): string[] {
  const rests: string[] = [];
  let rest = text;
  for (let time = 0; time < times; time++) {
    const at = rest.indexOf(separator);
    rest = at < 0 ? "" : rest.slice(at + 1);
    rests.push(rest);
  }
  return rests;
}
