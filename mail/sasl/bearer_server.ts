/**
 * The server's side of the mechanisms that take a bearer token: OAUTHBEARER [rfc7628] and the older XOAUTH2. A refusal is
 * first told as a challenge of JSON, which the client answers with nothing of meaning, and then by the protocol.
 */
import { challenge, malformed, refusedName, responseText } from "./exchange.ts";
import type { SaslExchange, SaslStep, SaslVerifier } from "./exchange.ts";
import { parseScramName } from "./scram.ts";

/** What a client says. An empty user: whoever the token belongs to. */
export interface BearerLogin {
  readonly user: string;
  readonly token: string;
}

/** Separates key/value pairs [rfc7628 3.1]. */
const KVSEP = "\x01";
/** A token's characters [rfc6750 2.1]. */
const BEARER = /^[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)$/;

/** The pairs of `key=value^A...^A^A`; undefined when it is none. */
function parsePairs(text: string): ReadonlyMap<string, string> | undefined {
  if (!text.endsWith(KVSEP)) return undefined;
  const pairs = new Map<string, string>();
  for (const pair of text.slice(0, -1).split(KVSEP)) {
    if (pair === "") continue;
    const [, key, value] = /^([A-Za-z]+)=([^]*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined || pairs.has(key.toLowerCase())) return undefined;
    pairs.set(key.toLowerCase(), value);
  }
  return pairs;
}

/** The message of OAUTHBEARER: a GS2 header, then pairs [rfc7628 3.1]. Text says what is wrong. */
export function parseOauthBearer(text: string): BearerLogin | string {
  const [header, flag, name = ""] = /^([^,]*),(?:a=([^,]*))?,/.exec(text) ?? [];
  if (header === undefined || !text.startsWith(KVSEP, header.length)) return "a GS2 header was due";
  if (flag !== "n" && flag !== "y") return "channel binding is not supported";
  const user = parseScramName(name);
  if (user === undefined) return "user name with a wrong escape";
  return bearerOf(user, parsePairs(text.slice(header.length + 1)));
}

/** The message of XOAUTH2: `user=` and `auth=Bearer`. Text says what is wrong. */
export function parseXoauth2(text: string): BearerLogin | string {
  const pairs = parsePairs(text);
  const user = pairs?.get("user") ?? "";
  return refusedName(user) ?? bearerOf(user, pairs);
}

function bearerOf(user: string, pairs: ReadonlyMap<string, string> | undefined): BearerLogin | string {
  const [, token] = BEARER.exec(pairs?.get("auth") ?? "") ?? [];
  if (token === undefined) return "auth=Bearer with a token was due";
  const refused = user === "" ? undefined : refusedName(user);
  return refused ?? { user, token };
}

/** One exchange, by the mechanism's own form of message. */
export function serveBearer<R>(
  parse: (text: string) => BearerLogin | string,
  verifier: SaslVerifier<R>,
  failure: string,
): SaslExchange<R> {
  let state: "start" | "message" | "failed" = "start";
  let refusal: SaslStep<R> | undefined;
  return {
    async step(response) {
      if (state === "start" && response === undefined) {
        state = "message";
        return challenge("");
      }
      if (refusal) return refusal; // whatever the client answers
      const text = responseText(response ?? new Uint8Array());
      if (text === undefined || text.includes("\0")) return malformed("not text");
      const login = parse(text);
      if (typeof login === "string") return malformed(login);
      const result = await verifier.verifyToken(login.user, login.token);
      if (verifier.succeeded(result)) return { kind: "finished", result };
      state = "failed";
      refusal = { kind: "finished", result };
      return challenge(failure);
    },
  };
}

/** What a refusal says: to OAUTHBEARER [rfc7628 3.2.2], to XOAUTH2. */
export const BEARER_FAILURES = {
  OAUTHBEARER: '{"status":"invalid_token"}',
  XOAUTH2: '{"status":"401","schemes":"Bearer","scope":""}',
} as const;
