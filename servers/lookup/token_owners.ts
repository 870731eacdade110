/**
 * Whose a bearer token is: by its signature, or by asking the server that has given it out. What was found is kept for a
 * while, so that a client with many connections asks once; a token that is withdrawn works that much longer.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { Temporary } from "../../core/errors.ts";
import type { TokenSettings } from "../../storage/accounts/token_settings.ts";
import { claimsOf, ownerOfClaims, type TokenOwner } from "./token_claims.ts";
import { type AskTokenServer, askTokenServer } from "./token_http.ts";
import { KeyStore } from "./token_keys.ts";
import { isSignedBy, looksSigned, tryParseSignedToken } from "./token_signature.ts";

/** How long a good token is believed without asking, and a bad one refused. */
export const GOOD_KEPT_MS = 60_000;
export const BAD_KEPT_MS = 10_000;
/** Tokens kept; the oldest goes. */
export const TOKENS_KEPT_MAX = 10_000;
/** Checks under way; above it a token gets a temporary failure. */
export const CHECKS_MAX = 64;

/** What the checks need. */
export interface TokenOwnersOptions {
  readonly settings: TokenSettings;
  readonly nowMs: () => number;
  readonly ask?: AskTokenServer;
}

interface Kept {
  readonly name: string | undefined;
  readonly untilMs: number;
}

/** The owners of tokens, by the settings of one installation. */
export class CheckedTokens {
  readonly #settings: TokenSettings;
  readonly #nowMs: () => number;
  readonly #ask: AskTokenServer;
  readonly #keys: KeyStore;
  /** By a hash of the token: tokens themselves are not kept. */
  readonly #kept = new Map<string, Kept>();
  readonly #running = new Map<string, Promise<string | undefined>>();

  constructor(options: TokenOwnersOptions) {
    const { settings, nowMs, ask = askTokenServer } = options;
    this.#settings = settings;
    this.#nowMs = nowMs;
    this.#ask = ask;
    this.#keys = new KeyStore({ places: settings.jwks, ask, nowMs });
  }

  /** How many are kept, for tests. */
  get kept(): number {
    return this.#kept.size;
  }

  /** Address or name of the token's owner; undefined when it is not good. Throws Temporary when that cannot be told. */
  async ownerOf(token: string): Promise<string | undefined> {
    const key = createHash("sha256").update(token).digest("base64");
    const kept = this.#kept.get(key);
    if (kept && kept.untilMs > this.#nowMs()) return kept.name;
    this.#kept.delete(key);
    let check = this.#running.get(key);
    if (!check) {
      if (this.#running.size >= CHECKS_MAX) throw new Temporary("too many tokens are being checked");
      check = this.#check(token, key).finally(() => this.#running.delete(key));
      this.#running.set(key, check);
    }
    return await check;
  }

  async #check(token: string, key: string): Promise<string | undefined> {
    const bySignature = this.#settings.jwks.length > 0 &&
      (this.#settings.introspectionUrl === undefined || looksSigned(token));
    const owner = bySignature ? await this.#bySignature(token) : await this.#byQuestion(token);
    const keptMs = owner ? GOOD_KEPT_MS : BAD_KEPT_MS;
    const untilMs = Math.min(this.#nowMs() + keptMs, owner?.endsMs ?? Infinity);
    if (this.#kept.size >= TOKENS_KEPT_MAX) {
      const [oldest] = this.#kept.keys();
      if (oldest !== undefined) this.#kept.delete(oldest);
    }
    this.#kept.set(key, { name: owner?.name, untilMs });
    return owner?.name;
  }

  async #bySignature(token: string): Promise<TokenOwner | undefined> {
    const parsed = tryParseSignedToken(token);
    if (!parsed || !await isSignedBy(parsed, await this.#keys.keysFor(parsed))) return undefined;
    return ownerOfClaims(parsed.claims, { settings: this.#settings, nowMs: this.#nowMs(), endRequired: true });
  }

  /** [rfc7662 2.1] */
  async #byQuestion(token: string): Promise<TokenOwner | undefined> {
    const { introspectionUrl, client } = this.#settings;
    if (introspectionUrl === undefined) return undefined;
    const form = new URLSearchParams({ token, token_type_hint: "access_token" });
    const answer = claimsOf(await this.#ask(introspectionUrl, { form, authorization: client && basic(client) }));
    if (!answer) throw new Temporary("tokens cannot be checked now: the answer is no JSON object");
    if (answer.get("active") !== true) return undefined;
    return ownerOfClaims(answer, { settings: this.#settings, nowMs: this.#nowMs(), endRequired: false });
  }
}

/** Both parts are form-encoded first [rfc6749 2.3.1]. */
function basic(client: { readonly id: string; readonly secret: string }): string {
  const encoded = [client.id, client.secret].map(encodeURIComponent).join(":");
  return `Basic ${Buffer.from(encoded, "latin1").toString("base64")}`;
}
