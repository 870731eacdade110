/**
 * The refusals a program may throw; caught once, in core/main.ts, and turned into the exit code of the applet's dialect.
 * An expected outcome is a value, not one of these. Anything else that is thrown is a surprise and counts as temporary.
 */

/** Fails now, may succeed later: exit 111, SMTP 4xx, IMAP NO. */
export class Temporary extends Error {
  override name = "Temporary";
}

/** Will not succeed by trying again: exit 100, SMTP 5xx. */
export class Permanent extends Error {
  override name = "Permanent";
}

/** The program was called wrongly: unknown option, missing operand. */
export class Usage extends Error {
  override name = "Usage";
}

/** The caller may not do this: wrong password, missing privilege. */
export class Denied extends Error {
  override name = "Denied";
}

/** A reader or writer waited longer than its limit. */
export class TimedOut extends Temporary {
  override name = "TimedOut";
}

/** Nobody reads standard output any more; said to nobody, as a program that SIGPIPE ends says nothing. */
export class ReaderGone extends Temporary {
  override name = "ReaderGone";
}

/** The text of anything thrown, for a log line or a message to the user. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
