/**
 * Quota texts and the rules about them: `5242880S,1000C`, `50M`, `50M,1000`, `NOQUOTA` (pw_shell, first line of
 * maildirsize), who is over and what still passes [spec formats 5] [man vdelivermail.8]. Pure; the file is quota_size.ts.
 */

/** The limits of a Maildir; 0 is none. */
export interface Quota {
  readonly bytes: number;
  readonly messages: number;
}

/** No limit at all. */
export const NO_QUOTA: Quota = Object.freeze({ bytes: 0, messages: 0 });

/** Bytes of a message that passes although the Maildir is full; OVERQUOTA_MAILSIZE's default [man vdelivermail.8]. */
export const OVER_QUOTA_MESSAGE_BYTES_MAX = 1000;

/** Room that must be free before the over-quota mark of an account is cleared, bytes [spec formats 5]. */
export const OVER_QUOTA_CLEAR_BYTES = 1_024_000;

const UNITS: Readonly<Record<string, number>> = { k: 1024, m: 1024 ** 2, g: 1024 ** 3, "": 1 };

/** The quota of a text. Undefined when it is not one (an account's shell field may hold anything). */
export function tryQuota(text: string): Quota | undefined {
  const trimmed = text.trim();
  if (trimmed === "" || trimmed.toUpperCase() === "NOQUOTA") return NO_QUOTA;
  const fields = trimmed.split(",");
  if (fields.length > 2) return undefined;
  let bytes: number | undefined;
  let messages: number | undefined;
  for (const field of fields) {
    const match = /^\s*(\d{1,15})\s*([kmg]?)\s*([sc]?)\s*$/i.exec(field);
    if (!match) return undefined;
    const value = Number(match[1]) * UNITS[match[2]!.toLowerCase()]!;
    const letter = match[3]!.toUpperCase();
    // Without a letter the first field is bytes and the second is messages.
    if (letter === "C" || (letter === "" && bytes !== undefined)) {
      if (messages !== undefined) return undefined;
      messages = value;
    } else {
      if (bytes !== undefined) return undefined;
      bytes = value;
    }
  }
  const quota = { bytes: bytes ?? 0, messages: messages ?? 0 };
  return Number.isSafeInteger(quota.bytes) && Number.isSafeInteger(quota.messages) ? quota : undefined;
}

/** The text of a quota, as in maildirsize's first line. */
export function formatQuota(quota: Quota): string {
  if (quota.bytes === 0 && quota.messages === 0) return "NOQUOTA";
  const parts: string[] = [];
  if (quota.bytes > 0) parts.push(`${quota.bytes}S`);
  if (quota.messages > 0) parts.push(`${quota.messages}C`);
  return parts.join(",");
}

/** What a Maildir holds. */
export interface Usage {
  readonly bytes: number;
  readonly messages: number;
}

/** True when `usage` is above a limit. */
export function isOverQuota(quota: Quota, usage: Usage): boolean {
  return (quota.bytes > 0 && usage.bytes > quota.bytes) || (quota.messages > 0 && usage.messages > quota.messages);
}

/** True when an account that was over quota may be told that it is so no longer. */
export function clearsOverQuota(quota: Quota, usage: Usage): boolean {
  if (isOverQuota(quota, usage)) return false;
  return quota.bytes === 0 || usage.bytes + OVER_QUOTA_CLEAR_BYTES < quota.bytes;
}
