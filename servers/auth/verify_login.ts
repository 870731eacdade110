/**
 * A login of descriptor 3 as a question to the lookup daemon. What the two texts beside the name mean depends on the method:
 * the challenge as sent to the client and the answer in hexadecimal (CRAM), both messages (DIGEST-MD5), the AuthMessage and the
 * proof in base64 (SCRAM), or a token. Whoever made the challenge vouches for its freshness.
 */
import { parseDirectives } from "../../mail/sasl/digest_directives.ts";
import type { DigestExchange } from "../../mail/sasl/exchange.ts";
import type { LoginLookup } from "../../storage/accounts/lookup_verifier.ts";
import type { AuthContext, AuthResult, AuthService } from "../../storage/accounts/lookup_types.ts";
import type { Login } from "./checkpassword.ts";

const DENIED: AuthResult = { kind: "denied" };

/** What of a login is checked. */
export type LoginParts = Pick<Login, "name" | "password" | "response" | "method">;

/** Asks about a login. Throws Temporary when the daemon cannot be asked. */
export async function verifyLogin(lookup: LoginLookup, login: LoginParts, context: AuthContext): Promise<AuthResult> {
  const { name, password, response, method } = login;
  if (name === "" || password === "") return DENIED;
  switch (method.kind) {
    case "password":
      return await lookup.verifyPassword(name, password, context);
    case "cram": {
      const exchange = { hash: method.hash, challenge: password, digestHex: response.toLowerCase() };
      return await lookup.verifyCram(name, exchange, context);
    }
    case "digest": {
      const exchange = digestExchange(password, response);
      return exchange ? (await lookup.verifyDigest(name, exchange, context)).result : DENIED;
    }
    case "scram": {
      const exchange = { hash: method.hash, authMessage: password, proofBase64: response };
      return (await lookup.verifyScram(name, exchange, context)).result;
    }
    case "token":
      return await lookup.verifyToken(name, password, context);
  }
}

/**
 * The parts of a DIGEST-MD5 exchange; undefined when the answer is none, or not one to this challenge (the server's
 * message, or its nonce alone).
 */
export function digestExchange(challenge: string, answer: string): DigestExchange | undefined {
  const [asked, given] = [parseDirectives(challenge), parseDirectives(answer)];
  const text = (name: string) => given?.get(name) ?? "";
  const nonce = asked?.get("nonce") ?? challenge;
  if (!given || text("nonce") === "" || text("nonce") !== nonce) return undefined;
  const authzid = given.get("authzid");
  return {
    realm: text("realm"),
    nonce,
    cnonce: text("cnonce"),
    nc: text("nc"),
    qop: given.get("qop") ?? "auth",
    uri: text("digest-uri"),
    response: text("response").toLowerCase(),
    ...(authzid === undefined ? {} : { authzid }),
  };
}

/** Ports whose service is known without being told. */
const PORTS: Readonly<Record<string, AuthService>> = {
  "25": "smtp",
  "465": "smtp",
  "587": "smtp",
  "110": "pop3",
  "995": "pop3",
  "143": "imap",
  "993": "imap",
};

/** The variables that tell the service and the client, for the applets to declare. */
export const CALLER_ENV = {
  AUTHSERVICE: "name of the service that is logged in to: imap, pop3, smtp",
  SERVICE: "the same, as Dovecot gives it",
  TCPLOCALPORT: "port of the service, where its name is not told",
  TCPREMOTEIP: "address of the client, for lastauth, relay and the counting of failures",
} as const;

/** Who logs in from where to what, by the environment of whoever asks. */
export function callerContext(env: (name: keyof typeof CALLER_ENV) => string | undefined): AuthContext {
  const name = (env("AUTHSERVICE") || env("SERVICE") || "").toLowerCase();
  const named = (["imap", "pop3", "smtp"] as const).find((service) => name.startsWith(service));
  const service = named ?? PORTS[env("TCPLOCALPORT") ?? ""] ?? "auth";
  return { service, remoteHost: env("TCPREMOTEIP") ?? "" };
}
