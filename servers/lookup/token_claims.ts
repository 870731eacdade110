/**
 * What a token says, checked against the settings: is it in force, from whom, for whom, and whose is it [rfc7519 4.1]
 * [rfc7662 2.2]. Pure; the signature, or the server that was asked, is believed already.
 */
import type { TokenSettings } from "../../storage/accounts/token_settings.ts";

/** How far the clocks of the token's server and of this host may be apart. */
export const CLOCK_LEEWAY_SECONDS = 60;

/** Whose a token is. */
export interface TokenOwner {
  /** Address, or the name of a user of the default domain. */
  readonly name: string;
  /** When the token ends, milliseconds since 1970; undefined: it does not say. */
  readonly endsMs: number | undefined;
}

/** What decides. */
export interface ClaimsCheck {
  readonly settings: Pick<TokenSettings, "issuers" | "audiences" | "scopes" | "claim">;
  readonly nowMs: number;
  /** The token must say when it ends. */
  readonly endRequired: boolean;
}

/** Claims by name, of JSON; undefined when it is no object. */
export function claimsOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return new Map(Object.entries(value));
}

function texts(value: unknown): readonly string[] {
  if (typeof value === "string") return [value];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

/** Whose a token with these claims is; undefined when it is not good here and now. */
export function ownerOfClaims(claims: ReadonlyMap<string, unknown>, check: ClaimsCheck): TokenOwner | undefined {
  const { settings, nowMs, endRequired } = check;
  const nowSeconds = nowMs / 1000;
  const [end, begin] = [claims.get("exp"), claims.get("nbf")];
  if (end === undefined ? endRequired : typeof end !== "number" || end + CLOCK_LEEWAY_SECONDS <= nowSeconds) {
    return undefined;
  }
  if (begin !== undefined && (typeof begin !== "number" || begin - CLOCK_LEEWAY_SECONDS > nowSeconds)) return undefined;
  const issuer = claims.get("iss");
  if (settings.issuers.length > 0 && !(typeof issuer === "string" && settings.issuers.includes(issuer))) {
    return undefined;
  }
  const audiences = texts(claims.get("aud"));
  if (settings.audiences.length > 0 && !audiences.some((one) => settings.audiences.includes(one))) return undefined;
  const scopes = new Set([...texts(claims.get("scope")), ...texts(claims.get("scp"))].flatMap((one) => one.split(" ")));
  if (settings.scopes.some((one) => !scopes.has(one))) return undefined;
  const name = claims.get(settings.claim);
  if (typeof name !== "string" || name === "") return undefined;
  if (settings.claim === "email" && claims.get("email_verified") === false) return undefined;
  return { name, endsMs: typeof end === "number" ? end * 1000 : undefined };
}
