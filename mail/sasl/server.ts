/**
 * The server's side of a SASL exchange, one object an exchange, for SMTP AUTH, IMAP AUTHENTICATE and POP3 AUTH. Bytes are
 * raw: base64, `*` and line limits are the protocol's. Secrets stay with the verifier (the lookup daemon).
 */
import type { TlsState } from "../../core/stream.ts";
import { BEARER_FAILURES, parseOauthBearer, parseXoauth2, serveBearer } from "./bearer_server.ts";
import { channelBinding } from "./channel_binding.ts";
import { serveCram } from "./cram_server.ts";
import { DigestServer } from "./digest_md5_server.ts";
import { malformed, SASL_RESPONSE_BYTES_MAX } from "./exchange.ts";
import type { SaslExchange, SaslVerifier } from "./exchange.ts";
import { bindsChannel, cramHashOf, type SaslMechanism, scramHashOf } from "./mechanisms.ts";
import { serveLogin, servePlain } from "./plain_server.ts";
import { ScramServer } from "./scram_server.ts";

export { SASL_RESPONSE_BYTES_MAX, SASL_TEXT_BYTES_MAX } from "./exchange.ts";
export type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";
export { usableMechanisms } from "./channel_binding.ts";
export { SASL_MECHANISMS, type SaslMechanism, sendsSecret, tryParseMechanism } from "./mechanisms.ts";

/** What an exchange needs beside the verifier. */
export interface SaslSettings {
  /** This host's name, for challenges of CRAM and DIGEST-MD5. */
  readonly hostName: string;
  /** Fresh random printable text without commas and blanks, at least 18 characters. */
  readonly nonce: () => string;
  /** Milliseconds since 1970, for challenges of CRAM. */
  readonly nowMs: number;
  /** The TLS session that the login comes through, for -PLUS mechanisms. */
  readonly tls?: TlsState | undefined;
  /** The mechanisms that the client was told of: it must not believe that there was no -PLUS [rfc5802 6]. */
  readonly offered?: readonly SaslMechanism[];
  /** Name of the protocol in DIGEST-MD5: `smtp`, `imap`, `pop`; undefined: any. */
  readonly service?: "smtp" | "imap" | "pop";
}

/** Begins an exchange. */
export function startSasl<R>(
  mechanism: SaslMechanism,
  verifier: SaslVerifier<R>,
  settings: SaslSettings,
): SaslExchange<R> {
  return limited(exchangeOf(mechanism, verifier, settings));
}

function exchangeOf<R>(
  mechanism: SaslMechanism,
  verifier: SaslVerifier<R>,
  settings: SaslSettings,
): SaslExchange<R> {
  const cramHash = cramHashOf(mechanism);
  if (cramHash) {
    const seconds = Math.trunc(settings.nowMs / 1000);
    return serveCram(cramHash, verifier, `<${settings.nonce()}.${seconds}@${settings.hostName}>`);
  }
  const scramHash = scramHashOf(mechanism);
  if (scramHash) {
    return new ScramServer(scramHash, verifier, {
      nonce: settings.nonce(),
      binding: bindsChannel(mechanism) ? channelBinding(settings.tls) : undefined,
      plus: bindsChannel(mechanism)
        ? "this"
        : settings.offered?.some((name) => name === `${mechanism}-PLUS`)
        ? "offered"
        : "none",
    });
  }
  switch (mechanism) {
    case "PLAIN":
      return servePlain(verifier);
    case "LOGIN":
      return serveLogin(verifier);
    case "OAUTHBEARER":
      return serveBearer(parseOauthBearer, verifier, BEARER_FAILURES.OAUTHBEARER);
    case "XOAUTH2":
      return serveBearer(parseXoauth2, verifier, BEARER_FAILURES.XOAUTH2);
    default:
      return new DigestServer(verifier, {
        realm: settings.hostName,
        nonce: settings.nonce(),
        service: settings.service,
      });
  }
}

/** Refuses what is too long and whatever comes after the end. */
function limited<R>(exchange: SaslExchange<R>): SaslExchange<R> {
  let over = false;
  return {
    async step(response) {
      if (over) return malformed("the exchange is over");
      if (response && response.length > SASL_RESPONSE_BYTES_MAX) {
        over = true;
        return malformed(`response longer than ${SASL_RESPONSE_BYTES_MAX} bytes`);
      }
      const step = await exchange.step(response);
      if (step.kind !== "challenge") over = true;
      return step;
    },
  };
}
