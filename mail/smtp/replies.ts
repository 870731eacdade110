/**
 * What the SMTP server says: the texts of the session itself. Those about senders, recipients and messages are the
 * backend's. Each names what and why; enhanced codes by RFC 3463.
 */

/** A reply. */
export interface SmtpReply {
  readonly code: number;
  /** `5.1.1`; absent where RFC 2034 has none: greeting, HELO, EHLO, 354, AUTH challenges. */
  readonly enhanced?: string;
  /** One line. */
  readonly text: string;
  /** Lines before it, for EHLO and HELP. */
  readonly before?: readonly string[];
}

function reply(code: number, enhanced: string, text: string): SmtpReply {
  return Object.freeze({ code, enhanced, text });
}

/** The session's own replies. */
export const REPLIES = {
  senderOk: reply(250, "2.1.0", "sender accepted"),
  recipientOk: reply(250, "2.1.5", "recipient accepted"),
  reset: reply(250, "2.0.0", "flushed"),
  noop: reply(250, "2.0.0", "ok"),
  quit: reply(221, "2.0.0", "goodbye"),
  startTls: reply(220, "2.0.0", "ready for TLS"),
  goAhead: Object.freeze({ code: 354, text: "go ahead, end with CRLF.CRLF" }),
  vrfy: reply(252, "2.1.5", "send some mail, I'll try my best"),
  heloFirst: reply(503, "5.5.1", "say HELO or EHLO first"),
  mailFirst: reply(503, "5.5.1", "MAIL first"),
  rcptFirst: reply(503, "5.5.1", "RCPT first"),
  inTransaction: reply(503, "5.5.1", "not during a mail transaction, say RSET first"),
  senderGiven: reply(503, "5.5.1", "sender already given, say RSET first"),
  unknown: reply(500, "5.5.1", "command not known"),
  unimplemented: reply(502, "5.5.1", "command not implemented"),
  lineTooLong: reply(500, "5.5.2", "line too long"),
  needsNoArgument: reply(501, "5.5.4", "this command has no argument"),
  heloWithoutName: reply(501, "5.5.4", "your host name is missing"),
  heloMalformed: reply(501, "5.5.4", "your host name is too long or has control characters"),
  mailSyntax: reply(501, "5.5.4", "syntax is MAIL FROM:<address>"),
  rcptSyntax: reply(501, "5.5.4", "syntax is RCPT TO:<address>"),
  authSyntax: reply(501, "5.5.4", "syntax is AUTH mechanism [initial-response]"),
  tooManyBadCommands: reply(421, "4.7.0", "too many bad commands"),
  timeout: reply(421, "4.4.2", "timeout"),
  shuttingDown: reply(421, "4.3.2", "service is shutting down, try again"),
  bug: reply(451, "4.3.0", "internal error, try again later"),
  tlsNotOffered: reply(502, "5.5.1", "STARTTLS is not offered"),
  tlsActive: reply(503, "5.5.1", "TLS is already active"),
  tlsUnavailable: reply(454, "4.7.0", "TLS is not available for a temporary reason"),
  authNotOffered: reply(503, "5.5.1", "AUTH is not offered here"),
  authNeedsTls: reply(538, "5.7.11", "encryption required for authentication, say STARTTLS first"),
  authDone: reply(503, "5.5.1", "already authenticated"),
  authMechanism: reply(504, "5.5.4", "authentication mechanism is not offered"),
  authCancelled: reply(501, "5.7.0", "authentication cancelled"),
  authNotBase64: reply(501, "5.5.2", "response is not base64"),
  tooManyAuthFailures: reply(421, "4.7.0", "too many failed logins"),
  bareLf: reply(451, "4.6.0", "message has a bare LF, see https://cr.yp.to/docs/smtplf.html"),
  bareCr: reply(451, "4.6.0", "message has a bare CR, lines must end with CRLF"),
  messageTooLarge: reply(552, "5.3.4", "message is larger than databytes allows"),
  tooManyHops: reply(554, "5.4.6", "too many hops, this message is looping"),
} as const satisfies Record<string, SmtpReply>;

/** Whether a reply accepts. */
export function isAccepted(reply: SmtpReply): boolean {
  return reply.code < 400;
}
