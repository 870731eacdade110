/**
 * The client's side of a SASL exchange, for qmail-remote and the tests. Bytes are raw: base64 is the protocol's. A server
 * that breaks a mechanism's rules, or cannot prove that it knows the password (SCRAM, DIGEST-MD5), is refused with
 * Permanent.
 */
import { createHmac } from "node:crypto";
import { Permanent } from "../../core/errors.ts";
import { channelBinding } from "./channel_binding.ts";
import type { SaslClientExchange, SaslCredentials } from "./client_exchange.ts";
import { DigestClient } from "./digest_md5_client.ts";
import {
  bindsChannel,
  cramHashOf,
  needsClearText,
  SASL_MECHANISMS,
  type SaslMechanism,
  scramHashOf,
  takesToken,
} from "./mechanisms.ts";
import { formatScramName } from "./scram.ts";
import { ScramClient } from "./scram_client.ts";

export type { SaslClientExchange, SaslCredentials } from "./client_exchange.ts";

const encoder = new TextEncoder();

/**
 * The mechanism that a client takes of those that a server names: the strongest that needs nothing but the password.
 * Channel binding and tokens only where the caller names the mechanism: a server that has -PLUS may not have the kind of
 * binding that this client has. Undefined when none is known.
 */
export function chooseMechanism(offered: ReadonlySet<string>): SaslMechanism | undefined {
  const usable = SASL_MECHANISMS.filter((name) => offered.has(name) && !bindsChannel(name) && !takesToken(name));
  return usable.find((name) => scramHashOf(name)) ?? usable.find(needsClearText) ?? usable[0];
}

/**
 * Begins an exchange. When `initialResponse` was sent with the command, the first `answer` is to the challenge after it;
 * when it was not, the caller answers the first (empty) challenge with it. Throws Permanent when the mechanism cannot be
 * used on this connection.
 */
export function startSaslClient(mechanism: SaslMechanism, credentials: SaslCredentials): SaslClientExchange {
  const { user, password } = credentials;
  const cramHash = cramHashOf(mechanism);
  if (cramHash) {
    return answers(undefined, [
      (challenge) => encoder.encode(`${user} ${createHmac(cramHash, password).update(challenge).digest("hex")}`),
    ]);
  }
  const scramHash = scramHashOf(mechanism);
  if (scramHash) return new ScramClient(scramHash, credentials, bindingOf(mechanism, credentials));
  switch (mechanism) {
    case "PLAIN":
      return answers(encoder.encode(`\0${user}\0${password}`), []);
    case "LOGIN":
      return answers(undefined, [() => encoder.encode(user), () => encoder.encode(password)]);
    case "OAUTHBEARER":
      return bearer(`n,a=${formatScramName(user)},\x01auth=Bearer ${password}\x01\x01`);
    case "XOAUTH2":
      return bearer(`user=${user}\x01auth=Bearer ${password}\x01\x01`);
    default:
      return new DigestClient(credentials);
  }
}

function bindingOf(mechanism: SaslMechanism, credentials: SaslCredentials): Uint8Array | undefined {
  if (!bindsChannel(mechanism)) return undefined;
  const binding = channelBinding(credentials.tls);
  if (!binding) throw new Permanent(`authentication: ${mechanism} needs TLS and a certificate that can be bound to`);
  return binding;
}

/** A challenge after the message tells why it was refused; the answer has no meaning [rfc7628 3.2.3]. */
function bearer(message: string): SaslClientExchange {
  return answers(encoder.encode(message), [() => encoder.encode("\x01")], { complete: true });
}

function answers(
  initialResponse: Uint8Array | undefined,
  replies: readonly ((challenge: Uint8Array) => Uint8Array)[],
  options: { readonly complete?: boolean } = {},
): SaslClientExchange {
  let at = 0;
  return {
    initialResponse,
    answer(challenge) {
      const reply = replies[at++];
      if (!reply) {
        return Promise.reject(new Permanent("authentication: the server asks for more than the mechanism has"));
      }
      return Promise.resolve(reply(challenge));
    },
    get complete() {
      return options.complete ?? at >= replies.length;
    },
  };
}
