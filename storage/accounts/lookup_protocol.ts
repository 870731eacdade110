/**
 * The lookup protocol: everyone (client) to the lookup daemon over its Unix socket, many questions at once on one
 * connection (core/channel.ts). A request's type is the method's number, its payload the JSON array of arguments. The
 * answer has the same id:
 *   ANSWER     payload: JSON of the result; null for undefined
 *   TEMPORARY  payload: text of why there is no answer now
 */
import type { AuthContext, Lookup } from "./lookup_types.ts";

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
] as const;

/** The name of a method of the protocol. */
export type LookupMethod = (typeof LOOKUP_METHODS)[number];

/** Answer frame types. */
export const LOOKUP_ANSWER = { answer: 64, temporary: 65 } as const;

/** What the daemon answers: everything of Lookup, and `forget` for commands that changed something. */
export interface LookupService extends Omit<Lookup, "close"> {
  /** Drops what is cached of an address, of a domain, or (no argument) of everything, control files included. */
  forget(key?: string): Promise<void>;
}

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

function number(value: unknown): number {
  if (typeof value !== "number") throw new TypeError("a number was due");
  return value;
}

function property(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function authContext(value: unknown): AuthContext {
  const service = text(property(value, "service"));
  if (service !== "smtp" && service !== "imap" && service !== "pop3") throw new TypeError(`no service ${service}`);
  return { service, remoteHost: text(property(value, "remoteHost")) };
}

function scramHash(value: unknown): "sha-1" | "sha-256" {
  if (value !== "sha-1" && value !== "sha-256") throw new TypeError("no such hash");
  return value;
}

/** Runs a request on the service. Throws TypeError when it is not well formed: the peer is not one of ours. */
export function callLookup(service: LookupService, type: number, payload: Uint8Array): Promise<unknown> {
  const args = parseLookup(payload);
  if (!Array.isArray(args)) throw new TypeError("arguments were due");
  const [first, second, third, fourth]: unknown[] = args;
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
      return service.verifyCram(text(first), text(second), text(third), authContext(fourth));
    case "scramParameters":
      return service.scramParameters(text(first), scramHash(second));
    case "verifyScram": {
      const [authMessage, proofBase64] = [text(property(second, "authMessage")), text(property(second, "proofBase64"))];
      const exchange = { hash: scramHash(property(second, "hash")), authMessage, proofBase64 };
      return service.verifyScram(text(first), exchange, authContext(third));
    }
    case "noteQuota":
      return service.noteQuota(text(first), number(second));
    case "filterRules":
      return service.filterRules(text(first));
    case "bulletins":
      return service.bulletins(text(first));
    case "bulletinGiven":
      return service.bulletinGiven(text(first), text(second));
    case "forget":
      return service.forget(first === undefined || first === null ? undefined : text(first));
    default:
      throw new TypeError(`no method ${type}`);
  }
}
