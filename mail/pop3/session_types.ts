/** What a POP3 session is given, what it reports, and how its commands see it. */
import type { Clock } from "../../core/applet.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import type { ImapInput } from "../imap/input.ts";
import type { ImapOutput } from "../imap/output.ts";
import type { Pop3Authenticator, Pop3Login, Pop3Maildrop } from "./backend.ts";
import type { CapabilityState, Pop3Reply } from "./replies.ts";

/** What the session needs of a connection. */
export type Pop3Wire = Pick<Connection, "read" | "write" | "readable" | "setTimeout" | "startTls" | "tls" | "close">;

/** Why a session ended. */
export type Pop3EndReason = "quit" | "disconnected" | "timeout" | "refused" | "stopped";

/** What is worth a line in the log. */
export type Pop3Event =
  | { readonly kind: "login"; readonly user: string; readonly mechanism: string }
  | { readonly kind: "login-failed"; readonly mechanism: string; readonly reason: string }
  | { readonly kind: "error"; readonly verb: string; readonly reason: string }
  | {
    readonly kind: "end";
    /** Empty when nobody logged in. */
    readonly user: string;
    readonly reason: Pop3EndReason;
    readonly retrieved: number;
    readonly removed: number;
    readonly receivedBytes: number;
    readonly sentBytes: number;
    readonly durationMs: number;
  };

/** Everything a session is given beside its connection. */
export interface Pop3Settings {
  readonly hostName: string;
  readonly authenticator: Pop3Authenticator;
  readonly clock: Clock;
  /** Fresh random printable text of at least 18 characters, for SASL. */
  readonly nonce: () => string;
  /** Certificates for STLS; without it STLS is not offered. */
  readonly tls?: ServerTls | undefined;
  /** Whether passwords may come without TLS. */
  readonly plainTextAllowed: boolean;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
  readonly note: (event: Pop3Event) => void;
  /** Set when somebody else has authenticated the user: the session begins in the TRANSACTION state. */
  readonly preauthenticated?: { readonly user: string; open(): Promise<Pop3Maildrop> };
}

/** States of a session [rfc1939 3]. */
export type Pop3State = "authorization" | "transaction";

/** The session as its commands see it. */
export interface Pop3Context {
  readonly settings: Pop3Settings;
  readonly wire: Pop3Wire;
  readonly input: ImapInput;
  readonly out: ImapOutput;
  /** The maildrop; throws before login (a bug: the verb table forbids it). */
  readonly maildrop: Pop3Maildrop;
  /** Indexes marked as deleted. */
  readonly deleted: Set<number>;
  /** Name given by USER, for PASS. */
  user: string | undefined;
  /** Greatest message number accessed [rfc1460 LAST]. */
  last: number;
  /** Messages sent by RETR. */
  retrieved: number;
  capabilities(): CapabilityState;
  flush(): Promise<void>;
  /** Takes the result of a login. */
  login(login: Pop3Login, mechanism: string): Promise<Pop3Reply>;
  /** Ends the session after this command. */
  finish(reason: Pop3EndReason): void;
  /** TLS is on: passwords may be sent. */
  secured(): void;
}

/** Runs a command; undefined when it has written its reply itself. Throws Permanent for bad arguments. */
export type Pop3Action = (session: Pop3Context, rest: string) => Pop3Reply | undefined | Promise<Pop3Reply | undefined>;
