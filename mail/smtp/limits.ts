/**
 * Every maximum of an SMTP server's session; the client's are in client.ts. Those that an operator can set are only defaults here.
 */

/** Bytes of a command line with its line end: more than RFC 5321's 512 and its extensions, less than a flood. [rfc5321 4.5.3.1.4] */
export const COMMAND_BYTES_MAX = 4096;
/** Bytes of a line of an AUTH exchange. [rfc4954 4] */
export const AUTH_LINE_BYTES_MAX = 12_288;
/** Buffer for commands that a session holds while idle. */
export const COMMAND_BUFFER_BYTES = 1024;
/** Bytes of an envelope address. [man qmail-limits.9] */
export const ADDRESS_BYTES_MAX = 900;
/** Bytes of a name in HELO. [rfc5321 4.5.3.1.2] */
export const HELO_BYTES_MAX = 255;
/** Commands that are unknown, out of place or malformed before the session is ended. Ours. */
export const BAD_COMMANDS_MAX = 20;
/** Failed logins in a session before it is ended. Ours. */
export const AUTH_FAILURES_MAX = 3;
/** Bytes taken after a message is known to be refused, before the session is ended instead. Ours. */
export const DISCARD_BYTES_MAX = 256 * 1024 * 1024;
/** Bytes of a header line that may have to be kept until its end has come. */
export const HEADER_LINE_KEPT_BYTES = 4096;
/** Received and Delivered-To fields of a message. [man qmail-smtpd.8, maxhops] */
export const HOPS_DEFAULT = 100;
/** Wait for the client's next bytes, seconds. [man qmail-smtpd.8, timeoutsmtpd] */
export const SERVER_TIMEOUT_SECONDS = 1200;
