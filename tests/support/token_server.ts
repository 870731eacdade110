/**
 * A server of bearer tokens for tests: a set of keys (JWKS), an introspection URL, and tokens signed with each algorithm,
 * right or wrong. On loopback.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";

/** Algorithms that tokens are signed with here. */
export type TestAlgorithm = "RS256" | "ES256" | "EdDSA";

/** What introspection and signed tokens say when nothing else is asked for. */
export const TEST_ISSUER = "https://issuer.test";
export const TEST_AUDIENCE = "mail.test";

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

function privateKeyOf(algorithm: TestAlgorithm): KeyObject {
  const { privateKey } = algorithm === "RS256"
    ? generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    })
    : algorithm === "ES256"
    ? generateKeyPairSync("ec", {
      namedCurve: "P-256",
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    })
    : generateKeyPairSync("ed25519", {
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
  return createPrivateKey(privateKey);
}

/** The server. */
export class TokenServer implements AsyncDisposable {
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #keys: Readonly<Record<TestAlgorithm, KeyObject>>;
  /** Answers of introspection by token; others are not active. */
  readonly known = new Map<string, Readonly<Record<string, unknown>>>();
  /** What the introspection URL was asked with. */
  readonly authorizations: (string | null)[] = [];
  /** Questions of each kind. */
  readonly counts = { introspection: 0, keys: 0 };
  /** Answers 503 to everything while true. */
  isDown = false;

  constructor() {
    this.#keys = { RS256: privateKeyOf("RS256"), ES256: privateKeyOf("ES256"), EdDSA: privateKeyOf("EdDSA") };
    this.#server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => this.#answer(request));
  }

  /** Base URL, without a slash at its end. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** The keys as a JWKS. */
  get keySet(): unknown {
    const keys = Object.entries(this.#keys).map(([alg, key]) => ({
      ...createPublicKey(key).export({ format: "jwk" }),
      alg,
      kid: `key-${alg}`,
      use: "sig",
    }));
    return { keys: [{ kty: "oct", k: "c2VjcmV0", kid: "shared" }, ...keys] };
  }

  /** A signed token; `claims` and `header` replace what is usual. */
  token(
    algorithm: TestAlgorithm,
    claims: Readonly<Record<string, unknown>>,
    header: Readonly<Record<string, unknown>> = {},
  ): string {
    const nowSeconds = Math.floor(Date.now() / 1000);
    const body = { iss: TEST_ISSUER, aud: TEST_AUDIENCE, exp: nowSeconds + 3600, nbf: nowSeconds - 10, ...claims };
    const signed = `${encode({ alg: algorithm, typ: "JWT", kid: `key-${algorithm}`, ...header })}.${encode(body)}`;
    const key = this.#keys[algorithm];
    const signature = sign(
      algorithm === "EdDSA" ? null : "sha256",
      Buffer.from(signed),
      algorithm === "ES256" ? { key, dsaEncoding: "ieee-p1363" } : key,
    );
    return `${signed}.${signature.toString("base64url")}`;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (this.isDown) return new Response("down", { status: 503 });
    if (pathname === "/jwks") {
      this.counts.keys++;
      return Response.json(this.keySet);
    }
    if (pathname !== "/introspect" || request.method !== "POST") return new Response("no", { status: 404 });
    this.counts.introspection++;
    this.authorizations.push(request.headers.get("authorization"));
    const token = String((await request.formData()).get("token"));
    return Response.json(this.known.get(token) ?? { active: false });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.shutdown();
  }
}
