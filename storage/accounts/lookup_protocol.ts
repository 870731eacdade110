/**
 * The lookup protocol: everyone (client) to the lookup daemon over its Unix socket, many questions at once on one
 * connection (core/channel.ts). A request's type is the method's number, its payload the JSON array of arguments. The
 * answer has the same id:
 *   ANSWER     payload: JSON of the result; null for undefined
 *   TEMPORARY  payload: text of why there is no answer now
 */
import type { LoginGuardStatus } from "./logins/login_bans.ts";
import type {
  AuthContext,
  AuthService,
  CramExchange,
  CramHash,
  DigestExchange,
  Lookup,
  ScramExchange,
  ScramHash,
} from "./lookup_types.ts";

/** Methods by number, from 1. */
export const LOOKUP_METHODS = [
  "recipient",
  "account",
  "delivery",
  "realDomain",
  "verifyPassword",
  "verifyCram",
  "scramParameters",
  "verifyScram",
  "noteQuota",
  "forget",
  "filterRules",
  "bulletins",
  "bulletinGiven",
  "relayGranted",
  "bans",
  "unban",
  "verifyDigest",
  "verifyToken",
] as const;

/** The name of a method of the protocol. */
export type LookupMethod = (typeof LOOKUP_METHODS)[number];

/** Answer frame types. */
export const LOOKUP_ANSWER = { answer: 64, temporary: 65 } as const;

/** What the daemon answers: everything of Lookup, and `forget` for commands that changed something. */
export interface LookupService extends Omit<Lookup, "close"> {
  /** Drops what is cached of an address, of a domain, or (no argument) of everything, control files included. */
  forget(key?: string): Promise<void>;
  /** The logins that are refused; for LOOKUP_PRIVILEGED. */
  bans(): Promise<LoginGuardStatus>;
  /** Lifts the bans of an address, an account, or (no argument) all; how many they were. For LOOKUP_PRIVILEGED. */
  unban(key?: string): Promise<number>;
}

/** Methods answered only on the socket that root and the daemon's own account may open. */
export const LOOKUP_PRIVILEGED: readonly LookupMethod[] = ["bans", "unban"];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The frame type of a method. */
export function requestType(method: LookupMethod): number {
  return LOOKUP_METHODS.indexOf(method) + 1;
}

/** Payload of a request or an answer. */
export function formatLookup(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value ?? null));
}

/** A payload back; null for undefined. Throws SyntaxError when it is not JSON. */
export function parseLookup(payload: Uint8Array): unknown {
  return JSON.parse(decoder.decode(payload));
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a text was due");
  return value;
}

function optional(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : text(value);
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new TypeError("a number was due");
  return value;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

const SERVICES: readonly AuthService[] = ["smtp", "imap", "pop3", "auth"];
const SCRAM_HASHES: readonly ScramHash[] = ["sha-1", "sha-256", "sha-512"];
const CRAM_HASHES: readonly CramHash[] = ["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "ripemd160"];

function oneOf<T extends string>(values: readonly T[], value: unknown): T {
  const known = values.find((one) => one === value);
  if (known === undefined) throw new TypeError(`none of ${values.join(", ")}`);
  return known;
}

function authContext(value: unknown): AuthContext {
  const service = oneOf(SERVICES, property(value, "service"));
  return {
    service,
    remoteHost: text(property(value, "remoteHost")),
    localHost: optional(property(value, "localHost")),
    withLimits: property(value, "withLimits") === true,
  };
}

function cramExchange(value: unknown): CramExchange {
  const hash = oneOf(CRAM_HASHES, property(value, "hash"));
  return { hash, challenge: text(property(value, "challenge")), digestHex: text(property(value, "digestHex")) };
}

function digestExchange(value: unknown): DigestExchange {
  const field = (name: keyof DigestExchange) => text(property(value, name));
  return {
    realm: field("realm"),
    nonce: field("nonce"),
    cnonce: field("cnonce"),
    nc: field("nc"),
    qop: field("qop"),
    uri: field("uri"),
    response: field("response"),
    ...(property(value, "authzid") === undefined ? {} : { authzid: field("authzid") }),
  };
}

function scramExchange(value: unknown): ScramExchange {
  const hash = oneOf(SCRAM_HASHES, property(value, "hash"));
  return { hash, authMessage: text(property(value, "authMessage")), proofBase64: text(property(value, "proofBase64")) };
}

/** Runs a request on the service. Throws TypeError when it is not well formed: the peer is not one of ours. */
export function callLookup(service: LookupService, type: number, payload: Uint8Array): Promise<unknown> {
  const args = parseLookup(payload);
  if (!Array.isArray(args)) throw new TypeError("arguments were due");
  const [first, second, third]: unknown[] = args;
  switch (LOOKUP_METHODS[type - 1]) {
    case "recipient":
      return service.recipient(text(first));
    case "account":
      return service.account(text(first));
    case "delivery":
      return service.delivery(text(first));
    case "realDomain":
      return service.realDomain(text(first));
    case "verifyPassword":
      return service.verifyPassword(text(first), text(second), authContext(third));
    case "verifyCram":
      return service.verifyCram(text(first), cramExchange(second), authContext(third));
    case "verifyDigest":
      return service.verifyDigest(text(first), digestExchange(second), authContext(third));
    case "verifyToken":
      return service.verifyToken(text(first), text(second), authContext(third));
    case "scramParameters":
      return service.scramParameters(text(first), oneOf(SCRAM_HASHES, second), optional(third));
    case "verifyScram":
      return service.verifyScram(text(first), scramExchange(second), authContext(third));
    case "noteQuota":
      return service.noteQuota(text(first), number(second));
    case "filterRules":
      return service.filterRules(text(first));
    case "bulletins":
      return service.bulletins(text(first));
    case "bulletinGiven":
      return service.bulletinGiven(text(first), text(second));
    case "forget":
      return service.forget(optional(first));
    case "relayGranted":
      return service.relayGranted(text(first), text(second));
    case "bans":
      return service.bans();
    case "unban":
      return service.unban(optional(first));
    default:
      throw new TypeError(`no method ${type}`);
  }
}
