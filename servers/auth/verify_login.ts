/**
 * A login of descriptor 3 as a question to the lookup daemon. What the two texts beside the name mean depends on the method:
 * the challenge as sent to the client and the answer in hexadecimal (CRAM), response and lines or both messages (DIGEST-MD5), the
 * AuthMessage and the proof in base64 (SCRAM), or a token. Whoever made the challenge vouches for its freshness.
 */
import { parseDirectives } from "../../mail/sasl/digest_directives.ts";
import type { DigestExchange } from "../../mail/sasl/exchange.ts";
import type { LoginLookup } from "../../storage/accounts/lookup_verifier.ts";
import type { AuthContext, AuthResult, AuthService } from "../../storage/accounts/lookup_types.ts";
import type { Login } from "./checkpassword.ts";

const DENIED: AuthResult = { kind: "denied" };

/** What of a login is checked. */
export type LoginParts = Pick<Login, "name" | "password" | "response" | "method">;

/** What became of a login; `proof` is what the server shows the client in turn (DIGEST-MD5, SCRAM), else empty. */
export interface VerifiedLogin {
  readonly result: AuthResult;
  readonly proof: string;
}

/** Asks about a login. Throws Temporary when the daemon cannot be asked. */
export async function verifyLogin(
  lookup: LoginLookup,
  login: LoginParts,
  context: AuthContext,
): Promise<VerifiedLogin> {
  const { name, password, response, method } = login;
  const denied = { result: DENIED, proof: "" };
  if (name === "" || password === "") return denied;
  switch (method.kind) {
    case "password":
      return { result: await lookup.verifyPassword(name, password, context), proof: "" };
    case "cram": {
      const exchange = { hash: method.hash, challenge: password, digestHex: response.toLowerCase() };
      return { result: await lookup.verifyCram(name, exchange, context), proof: "" };
    }
    case "digest": {
      const exchange = digestExchange(password, response);
      if (!exchange) return denied;
      const { result, rspauth } = await lookup.verifyDigest(name, exchange, context);
      return { result, proof: rspauth };
    }
    case "scram": {
      const exchange = { hash: method.hash, authMessage: password, proofBase64: response };
      const { result, serverSignatureBase64 } = await lookup.verifyScram(name, exchange, context);
      return { result, proof: serverSignatureBase64 };
    }
    case "token":
      return { result: await lookup.verifyToken(name, password, context), proof: "" };
  }
}

/** The client's response in place of the password, as qmail-smtpd gives it. */
const DIGEST_RESPONSE = /^[0-9a-fA-F]{32}$/;

/**
 * The parts of a DIGEST-MD5 exchange. The original's qmail-smtpd gives the client's response, and lines `name=value` of what
 * it was made of; others give both messages, or the nonce alone in place of the server's. Undefined when the second text is
 * no answer, or not one to that challenge.
 */
export function digestExchange(first: string, answer: string): DigestExchange | undefined {
  const isResponse = DIGEST_RESPONSE.test(first);
  const asked = isResponse ? undefined : parseDirectives(first);
  const given = isResponse ? parseLines(answer) : parseDirectives(answer);
  const text = (name: string) => given?.get(name) ?? "";
  if (!given || text("nonce") === "") return undefined;
  if (!isResponse && text("nonce") !== (asked?.get("nonce") ?? first)) return undefined;
  const authzid = given.get("authzid");
  return {
    realm: text("realm"),
    nonce: text("nonce"),
    cnonce: text("cnonce"),
    nc: text("nc"),
    qop: given.get("qop") ?? "auth",
    uri: text("digest-uri"),
    response: (isResponse ? first : text("response")).toLowerCase(),
    ...(authzid === undefined ? {} : { authzid }),
  };
}

function parseLines(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split("\n").map((line): [string, string] => {
      const equals = line.indexOf("=");
      return [line.slice(0, equals), line.slice(equals + 1).replace(/^"([^]*)"$/, "$1")];
    }),
  );
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
  DOMAIN_LIMITS: "limits of domains (vlimit) hold for this login; else where inlookup or vmoddomain -l say so",
  TCPLOCALIP: "our address, which vipmap may give a domain for names without one",
  TCPREMOTEIP: "address of the client, for lastauth, relay and the counting of failures",
} as const;

/** Who logs in from where to what, by the environment of whoever asks. */
export function callerContext(env: (name: keyof typeof CALLER_ENV) => string | undefined): AuthContext {
  const name = (env("AUTHSERVICE") || env("SERVICE") || "").toLowerCase();
  const named = (["imap", "pop3", "smtp"] as const).find((service) => name.startsWith(service));
  const service = named ?? PORTS[env("TCPLOCALPORT") ?? ""] ?? "auth";
  const localHost = env("TCPLOCALIP");
  return {
    service,
    remoteHost: env("TCPREMOTEIP") ?? "",
    ...(localHost === undefined ? {} : { localHost }),
    ...(env("DOMAIN_LIMITS") === undefined ? {} : { withLimits: true }),
  };
}
