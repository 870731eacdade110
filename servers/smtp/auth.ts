/**
 * AUTH against the lookup daemon: the SASL exchange of mail/sasl with the daemon as verifier, and what its result means
 * to an SMTP client [rfc4954].
 */
import { randomBytes } from "node:crypto";
import { Temporary } from "../../core/errors.ts";
import type { TlsState } from "../../core/stream.ts";
import { type SaslExchange, type SaslMechanism, startSasl } from "../../mail/sasl/server.ts";
import type { SmtpAuthExchange } from "../../mail/smtp/backend.ts";
import type { SmtpReply } from "../../mail/smtp/replies.ts";
import type { AuthContext, AuthResult, Lookup } from "../../storage/accounts/lookup_types.ts";
import { lookupVerifier } from "../../storage/accounts/lookup_verifier.ts";

/** Random bytes of a nonce. */
const NONCE_BYTES = 18;

/** Who has logged in. */
export interface Login {
  /** `user@domain`. */
  readonly address: string;
  readonly mayRelay: boolean;
}

/** What an exchange needs. */
export interface AuthSettings {
  readonly lookup: Lookup;
  readonly hostName: string;
  readonly remoteIp: string;
  /** Our address that the client has connected to. */
  readonly localIp: string;
  readonly nowMs: number;
  readonly tls: TlsState | undefined;
  /** What the client was told of. */
  readonly offered: readonly SaslMechanism[];
  /** Called when it succeeds. */
  readonly accepted: (login: Login) => void;
}

/** Begins an exchange. */
export function startSmtpAuth(mechanism: SaslMechanism, settings: AuthSettings): SmtpAuthExchange {
  const context: AuthContext = { service: "smtp", remoteHost: settings.remoteIp, localHost: settings.localIp };
  const verifier = lookupVerifier<AuthResult>(settings.lookup, context, {
    loginOf: (_user, result) => result,
    succeeded: (result) => result.kind === "ok",
  });
  const exchange: SaslExchange<AuthResult> = startSasl(mechanism, verifier, {
    hostName: settings.hostName,
    nonce: () => randomBytes(NONCE_BYTES).toString("base64url"),
    nowMs: settings.nowMs,
    tls: settings.tls,
    offered: settings.offered,
    service: "smtp",
  });
  return {
    async step(response) {
      let step;
      try {
        step = await exchange.step(response);
      } catch (error) {
        if (!(error instanceof Temporary)) throw error;
        const text = `temporary authentication failure: ${error.message}`;
        return { kind: "finished", reply: { code: 454, enhanced: "4.7.0", text } };
      }
      if (step.kind === "challenge") return step;
      if (step.kind === "malformed") {
        return { kind: "finished", reply: { code: 501, enhanced: "5.5.2", text: step.reason } };
      }
      return { kind: "finished", reply: replyOf(step.result, settings.accepted) };
    },
  };
}

function replyOf(result: AuthResult, accepted: (login: Login) => void): SmtpReply {
  switch (result.kind) {
    case "ok":
      accepted({ address: result.account.address, mayRelay: result.mayRelay });
      return { code: 235, enhanced: "2.7.0", text: `go ahead, ${result.account.address}` };
    case "denied":
      return { code: 535, enhanced: "5.7.8", text: "user name or password is wrong" };
    case "forbidden":
      return { code: 535, enhanced: "5.7.8", text: `login refused: ${result.reason}` };
  }
}
