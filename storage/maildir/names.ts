/**
 * File names of messages in a Maildir, as the delivery agents and Courier make and read them [spec formats 5]:
 * `unique[,S=size][,W=size][:2,FLAGS]`. The base is everything before the `:2,`: it stays when flags change, and is what
 * courierimapuiddb names. Small letters among the flags are another server's keywords: kept where they are.
 */

/** A message's file name, taken apart. */
export interface MaildirName {
  /** The name without `:2,` and flags. */
  readonly base: string;
  /** The base up to its first comma: the same for every name that this message ever has. */
  readonly unique: string;
  /** The size in the name, bytes; undefined when it does not say. */
  readonly sizeBytes: number | undefined;
  /** Flag letters as written: D F P R S T, and letters that we do not know. */
  readonly flags: string;
}

/** What separates base and flags. */
export const FLAGS_MARK = ":2,";

/** Longest file name, bytes [Linux NAME_MAX]. */
export const MAILDIR_NAME_BYTES_MAX = 255;

/** The base of a file name: what stands before its `:2,` (or another information mark). */
export function baseOfName(name: string): string {
  const colon = name.lastIndexOf(":");
  return colon < 0 ? name : name.slice(0, colon);
}

/** The flag letters of a file name; empty without `:2,`. */
export function flagsOfName(name: string): string {
  const mark = name.lastIndexOf(FLAGS_MARK);
  return mark < 0 ? "" : name.slice(mark + FLAGS_MARK.length);
}

/** The size that a name or base says, bytes; undefined when it says none. */
export function sizeOfName(name: string): number | undefined {
  const at = name.indexOf(",S=");
  if (at < 0) return undefined;
  let size = 0;
  let digits = 0;
  for (let index = at + 3; index < name.length && digits <= 15; index++, digits++) {
    const digit = name.charCodeAt(index) - 48;
    if (digit < 0 || digit > 9) break;
    size = size * 10 + digit;
  }
  return digits === 0 || digits > 15 ? undefined : size;
}

/** A name up to its first comma or information mark. */
export function uniqueOfName(name: string): string {
  const end = name.search(/[,:]/);
  return end < 0 ? name : name.slice(0, end);
}

/** Takes a file name apart; every name can be. */
export function parseMaildirName(name: string): MaildirName {
  const base = baseOfName(name);
  return { base, unique: uniqueOfName(base), sizeBytes: sizeOfName(base), flags: flagsOfName(name) };
}

/** A file name of base and flags; the letters are put in order and each once, as the format wants it. */
export function formatMaildirName(base: string, flags: string): string {
  return base + FLAGS_MARK + (flags.length < 2 ? flags : [...new Set(flags)].sort().join(""));
}

/** True for a name that can be a message: hidden files, and the folders among them, are none. */
export function isMessageName(name: string): boolean {
  return name.charCodeAt(0) !== 0x2e && name.length > 0;
}

/** A host name as it may stand in a file name: `/` and `:` by their octal codes, as the original writes them. */
export function hostForName(host: string): string {
  return host.replaceAll("/", "057").replaceAll(":", "072");
}
