/**
 * The server's side of SCRAM [rfc5802 5]: two steps of the mechanism, then the server's signature as a challenge that
 * the client answers with an empty response, as SMTP [rfc4954] and IMAP need it. With -PLUS the login is bound to the TLS
 * session [rfc5802 6].
 */
import { concatBytes } from "../../core/bytes.ts";
import { formatBase64, parseBase64 } from "./base64.ts";
import { END_POINT_BINDING } from "./channel_binding.ts";
import { parseScramAttributes, parseScramName, type ScramHash } from "./scram.ts";
import { challenge, malformed, refusedName, responseText } from "./exchange.ts";
import type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";

/** Longest nonce that a client may send, characters; clients send 18 to 64. */
const NONCE_CHARACTERS_MAX = 512;
const encoder = new TextEncoder();
const PRINTABLE = /^[\x21-\x2B\x2D-\x7E]+$/;

/** What an exchange is bound to. */
export interface ScramSettings {
  readonly nonce: string;
  /** Of the TLS session, for a -PLUS mechanism. */
  readonly binding: Uint8Array | undefined;
  /** This mechanism is a -PLUS one; one was offered beside it; or there was none. */
  readonly plus: "this" | "offered" | "none";
}

/** One exchange. The user name goes to the verifier as sent: it prepares and compares it. */
export class ScramServer<R> implements SaslExchange<R> {
  readonly #hash: ScramHash;
  readonly #verifier: SaslVerifier<R>;
  readonly #settings: ScramSettings;
  #state: "start" | "first" | "final" | "end" = "start";
  #user = "";
  #gs2Header = "";
  #firstBare = "";
  #serverFirst = "";
  #nonce = "";
  #result: { readonly value: R } | undefined;

  constructor(hash: ScramHash, verifier: SaslVerifier<R>, settings: ScramSettings) {
    this.#hash = hash;
    this.#verifier = verifier;
    this.#settings = settings;
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
    const refusedFlag = this.#refusedFlag(binding);
    if (refusedFlag !== undefined) return malformed(refusedFlag);
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
    this.#nonce = clientNonce + this.#settings.nonce;
    this.#serverFirst = `r=${this.#nonce},s=${saltBase64},i=${iterations}`;
    this.#state = "final";
    return challenge(this.#serverFirst);
  }

  /** What is wrong with the channel binding flag [rfc5802 6]; undefined: nothing. */
  #refusedFlag(flag: string): string | undefined {
    const { plus, binding } = this.#settings;
    if (!/^(?:n|y|p=[A-Za-z0-9.-]+)$/.test(flag)) return "channel binding flag is neither n, y nor p";
    if (plus !== "this") {
      if (flag.startsWith("p=")) return "channel binding needs a mechanism with -PLUS";
      return flag === "y" && plus === "offered"
        ? "channel binding was offered: somebody has changed the list"
        : undefined;
    }
    if (!flag.startsWith("p=")) return "a mechanism with -PLUS needs channel binding";
    return flag === `p=${END_POINT_BINDING}` && binding
      ? undefined
      : `the only channel binding is ${END_POINT_BINDING}`;
  }

  /** The text of c= that the client must send: header and channel binding [rfc5802 5.1]. */
  #expectedBinding(): string {
    return formatBase64(concatBytes(encoder.encode(this.#gs2Header), this.#settings.binding ?? new Uint8Array()));
  }

  async #clientFinal(text: string): Promise<SaslStep<R>> {
    const proofAt = text.lastIndexOf(",p=");
    const withoutProof = text.slice(0, Math.max(proofAt, 0));
    const [binding, nonce] = parseScramAttributes(withoutProof) ?? [];
    if (proofAt < 0 || binding?.[0] !== "c" || nonce?.[0] !== "r") {
      return malformed("client-final-message needs c=, r= and p=");
    }
    if (binding[1] !== this.#expectedBinding()) {
      return malformed("channel binding does not match");
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
