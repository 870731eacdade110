/**
 * The client's side of a SASL exchange, for qmail-remote and the tests. Bytes are raw: base64 is the protocol's. A server
 * that breaks a mechanism's rules, or cannot prove that it knows the password (SCRAM), is refused with Permanent.
 */
import { Permanent } from "../../core/errors.ts";
import { formatBase64, parseBase64 } from "./base64.ts";
import { createHmac } from "node:crypto";
import {
  formatScramName,
  parseScramAttributes,
  saltedPassword,
  SCRAM_ITERATIONS_MAX,
  scramClientProof,
  scramKeys,
  scramServerSignature,
} from "./scram.ts";
import { saslprep } from "./saslprep.ts";
import type { SaslMechanism } from "./server.ts";

/** Whom to log in as. */
export interface SaslCredentials {
  readonly user: string;
  readonly password: string;
  /** Fresh random printable text without commas, for SCRAM. */
  readonly nonce: () => string;
}

/** One exchange. */
export interface SaslClientExchange {
  /** Sent with the command where the protocol allows that; undefined: the server speaks first. */
  readonly initialResponse: Uint8Array | undefined;
  /** The answer to a challenge. Throws Permanent when the server breaks the mechanism's rules. */
  answer(challenge: Uint8Array): Promise<Uint8Array>;
  /** Whether the mechanism lets success be believed: for SCRAM only after the server's signature. */
  readonly complete: boolean;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * Begins an exchange. When `initialResponse` was sent with the command, the first `answer` is to the challenge after it;
 * when it was not, the caller answers the first (empty) challenge with it.
 */
export function startSaslClient(mechanism: SaslMechanism, credentials: SaslCredentials): SaslClientExchange {
  const { user, password } = credentials;
  switch (mechanism) {
    case "PLAIN":
      return answers(encoder.encode(`\0${user}\0${password}`), []);
    case "LOGIN":
      return answers(undefined, [() => encoder.encode(user), () => encoder.encode(password)]);
    case "CRAM-MD5":
      return answers(undefined, [
        (challenge) => encoder.encode(`${user} ${createHmac("md5", password).update(challenge).digest("hex")}`),
      ]);
    case "SCRAM-SHA-1":
      return new ScramClient("sha-1", credentials);
    case "SCRAM-SHA-256":
      return new ScramClient("sha-256", credentials);
  }
}

function answers(
  initialResponse: Uint8Array | undefined,
  replies: readonly ((challenge: Uint8Array) => Uint8Array)[],
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
      return at >= replies.length;
    },
  };
}

class ScramClient implements SaslClientExchange {
  readonly initialResponse: Uint8Array;
  readonly #hash: "sha-1" | "sha-256";
  readonly #password: string;
  readonly #clientNonce: string;
  readonly #firstBare: string;
  #expectedSignature: string | undefined;
  #complete = false;

  constructor(hash: "sha-1" | "sha-256", credentials: SaslCredentials) {
    this.#hash = hash;
    this.#password = credentials.password;
    this.#clientNonce = credentials.nonce();
    const user = saslprep(credentials.user) ?? credentials.user;
    this.#firstBare = `n=${formatScramName(user)},r=${this.#clientNonce}`;
    this.initialResponse = encoder.encode(`n,,${this.#firstBare}`);
  }

  get complete(): boolean {
    return this.#complete;
  }

  async answer(challenge: Uint8Array): Promise<Uint8Array> {
    const text = decoder.decode(challenge);
    return this.#expectedSignature === undefined ? await this.#clientFinal(text) : this.#serverFinal(text);
  }

  async #clientFinal(serverFirst: string): Promise<Uint8Array> {
    const [nonce, salt, iterations] = parseScramAttributes(serverFirst) ?? [];
    const saltBytes = parseBase64(salt?.[1] ?? "*");
    const count = Number(iterations?.[1]);
    if (
      nonce?.[0] !== "r" || salt?.[0] !== "s" || iterations?.[0] !== "i" || !saltBytes ||
      !nonce[1].startsWith(this.#clientNonce) || nonce[1].length === this.#clientNonce.length ||
      !Number.isInteger(count) || count < 1 || count > SCRAM_ITERATIONS_MAX
    ) throw new Permanent("authentication: the server's SCRAM challenge is malformed");
    const withoutProof = `c=biws,r=${nonce[1]}`;
    const authMessage = `${this.#firstBare},${serverFirst},${withoutProof}`;
    const salted = await saltedPassword(this.#password, saltBytes, { hash: this.#hash, iterations: count });
    const { serverKey } = scramKeys(this.#hash, salted);
    this.#expectedSignature = formatBase64(scramServerSignature(this.#hash, serverKey, authMessage));
    const proof = formatBase64(scramClientProof(this.#hash, salted, authMessage));
    return encoder.encode(`${withoutProof},p=${proof}`);
  }

  #serverFinal(text: string): Uint8Array {
    const [verifier] = parseScramAttributes(text) ?? [];
    if (verifier?.[0] !== "v" || verifier[1] !== this.#expectedSignature) {
      throw new Permanent("authentication: the server could not prove that it knows the password");
    }
    this.#complete = true;
    return new Uint8Array();
  }
}
