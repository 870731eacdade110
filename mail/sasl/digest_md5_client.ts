/** The client's side of DIGEST-MD5 [rfc2831 2.1.2]: answers the challenge, then believes the server only by its own proof. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import type { SaslClientExchange, SaslCredentials } from "./client_exchange.ts";
import { formatDirectives, parseDirectives } from "./digest_directives.ts";
import { digestKeys } from "./digest_md5.ts";

/** Where digest-uri is not told. */
const TARGET_DEFAULT = "smtp/localhost";

/** One exchange. */
export class DigestClient implements SaslClientExchange {
  readonly initialResponse = undefined;
  readonly #credentials: SaslCredentials;
  #expected: string | undefined;
  #complete = false;

  constructor(credentials: SaslCredentials) {
    this.#credentials = credentials;
  }

  /** Whether the server has proved that it knows the password. */
  get complete(): boolean {
    return this.#complete;
  }

  /** Answers the challenge, then the server's proof. */
  answer(challenge: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve().then(() => {
      const directives = parseDirectives(latin1Text(challenge));
      if (!directives) throw new Permanent("authentication: the server's DIGEST-MD5 challenge is malformed");
      return this.#expected === undefined ? this.#respond(directives) : this.#believe(directives);
    });
  }

  #respond(directives: ReadonlyMap<string, string>): Uint8Array {
    const nonce = directives.get("nonce") ?? "";
    const offered = (directives.get("qop") ?? "auth").split(/[ ,]+/);
    if (nonce === "" || directives.get("algorithm")?.toLowerCase() !== "md5-sess" || !offered.includes("auth")) {
      throw new Permanent("authentication: the server's DIGEST-MD5 challenge is malformed");
    }
    const { user, password } = this.#credentials;
    const realm = directives.get("realm") ?? "";
    const uri = this.#credentials.target ?? TARGET_DEFAULT;
    const proof = { realm, nonce, cnonce: this.#credentials.nonce(), nc: "00000001", qop: "auth", uri };
    const { response, rspauth } = digestKeys({ user, password }, proof);
    this.#expected = rspauth;
    const utf8 = directives.get("charset")?.toLowerCase() === "utf-8";
    const username = utf8 ? latin1Text(new TextEncoder().encode(user)) : user;
    if (!/^[\p{Cc}\x20-\xff]*$/u.test(username)) throw new Permanent("authentication: the server takes no UTF-8");
    const { cnonce, nc } = proof;
    return latin1Bytes(formatDirectives({
      ...(utf8 && { charset: "utf-8" }),
      username,
      ...(directives.has("realm") && { realm }),
      nonce,
      nc,
      cnonce,
      "digest-uri": uri,
      response,
      qop: "auth",
    }, "client"));
  }

  #believe(directives: ReadonlyMap<string, string>): Uint8Array {
    if (directives.get("rspauth") !== this.#expected) {
      throw new Permanent("authentication: the server could not prove that it knows the password");
    }
    this.#complete = true;
    return new Uint8Array();
  }
}
