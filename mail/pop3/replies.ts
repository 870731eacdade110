/**
 * Replies and capabilities of the POP3 server: `+OK` and `-ERR` with response codes [rfc2449 8] [rfc3206 4], CAPA's list.
 */
import type { SaslMechanism } from "../sasl/server.ts";

/** Response codes. */
export type Pop3Code = "AUTH" | "SYS/TEMP" | "SYS/PERM" | "IN-USE" | "LOGIN-DELAY";

/** A reply of one line. */
export interface Pop3Reply {
  readonly ok: boolean;
  readonly text: string;
}

/** Success. */
export function accept(text: string): Pop3Reply {
  return { ok: true, text };
}

/** Failure. */
export function reject(text: string, code?: Pop3Code): Pop3Reply {
  return { ok: false, text: code ? `[${code}] ${text}` : text };
}

/** The line of a reply, without its line end. What clients could take for another line is replaced. */
export function formatReply(reply: Pop3Reply): string {
  return `${reply.ok ? "+OK" : "-ERR"} ${reply.text.replace(/[^\x20-\x7e]/g, "?")}`.trimEnd();
}

/** What the list of capabilities depends on. */
export interface CapabilityState {
  readonly authenticated: boolean;
  readonly canStartTls: boolean;
  readonly plainTextAllowed: boolean;
  /** Those that can be used on this connection as it is. */
  readonly mechanisms: readonly SaslMechanism[];
}

/** The lines of CAPA [rfc2449 5]. */
export function capabilityLines(state: CapabilityState): string[] {
  const lines = ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE", "EXPIRE NEVER"];
  if (state.authenticated) return [...lines, "IMPLEMENTATION IndiMail"];
  const { mechanisms } = state;
  if (state.plainTextAllowed) lines.push("USER");
  if (mechanisms.length > 0) lines.push(`SASL ${mechanisms.join(" ")}`);
  if (state.canStartTls) lines.push("STLS");
  return lines;
}
