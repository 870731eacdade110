/**
 * What the POP3 session needs of a store: who logs in, and the messages of a maildrop as they were at login. Message
 * numbers are indexes here, from 0. Anything thrown is answered `-ERR [SYS/TEMP]` and changes nothing.
 */
import type { SaslMechanism, SaslVerifier } from "../sasl/server.ts";

/** What became of a login. */
export type Pop3Login =
  | { readonly kind: "ok"; readonly user: string; open(): Promise<Pop3Maildrop> }
  | { readonly kind: "denied" }
  | { readonly kind: "forbidden"; readonly reason: string };

/** Checks who logs in. USER and PASS use `verifier.verifyPassword`. */
export interface Pop3Authenticator {
  readonly verifier: SaslVerifier<Pop3Login>;
  readonly mechanisms: readonly SaslMechanism[];
}

/** A message's bytes in network form: every line ends in CRLF. */
export interface Pop3Message {
  readonly sizeBytes: number;
  /** All of it, when it is small. */
  readonly whole?: Uint8Array;
  /** Bytes from `from` to before `to`, in pieces that are valid until the next one is asked for. */
  pieces(from: number, to: number): AsyncIterable<Uint8Array>;
  close(): void;
}

/** A maildrop as it was at login; the same until the end of the session. */
export interface Pop3Maildrop {
  /** Bytes of each message in network form [rfc1939 11]. */
  readonly sizesBytes: Float64Array;
  /** Unique ids, 1 to 70 printable characters, the same in every session [rfc1939 7, UIDL]. */
  uniqueIds(): readonly string[];
  /** A message's bytes; undefined when somebody else removed it. */
  message(index: number): Promise<Pop3Message | undefined>;
  /** Removes messages for good: the UPDATE state [rfc1939 6]. */
  remove(indexes: readonly number[]): Promise<void>;
  close(): Promise<void> | void;
}
