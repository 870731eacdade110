/**
 * What an SMTP server session asks of whoever runs it, grouped by state. Every answer is a reply, at once or later; a
 * thrown Temporary is 451, anything else a bug that is told to `surprise` and answered 451.
 */
import type { ServerTls } from "../../core/stream.ts";
import type { MailCommand } from "./parse.ts";
import type { SmtpReply } from "./replies.ts";

/** A reply now or later. */
export type SmtpAnswer = SmtpReply | Promise<SmtpReply>;

/** What the server offers at this moment. */
export interface SmtpFeatures {
  /** SIZE: greatest message in bytes; 0: no limit. */
  readonly sizeBytesMax: number;
  /** AUTH: mechanisms, empty when not offered. */
  readonly mechanisms: readonly string[];
  /** STARTTLS: the certificates; undefined when not offered. */
  readonly tls: ServerTls | undefined;
}

/** Who says hello, and how. */
export interface SmtpGreeting {
  readonly name: string;
  /** EHLO, not HELO. */
  readonly extended: boolean;
}

/** A step of an AUTH exchange. */
export type SmtpAuthStep =
  | { readonly kind: "challenge"; readonly bytes: Uint8Array }
  | { readonly kind: "finished"; readonly reply: SmtpReply };

/** An AUTH exchange. */
export interface SmtpAuthExchange {
  /** The client's next response, decoded; undefined: it sent no initial one. */
  step(response: Uint8Array | undefined): Promise<SmtpAuthStep>;
}

/** A message being received. */
export interface SmtpMessage {
  /** What goes in front of it: the Received line, LF form. */
  readonly head: Uint8Array;
  /** The next bytes, LF form; they may be used again when it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** All has come; `sizeBytes` without the head. A reply that accepts means that the message is durable. */
  commit(sizeBytes: number): Promise<SmtpReply>;
  /** It will not come, or is refused with `reply`. */
  abort(reply: SmtpReply | undefined): void;
}

/** How a session ended. */
export type SmtpEnd = "quit" | "lost" | "timeout" | "refused" | "stopped";

/** One session's server. */
export interface SmtpBackend {
  /** This host's name, for EHLO. */
  readonly hostName: string;
  readonly timeoutMs: number;
  /** Hops above which a message is refused. */
  readonly hopsMax: number;
  features(): SmtpFeatures;

  /** The greeting, 220; any other code refuses the connection. */
  connected(): SmtpAnswer;
  /** Accepts (2xx) or refuses HELO and EHLO. */
  hello(greeting: SmtpGreeting): SmtpAnswer;
  /** TLS is on: what the client said before counts no more [rfc3207 4.2]. */
  tlsStarted(): void;
  /** The exchange of a mechanism that was offered, or why not now. */
  authenticate(mechanism: string): SmtpAuthExchange | SmtpReply;

  mail(command: MailCommand): SmtpAnswer;
  recipient(address: string): SmtpAnswer;
  /** Opens the message of the transaction, or refuses it. */
  message(): Promise<SmtpMessage | SmtpReply> | SmtpMessage | SmtpReply;
  /** The transaction is over or given up. */
  reset(): void;

  /** Told of each refused command and message, for the log. */
  refused(reply: SmtpReply, command: string): void;
  surprise(error: unknown): void;
  /** `reason`: what broke the connection. */
  ended(how: SmtpEnd, reason?: string): void;
}
