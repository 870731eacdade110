/**
 * The SMTP server's log lines, one for each message and each refusal: who, from where, for whom, and the ids under which
 * queue and Received line know the message [man qmail-smtpd.8, LOGFILTER].
 */
import { formatReply } from "../../mail/smtp/format.ts";
import type { SmtpReply } from "../../mail/smtp/replies.ts";

/** Recipients named in a line. */
const RECIPIENTS_SHOWN = 20;
/** Characters of a refused command that are shown. */
const COMMAND_SHOWN = 200;

/** What every line of a session tells. */
export interface SessionFacts {
  readonly name: string;
  readonly pid: number;
  readonly remoteIp: string;
  readonly helo: string | undefined;
  readonly sender: string | undefined;
  readonly login: string | undefined;
}

/** An accepted message. */
export interface AcceptedFacts {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  readonly id: string;
  readonly queueId: string;
}

function begin(facts: SessionFacts): string {
  return `${facts.name}: pid ${facts.pid} from ${facts.remoteIp}`;
}

/** Text of a peer: no control characters, nothing that ends a line. */
function shown(text: string): string {
  return /[^ -~]/.test(text) ? text.replace(/[^ -~]/g, "?") : text;
}

/** The line of an accepted message. */
export function acceptedLine(facts: SessionFacts, message: AcceptedFacts): string {
  const { recipients } = message;
  let line = `${begin(facts)} HELO <${shown(facts.helo ?? "")}> MAIL from <${shown(message.sender)}>`;
  for (let at = 0; at < recipients.length && at < RECIPIENTS_SHOWN; at++) line += ` RCPT <${shown(recipients[at]!)}>`;
  if (recipients.length > RECIPIENTS_SHOWN) line += ` and ${recipients.length - RECIPIENTS_SHOWN} more`;
  if (facts.login !== undefined) line += ` AUTH <${shown(facts.login)}>`;
  return `${line} Size: ${message.sizeBytes} id=${message.id} queueID=${message.queueId}`;
}

/** The line of a refused command or message. What follows AUTH is never logged. */
export function refusedLine(facts: SessionFacts, reply: SmtpReply, command: string): string {
  const secret = /^auth\b/i.test(command);
  const text = shown(secret ? command.split(" ", 2).join(" ") : command.slice(0, COMMAND_SHOWN));
  const helo = facts.helo === undefined ? "" : ` HELO <${shown(facts.helo)}>`;
  const sender = facts.sender === undefined ? "" : ` MAIL from <${shown(facts.sender)}>`;
  const login = facts.login === undefined ? "" : ` AUTH <${shown(facts.login)}>`;
  return `${begin(facts)}${helo}${sender}${login} refused: ${formatReply(reply).trimEnd()}${text && `: ${text}`}`;
}

/** The line of a session that ended otherwise than by QUIT. */
export function endedLine(facts: SessionFacts, how: string, reason: string): string {
  const sender = facts.sender === undefined ? "" : ` MAIL from <${shown(facts.sender)}>`;
  return `${begin(facts)}${sender} ${how}: ${shown(reason)}`;
}
