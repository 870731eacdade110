/**
 * The server's side of SCRAM [rfc5802 5]: two steps of the mechanism, then the server's signature as a challenge that
 * the client answers with an empty response, as SMTP [rfc4954] and IMAP need it. No channel binding.
 */
import { formatBase64, parseBase64 } from "./base64.ts";
import { parseScramAttributes, parseScramName } from "./scram.ts";
import { challenge, malformed, refusedName, responseText } from "./exchange.ts";
import type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";

/** Longest nonce that a client may send, characters; clients send 18 to 64. */
const NONCE_CHARACTERS_MAX = 512;
const PRINTABLE = /^[\x21-\x2B\x2D-\x7E]+$/;

/** One exchange. The user name goes to the verifier as sent: it prepares and compares it. */
export class ScramServer<R> implements SaslExchange<R> {
  readonly #hash: "sha-1" | "sha-256";
  readonly #verifier: SaslVerifier<R>;
  readonly #serverNonce: string;
  #state: "start" | "first" | "final" | "end" = "start";
  #user = "";
  #gs2Header = "";
  #firstBare = "";
  #serverFirst = "";
  #nonce = "";
  #result: { readonly value: R } | undefined;

  constructor(hash: "sha-1" | "sha-256", verifier: SaslVerifier<R>, serverNonce: string) {
    this.#hash = hash;
    this.#verifier = verifier;
    this.#serverNonce = serverNonce;
  }

  /** Takes the client's next message. */
  async step(response: Uint8Array | undefined): Promise<SaslStep<R>> {
    if (this.#state === "start" && response === undefined) {
      this.#state = "first";
      return challenge("");
    }
    const text = responseText(response ?? new Uint8Array());
    if (text === undefined || text.includes("\0")) return malformed("not text");
    switch (this.#state) {
      case "start":
      case "first":
        return await this.#clientFirst(text);
      case "final":
        return await this.#clientFinal(text);
      case "end":
        if (text !== "" || this.#result === undefined) return malformed("an empty response was due");
        return { kind: "finished", result: this.#result.value };
    }
  }

  async #clientFirst(text: string): Promise<SaslStep<R>> {
    const header = /^([^,]*),(?:a=([^,]*))?,/.exec(text);
    if (!header) return malformed("client-first-message without its header");
    const [gs2Header, binding = ""] = header;
    if (binding.startsWith("p=")) return malformed("channel binding is not supported");
    if (binding !== "n" && binding !== "y") return malformed("channel binding flag is neither n, y nor p");
    this.#gs2Header = gs2Header;
    this.#firstBare = text.slice(gs2Header.length);
    const attributes = parseScramAttributes(this.#firstBare);
    const [first, second] = attributes ?? [];
    if (first?.[0] === "m") return malformed("unknown mandatory extension");
    if (first?.[0] !== "n" || second?.[0] !== "r") return malformed("client-first-message needs n= and r=");
    const user = parseScramName(first[1]);
    if (user === undefined) return malformed("user name with a wrong escape");
    const refused = refusedName(user);
    if (refused !== undefined) return malformed(refused);
    if (header[2] !== undefined && header[2] !== "" && parseScramName(header[2]) !== user) {
      return malformed("may not act for another user");
    }
    const clientNonce = second[1];
    if (clientNonce.length > NONCE_CHARACTERS_MAX || !PRINTABLE.test(clientNonce)) return malformed("unusable nonce");
    const { saltBase64, iterations } = await this.#verifier.scramParameters(user, this.#hash);
    this.#user = user;
    this.#nonce = clientNonce + this.#serverNonce;
    this.#serverFirst = `r=${this.#nonce},s=${saltBase64},i=${iterations}`;
    this.#state = "final";
    return challenge(this.#serverFirst);
  }

  async #clientFinal(text: string): Promise<SaslStep<R>> {
    const proofAt = text.lastIndexOf(",p=");
    const withoutProof = text.slice(0, Math.max(proofAt, 0));
    const [binding, nonce] = parseScramAttributes(withoutProof) ?? [];
    if (proofAt < 0 || binding?.[0] !== "c" || nonce?.[0] !== "r") {
      return malformed("client-final-message needs c=, r= and p=");
    }
    if (binding[1] !== formatBase64(new TextEncoder().encode(this.#gs2Header))) {
      return malformed("channel binding does not match the first message");
    }
    if (nonce[1] !== this.#nonce) return malformed("nonce does not match");
    const proofBase64 = text.slice(proofAt + 3);
    if (parseBase64(proofBase64) === undefined) return malformed("proof is not base64");
    const authMessage = `${this.#firstBare},${this.#serverFirst},${withoutProof}`;
    const exchange = { hash: this.#hash, authMessage, proofBase64 };
    const { result, serverSignatureBase64 } = await this.#verifier.verifyScram(this.#user, exchange);
    if (!this.#verifier.succeeded(result)) return { kind: "finished", result };
    this.#result = { value: result };
    this.#state = "end";
    return challenge(`v=${serverSignatureBase64}`);
  }
}
