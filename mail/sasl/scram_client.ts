/** The client's side of SCRAM, with channel binding where the mechanism's name ends in -PLUS [rfc5802 5] [rfc5802 6]. */
import { concatBytes } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { formatBase64, parseBase64 } from "./base64.ts";
import { END_POINT_BINDING } from "./channel_binding.ts";
import type { SaslClientExchange, SaslCredentials } from "./client_exchange.ts";
import { saslprep } from "./saslprep.ts";
import {
  formatScramName,
  parseScramAttributes,
  saltedPassword,
  SCRAM_ITERATIONS_MAX,
  scramClientProof,
  type ScramHash,
  scramKeys,
  scramServerSignature,
} from "./scram.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** One exchange. Without `binding` the server is told that this client has no channel binding (flag n). */
export class ScramClient implements SaslClientExchange {
  readonly initialResponse: Uint8Array;
  readonly #hash: ScramHash;
  readonly #password: string;
  readonly #clientNonce: string;
  readonly #firstBare: string;
  readonly #bindingText: string;
  #expectedSignature: string | undefined;
  #complete = false;

  constructor(hash: ScramHash, credentials: SaslCredentials, binding?: Uint8Array) {
    this.#hash = hash;
    this.#password = credentials.password;
    this.#clientNonce = credentials.nonce();
    const user = saslprep(credentials.user) ?? credentials.user;
    const header = binding ? `p=${END_POINT_BINDING},,` : "n,,";
    this.#firstBare = `n=${formatScramName(user)},r=${this.#clientNonce}`;
    this.#bindingText = formatBase64(concatBytes(encoder.encode(header), binding ?? new Uint8Array()));
    this.initialResponse = encoder.encode(`${header}${this.#firstBare}`);
  }

  /** Whether the server has proved that it knows the password. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Answers the server's first message, then its last. */
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
    const withoutProof = `c=${this.#bindingText},r=${nonce[1]}`;
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
