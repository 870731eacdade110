/**
 * The server's side of DIGEST-MD5 [rfc2831 2.1]: a challenge, the client's proof, the server's own proof as a challenge that
 * the client answers with an empty response. Only qop=auth, and no login by an old challenge (subsequent authentication).
 */
import { latin1Text } from "../../core/bytes.ts";
import { formatDirectives, parseDirectives } from "./digest_directives.ts";
import { challenge, malformed, refusedName, responseText } from "./exchange.ts";
import type { DigestExchange, SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";

/** What an exchange is about. */
export interface DigestSettings {
  /** The realm offered: this host's name. */
  readonly realm: string;
  readonly nonce: string;
  /** Name of the service in digest-uri: `smtp`, `imap`, `pop`; undefined: any. */
  readonly service?: string | undefined;
}

/** What the client has said, in the form it is checked in. */
interface ClientProof {
  readonly user: string;
  readonly exchange: DigestExchange;
}

/** One exchange. */
export class DigestServer<R> implements SaslExchange<R> {
  readonly #verifier: SaslVerifier<R>;
  readonly #settings: DigestSettings;
  #state: "start" | "proof" | "end" = "start";
  #result: { readonly value: R } | undefined;

  constructor(verifier: SaslVerifier<R>, settings: DigestSettings) {
    this.#verifier = verifier;
    this.#settings = settings;
  }

  /** Takes the client's next message. */
  async step(response: Uint8Array | undefined): Promise<SaslStep<R>> {
    switch (this.#state) {
      case "start":
        if (response !== undefined && response.length > 0) return malformed("DIGEST-MD5 has no initial response");
        this.#state = "proof";
        return challenge(this.#challengeText());
      case "proof":
        return await this.#check(response ?? new Uint8Array());
      case "end":
        if ((response ?? []).length > 0 || !this.#result) return malformed("an empty response was due");
        return { kind: "finished", result: this.#result.value };
    }
  }

  #challengeText(): string {
    const { realm, nonce } = this.#settings;
    return formatDirectives({ realm, nonce, qop: "auth", charset: "utf-8", algorithm: "md5-sess" }, "server");
  }

  async #check(response: Uint8Array): Promise<SaslStep<R>> {
    const proof = this.#parse(response);
    if (typeof proof === "string") return malformed(proof);
    const { result, rspauth } = await this.#verifier.verifyDigest(proof.user, proof.exchange);
    if (!this.#verifier.succeeded(result)) return { kind: "finished", result };
    this.#result = { value: result };
    this.#state = "end";
    return challenge(formatDirectives({ rspauth }, "server"));
  }

  /** The client's message; a text says what is wrong with it. */
  #parse(response: Uint8Array): ClientProof | string {
    const directives = parseDirectives(latin1Text(response));
    if (!directives) return "the response is no list of directives";
    const utf8 = directives.get("charset")?.toLowerCase() === "utf-8";
    if (directives.has("charset") && !utf8) return "the only charset is utf-8";
    const text = (name: string) => {
      const value = directives.get(name);
      if (value === undefined || !utf8) return value;
      return responseText(Uint8Array.from(value, (character) => character.charCodeAt(0)));
    };
    const { realm: offered, nonce, service } = this.#settings;
    const [user, authzid] = [text("username"), text("authzid")];
    if (user === undefined) return "username is missing";
    const refused = refusedName(user);
    if (refused !== undefined) return refused;
    const realm = directives.has("realm") ? text("realm") : offered;
    if (realm === undefined || [user, authzid, realm].some((one) => one?.includes("\0"))) return "not text";
    if (authzid !== undefined && authzid !== "" && authzid !== user) return "may not act for another user";
    if (directives.get("nonce") !== nonce) return "nonce does not match";
    const [cnonce = "", nc = "", uri = ""] = ["cnonce", "nc", "digest-uri"].map((name) => directives.get(name));
    if (cnonce === "") return "cnonce is missing";
    if (nc !== "00000001") return "the count of the nonce is not 1";
    const qop = directives.get("qop") ?? "auth";
    if (qop !== "auth") return "the only qop is auth";
    const [, named] = /^([A-Za-z0-9_-]+)\/[^\s]+$/.exec(uri) ?? [];
    if (named === undefined || (service !== undefined && named.toLowerCase() !== service)) return "wrong digest-uri";
    const proof = directives.get("response")?.toLowerCase() ?? "";
    if (!/^[0-9a-f]{32}$/.test(proof)) return "response is not 32 hexadecimal digits";
    const exchange = { realm, nonce, cnonce, nc, qop, uri, response: proof };
    return { user, exchange: authzid === undefined ? exchange : { ...exchange, authzid } };
  }
}
