/** What a session is given, what it reports, and how commands see it: the types that session.ts and the commands share. */
import type { Clock } from "../../core/applet.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import type { ImapAccount, ImapAuthenticator, ImapLogin } from "./backend.ts";
import type { ImapInput } from "./input.ts";
import type { ImapOutput } from "./output.ts";
import type { CapabilityState, Completion } from "./replies.ts";
import type { Scanner } from "./scanner.ts";
import type { SelectedMailbox } from "./selected.ts";

/** What the session needs of a connection. */
export type ImapWire = Pick<Connection, "read" | "write" | "readable" | "setTimeout" | "startTls" | "tls" | "close">;

/** What is worth a line in the log. */
export type ImapEvent =
  | { readonly kind: "login"; readonly user: string; readonly mechanism: string }
  | { readonly kind: "login-failed"; readonly mechanism: string; readonly reason: string }
  | { readonly kind: "error"; readonly verb: string; readonly reason: string }
  | {
    readonly kind: "end";
    /** Empty when nobody logged in. */
    readonly user: string;
    readonly reason: "logout" | "disconnected" | "timeout" | "refused" | "stopped";
    readonly receivedBytes: number;
    readonly sentBytes: number;
    readonly durationMs: number;
  };

/** Everything a session is given beside its connection. */
export interface ImapSettings {
  readonly hostName: string;
  readonly authenticator: ImapAuthenticator;
  readonly clock: Clock;
  /** Fresh random printable text of at least 18 characters, for SASL. */
  readonly nonce: () => string;
  /** Certificates for STARTTLS; without it STARTTLS is not offered. */
  readonly tls?: ServerTls | undefined;
  /** Whether passwords may come without TLS: from this host, or where the operator says so. */
  readonly plainTextAllowed: boolean;
  /** Aborts when the server stops: the client is told BYE. */
  readonly stopping: AbortSignal;
  readonly note: (event: ImapEvent) => void;
  /** Set when somebody else has authenticated the user: greeting PREAUTH, or with `tag` the answer to that login. */
  readonly preauthenticated?: { readonly user: string; readonly account: ImapAccount; readonly tag?: string };
  /** Answer to ID: name and version. */
  readonly serverId?: Readonly<Record<string, string>>;
}

/** States of a session [rfc3501 3]. */
export type ImapState = "not-authenticated" | "authenticated" | "selected" | "logout";

/** The session as its commands see it. */
export interface CommandContext {
  readonly settings: ImapSettings;
  readonly wire: ImapWire;
  readonly input: ImapInput;
  readonly out: ImapOutput;
  readonly tag: string;
  readonly state: ImapState;
  readonly selected: SelectedMailbox | undefined;
  /** The user's mail; throws before login (a bug: the verb table forbids it). */
  readonly account: ImapAccount;
  /** The open folder; throws when there is none (a bug: the verb table forbids it). */
  readonly folder: SelectedMailbox;
  capabilities(): CapabilityState;
  /** Sends what is gathered; one write at a time. */
  flush(): Promise<void>;
  /** Takes the result of a login. */
  login(login: ImapLogin, mechanism: string): Promise<Completion>;
  /** Opens a folder in place of the open one; undefined closes it. */
  changeFolder(folder: SelectedMailbox | undefined): Promise<void>;
  /** Ends the session after this command. */
  finish(reason: "logout" | "refused" | "disconnected"): void;
  /** TLS is on: passwords may be sent. */
  secured(): void;
}

/** Runs a parsed command. */
export type Action = (session: CommandContext) => Completion | Promise<Completion>;

/** A row of the verb table. */
export interface Verb {
  readonly states: readonly ImapState[];
  /** Parses the arguments, all of them, and says what is to be done. Throws Permanent for BAD. */
  prepare(scanner: Scanner): Action;
  /** Whether EXPUNGE may be sent before its completion [rfc3501 7.4.1]. */
  readonly expunges: boolean;
}
