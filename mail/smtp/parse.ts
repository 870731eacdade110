/**
 * SMTP commands as values. Pure, over latin1 text of one line without its line end.
 */
import { HELO_BYTES_MAX } from "./limits.ts";
import { parsePath } from "./path.ts";
import { REPLIES, type SmtpReply } from "./replies.ts";

/** A command line cut in two. */
export interface SmtpCommandLine {
  /** In upper case. */
  readonly verb: string;
  /** Without blanks around it. */
  readonly argument: string;
}

/** Cuts a line into verb and argument. */
export function parseCommandLine(line: string): SmtpCommandLine {
  const blank = line.indexOf(" ");
  if (blank < 0) return { verb: line.trim().toUpperCase(), argument: "" };
  return { verb: line.slice(0, blank).toUpperCase(), argument: line.slice(blank + 1).trim() };
}

/** What an argument is, or the reply that refuses it. */
export type Parsed<T> = { readonly value: T } | { readonly refusal: SmtpReply };

/** What MAIL says. */
export interface MailCommand {
  readonly sender: string;
  /** SIZE, bytes as sent with CRLF [rfc1870]; undefined when not told. */
  readonly sizeBytes: number | undefined;
  /** BODY=8BITMIME [rfc6152]. */
  readonly eightBit: boolean;
}

/** The name in HELO or EHLO. */
export function parseHelo(argument: string): Parsed<string> {
  if (argument === "") return { refusal: REPLIES.heloWithoutName };
  // deno-lint-ignore no-control-regex -- control characters are what it looks for
  if (argument.length > HELO_BYTES_MAX || /[\x00-\x1f\x7f]/.test(argument)) return { refusal: REPLIES.heloMalformed };
  return { value: argument };
}

/** MAIL FROM:<path> with its parameters [rfc5321 4.1.1.2]. */
export function parseMail(argument: string): Parsed<MailCommand> {
  const colon = argument.indexOf(":");
  if (colon < 0 || argument.slice(0, colon).trim().toUpperCase() !== "FROM") return { refusal: REPLIES.mailSyntax };
  const path = parsePath(argument.slice(colon + 1));
  if ("reason" in path) return { refusal: badAddress("5.1.7", path.reason) };
  let sizeBytes: number | undefined;
  let eightBit = false;
  for (const parameter of parametersOf(path.rest)) {
    const [keyword, value] = parameter;
    switch (keyword) {
      case "SIZE":
        if (!/^\d{1,15}$/.test(value)) return { refusal: badParameter(501, `SIZE=${value} is not a number`) };
        sizeBytes = Number(value);
        break;
      case "BODY":
        if (!/^(7BIT|8BITMIME)$/i.test(value)) return { refusal: badParameter(501, `BODY=${value} is not known`) };
        eightBit = value.length > 4;
        break;
      case "AUTH":
        break; // who the client says wrote it: not believed, not passed on [rfc4954 5]
      default:
        return { refusal: badParameter(555, `${keyword} is not offered`) };
    }
  }
  return { value: { sender: path.address, sizeBytes, eightBit } };
}

/** RCPT TO:<path>; no parameter is offered [rfc5321 4.1.1.3]. */
export function parseRcpt(argument: string): Parsed<string> {
  const colon = argument.indexOf(":");
  if (colon < 0 || argument.slice(0, colon).trim().toUpperCase() !== "TO") return { refusal: REPLIES.rcptSyntax };
  const path = parsePath(argument.slice(colon + 1));
  if ("reason" in path) return { refusal: badAddress("5.1.3", path.reason) };
  if (path.address === "") return { refusal: badAddress("5.1.3", "recipient is empty") };
  for (const [keyword] of parametersOf(path.rest)) return { refusal: badParameter(555, `${keyword} is not offered`) };
  return { value: path.address };
}

/** Mechanism and, when given, initial response of AUTH [rfc4954 4]. */
export function parseAuth(argument: string): Parsed<{ readonly mechanism: string; readonly initial?: string }> {
  const words = argument.split(" ").filter((word) => word !== "");
  const [mechanism, initial, more] = words;
  if (mechanism === undefined || more !== undefined) return { refusal: REPLIES.authSyntax };
  return { value: { mechanism: mechanism.toUpperCase(), ...(initial !== undefined && { initial }) } };
}

/** An argument that must not be there. */
export function parseNothing(argument: string): Parsed<undefined> {
  return argument === "" ? { value: undefined } : { refusal: REPLIES.needsNoArgument };
}

/** An argument that is taken as it is. */
export function parseText(argument: string): Parsed<string> {
  return { value: argument };
}

function parametersOf(text: string): [keyword: string, value: string][] {
  if (text === "") return [];
  return text.split(" ").filter((word) => word !== "").map((word) => {
    const equals = word.indexOf("=");
    return equals < 0 ? [word.toUpperCase(), ""] : [word.slice(0, equals).toUpperCase(), word.slice(equals + 1)];
  });
}

function badAddress(enhanced: string, reason: string): SmtpReply {
  return { code: 553, enhanced, text: reason };
}

function badParameter(code: 501 | 555, text: string): SmtpReply {
  return { code, enhanced: "5.5.4", text: `parameter ${text}` };
}
