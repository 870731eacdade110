/**
 * Replies of the server: tagged completions, untagged status, capabilities [rfc3501 7]. Text is printable ASCII, so what comes
 * from outside is made so here.
 */
import type { Refusal } from "./backend.ts";
import type { SaslMechanism } from "../sasl/server.ts";

/** How a command ended; `code` is a response code without its brackets. */
export interface Completion {
  readonly status: "OK" | "NO" | "BAD";
  readonly code?: string;
  readonly text: string;
}

/** OK. */
export function ok(text: string, code?: string): Completion {
  return code === undefined ? { status: "OK", text } : { status: "OK", code, text };
}

/** NO. */
export function no(text: string, code?: string): Completion {
  return code === undefined ? { status: "NO", text } : { status: "NO", code, text };
}

/** BAD. */
export function bad(text: string): Completion {
  return { status: "BAD", text };
}

/** NO for a refusal of the store. */
export function refused(refusal: Refusal): Completion {
  return no(refusal.text, refusal.code);
}

/** OK for a FETCH or STORE of messages some of which other sessions have removed: most clients show a NO to their users [rfc5530 3]. */
export function someGone(): Completion {
  return ok("some messages are gone", "EXPUNGEISSUED");
}

/** The line of a completion; `*` is the tag of an untagged one. */
export function formatCompletion(tag: string, completion: Completion): string {
  const code = completion.code === undefined ? "" : `[${completion.code}] `;
  return `${tag} ${completion.status} ${code}${safeText(completion.text)}`;
}

/** Longest text of a reply, characters. Ours. */
const TEXT_CHARS_MAX = 400;

/** Text that fits a reply: printable ASCII, not empty. */
export function safeText(text: string): string {
  return text.slice(0, TEXT_CHARS_MAX).replace(/[^ -~]/g, "?") || "?";
}

/** Capabilities that do not depend on the connection. */
const CAPABILITIES = [
  "IMAP4rev1", // [rfc3501]
  "LITERAL+", // [rfc7888]
  "SASL-IR", // [rfc4959]
  "ID", // [rfc2971]
  "ENABLE", // [rfc5161]
  "IDLE", // [rfc2177]
  "NAMESPACE", // [rfc2342]
  "CHILDREN", // [rfc3348]
  "SPECIAL-USE", // [rfc6154]
  "UNSELECT", // [rfc3691]
  "UIDPLUS", // [rfc4315]
  "MOVE", // [rfc6851]
] as const;

/** What of a connection decides on the capabilities. */
export interface CapabilityState {
  readonly authenticated: boolean;
  /** STARTTLS can be done. */
  readonly canStartTls: boolean;
  /** Passwords may be sent as they are: encrypted, or from this host. */
  readonly plainTextAllowed: boolean;
  /** Those that can be used on this connection as it is. */
  readonly mechanisms: readonly SaslMechanism[];
}

/** The capability list, words separated by blanks [rfc3501 7.2.1]. */
export function capabilityText(state: CapabilityState): string {
  const words: string[] = [...CAPABILITIES];
  if (state.authenticated) return words.join(" ");
  if (state.canStartTls) words.push("STARTTLS");
  if (!state.plainTextAllowed) words.push("LOGINDISABLED");
  for (const mechanism of state.mechanisms) words.push(`AUTH=${mechanism}`);
  return words.join(" ");
}
