/**
 * The lookup daemon as the verifier of SASL exchanges: what SMTP, IMAP and POP3 give to mail/sasl. Each protocol says by
 * `loginOf` what a result means to it.
 */
import type { SaslVerifier } from "../../mail/sasl/server.ts";
import type { AuthContext, AuthResult, Lookup } from "./lookup_types.ts";

/** What of Lookup logins need. */
export type LoginLookup = Pick<
  Lookup,
  "verifyPassword" | "verifyCram" | "verifyDigest" | "scramParameters" | "verifyScram" | "verifyToken"
>;

/** What a result means to a protocol. */
export interface LoginMeaning<R> {
  /** Called with the user as the client named him. */
  loginOf(user: string, result: AuthResult): R;
  succeeded(login: R): boolean;
}

/** A verifier that asks the daemon for a client. */
export function lookupVerifier<R>(
  lookup: LoginLookup,
  context: AuthContext,
  meaning: LoginMeaning<R>,
): SaslVerifier<R> {
  const { loginOf, succeeded } = meaning;
  return {
    async verifyPassword(user, password) {
      return loginOf(user, await lookup.verifyPassword(user, password, context));
    },
    async verifyCram(user, exchange) {
      return loginOf(user, await lookup.verifyCram(user, exchange, context));
    },
    async verifyDigest(user, exchange) {
      const verified = await lookup.verifyDigest(user, exchange, context);
      return { ...verified, result: loginOf(user, verified.result) };
    },
    scramParameters: (user, hash) => lookup.scramParameters(user, hash, context.localHost),
    async verifyScram(user, exchange) {
      const verified = await lookup.verifyScram(user, exchange, context);
      return { ...verified, result: loginOf(user, verified.result) };
    },
    async verifyToken(user, token) {
      return loginOf(user, await lookup.verifyToken(user, token, context));
    },
    succeeded,
  };
}
