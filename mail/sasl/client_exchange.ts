/** What all mechanisms of the client's side share: whom to log in as, and the contract of an exchange. */
import type { TlsState } from "../../core/stream.ts";

/** Whom to log in as. */
export interface SaslCredentials {
  readonly user: string;
  /** The password; for OAUTHBEARER and XOAUTH2 the token. */
  readonly password: string;
  /** Fresh random printable text without commas, for SCRAM and DIGEST-MD5. */
  readonly nonce: () => string;
  /** The TLS session, which -PLUS mechanisms need. */
  readonly tls?: TlsState | undefined;
  /** The service and host that is talked to, for DIGEST-MD5: `smtp/mail.example`. */
  readonly target?: string;
}

/** One exchange. */
export interface SaslClientExchange {
  /** Sent with the command where the protocol allows that; undefined: the server speaks first. */
  readonly initialResponse: Uint8Array | undefined;
  /** The answer to a challenge. Throws Permanent when the server breaks the mechanism's rules. */
  answer(challenge: Uint8Array): Promise<Uint8Array>;
  /** Whether the mechanism lets success be believed: for SCRAM and DIGEST-MD5 only after the server's own proof. */
  readonly complete: boolean;
}
