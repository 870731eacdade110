/**
 * What the lookup daemon answers: the interface that smtpd, local, imapd and pop3d program against. The client over the
 * socket is storage/accounts/lookup_client.ts, the server is servers/lookup; tests have a fake. Every method throws
 * Temporary when the daemon or its database cannot be reached. Secrets never leave the daemon.
 * Addresses are lower-cased `user@domain` text.
 */

import type { FilterRule } from "../../mail/filter/rules.ts";
import type { CramExchange, DigestExchange, ScramExchange } from "../../mail/sasl/exchange.ts";
import type { ScramHash } from "../../mail/sasl/scram.ts";

export type { CramExchange, CramHash, DigestExchange, ScramExchange } from "../../mail/sasl/exchange.ts";
export type { ScramHash } from "../../mail/sasl/scram.ts";

/** Whether mail for an address would be taken [spec formats 14, USER]. */
export type RecipientStatus =
  /** The domain is not one of ours: nothing is known of it. */
  | { readonly kind: "not-local" }
  | { readonly kind: "known" }
  | { readonly kind: "absent" }
  | { readonly kind: "inactive" }
  | { readonly kind: "over-quota" };

/** An account, without its secrets. */
export interface Account {
  /** `user@domain`, the real domain when the given one was an alias. */
  readonly address: string;
  readonly uid: number;
  readonly gid: number;
  /** pw_gid bits [spec tables, indimail]. */
  readonly flags: number;
  readonly gecos: string;
  /** Home directory; the Maildir is `home/Maildir`. */
  readonly home: string;
  /** Quota text as in pw_shell: `5242880S,1000C` or `NOQUOTA`. */
  readonly quota: string;
  readonly inactive: boolean;
}

/** Where a delivery to a virtual address goes. */
export type DeliveryTarget =
  | { readonly kind: "absent" }
  /** Lines of valias (or of a group); empty account: only the lines. */
  | { readonly kind: "found"; readonly account: Account | undefined; readonly aliasLines: readonly string[] };

/** The service that asks, for service flags (NO_POP and kin) and lastauth; "auth": a checkpassword program without one. */
export type AuthService = "smtp" | "imap" | "pop3" | "auth";

/** What became of a login. */
export type AuthResult =
  | {
    readonly kind: "ok";
    readonly account: Account; /** May authenticate but not relay. */
    readonly mayRelay: boolean;
  }
  /** Wrong password or unknown user: which of them is never told. */
  | { readonly kind: "denied" }
  /** Right password, but this service is switched off for the account, or the account is closed. */
  | { readonly kind: "forbidden"; readonly reason: string };

/** Who logs in from where. */
export interface AuthContext {
  readonly service: AuthService;
  readonly remoteHost: string;
  /** Our address that the client has connected to: vipmap may give it a domain for names without one. */
  readonly localHost?: string | undefined;
  /** The limits of table vlimits hold for this login, although the daemon has no DOMAIN_LIMITS. */
  readonly withLimits?: boolean | undefined;
}

/** What a SCRAM exchange needs before the client's proof. */
export interface ScramParameters {
  readonly saltBase64: string;
  readonly iterations: number;
}

/** A bulletin: its file, and, where it waits for this account only, the name to tell when it was given. */
export interface WaitingBulletin {
  readonly path: string;
  readonly name?: string;
}

/** Questions about accounts. */
export interface Lookup {
  recipient(address: string): Promise<RecipientStatus>;
  /** The account, or undefined. */
  account(address: string): Promise<Account | undefined>;
  delivery(address: string): Promise<DeliveryTarget>;
  /** The real name of a domain (of an alias domain, the one it points to); undefined when it is none of ours. */
  realDomain(domain: string): Promise<string | undefined>;
  /** LOGIN and PLAIN. */
  verifyPassword(user: string, password: string, context: AuthContext): Promise<AuthResult>;
  /** CRAM-MD5 and kin: `digestHex` is the client's HMAC of `challenge` [rfc2195]. */
  verifyCram(user: string, exchange: CramExchange, context: AuthContext): Promise<AuthResult>;
  /** DIGEST-MD5; on success the server's `rspauth` as well, else empty [rfc2831]. */
  verifyDigest(
    user: string,
    exchange: DigestExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly rspauth: string }>;
  /** SCRAM, first step; for an unknown user a made-up but stable salt, so that nothing is given away [rfc5802]. */
  scramParameters(user: string, hash: ScramHash, localHost?: string): Promise<ScramParameters>;
  /** SCRAM, last step: proof against the AuthMessage; on success the server's signature as well. */
  verifyScram(
    user: string,
    exchange: ScramExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly serverSignatureBase64: string }>;
  /** XOAUTH2 and OAUTHBEARER: a bearer token, asked about or checked by signature. */
  verifyToken(user: string, token: string, context: AuthContext): Promise<AuthResult>;
  /** The rules that mail for an account is sorted by, in their order: the domain's first, the user's, the domain's last. */
  filterRules(address: string): Promise<readonly FilterRule[]>;
  /** Bulletins that an account is to get at its next login. */
  bulletins(address: string): Promise<readonly WaitingBulletin[]>;
  /** Tells that the account has the bulletin of that name. */
  bulletinGiven(address: string, name: string): Promise<void>;
  /** Tells that a user went over quota (or is below it again): sets or clears BOUNCE_MAIL and userquota. */
  noteQuota(address: string, usedBytes: number): Promise<void>;
  /** Whether `sender` has read its mail from that address lately, and may relay from there [spec formats 26]. */
  relayGranted(sender: string, remoteIp: string): Promise<boolean>;
  close(): void;
}
