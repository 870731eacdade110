/**
 * systemd's User/Group Record Lookup API, the interface io.systemd.UserDatabase of Varlink: messages and records [decision
 * 0076]. Messages are JSON objects ended by NUL. Pure. What systemd refuses in a record (a shell that is no path) is
 * replaced here.
 */
import { Permanent } from "../../core/errors.ts";

/** The interface's name; its methods begin with it. */
export const USERDB_INTERFACE = "io.systemd.UserDatabase";
/** Longest message that is read. */
export const MESSAGE_BYTES_MAX = 65_536;

/** A call of a peer. */
export interface VarlinkCall {
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Several answers are wanted. */
  readonly more: boolean;
  /** No answer is wanted. */
  readonly oneway: boolean;
}

/** The values of JSON that are made here. */
export type Json = string | number | boolean | readonly Json[] | { readonly [name: string]: Json };

/** An object of JSON. */
export type JsonObject = { readonly [name: string]: Json };

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads a message without its NUL. Throws Permanent when it is no call. */
export function parseCall(bytes: Uint8Array): VarlinkCall {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) throw new Permanent("a message that is no JSON");
    throw error;
  }
  if (!isObject(value) || typeof value["method"] !== "string") throw new Permanent("a message without a method");
  const parameters = value["parameters"] ?? {};
  if (!isObject(parameters)) throw new Permanent("parameters that are no object");
  return { method: value["method"], parameters, more: value["more"] === true, oneway: value["oneway"] === true };
}

function message(value: JsonObject): Uint8Array {
  return encoder.encode(`${JSON.stringify(value)}\0`);
}

/** An answer; `continues` when another one follows. */
export function formatReply(parameters: JsonObject, continues = false): Uint8Array {
  return message(continues ? { parameters, continues } : { parameters });
}

/** An error by its full name. */
export function formatError(error: string, parameters: JsonObject = {}): Uint8Array {
  return message({ error, parameters });
}

/** A shadow line's fields, where they are known. */
export type ShadowFields = readonly string[];

const SECONDS_A_DAY = 86_400;
/** Days of a shadow line from which on they mean "never", as in the usual 99999. */
const DAYS_MAX = 99_999;
const NO_SHELL = "/usr/sbin/nologin";
/** Fields of a shadow line that are days, by their names in a record. */
const SHADOW_DAYS: readonly (readonly [column: number, name: string])[] = [
  [2, "lastPasswordChangeUSec"],
  [3, "passwordChangeMinUSec"],
  [4, "passwordChangeMaxUSec"],
  [5, "passwordChangeWarnUSec"],
  [6, "passwordChangeInactiveUSec"],
];

function isPath(text: string): boolean {
  return /^\/(?:[^/]+\/?)*$/.test(text) && !/(?:^|\/)\.\.?(?:\/|$)/.test(text);
}

function shadowParts(shadow: ShadowFields | undefined): JsonObject {
  if (!shadow) return {};
  const parts: Record<string, Json> = { privileged: { hashedPassword: [shadow[1] ?? "!"] } };
  for (const [column, name] of SHADOW_DAYS) {
    const days = Number(shadow[column]);
    if (Number.isInteger(days) && days > 0 && days < DAYS_MAX) parts[name] = days * SECONDS_A_DAY * 1_000_000;
  }
  return parts;
}

/** Where a record goes. */
export interface RecordPurpose {
  /** Name of the service, which is that of its socket. */
  readonly service: string;
  /** The name that was asked for; a row may have the part before the `@` only. */
  readonly asked?: string | undefined;
  readonly shadow?: ShadowFields | undefined;
}

function nameOf(row: readonly string[], asked: string | undefined): string {
  const name = row[0] ?? "";
  return asked !== undefined && asked.split("@", 1)[0] === name ? asked : name;
}

/** The record of a user: a passwd line's fields as systemd has them. */
export function userRecord(row: readonly string[], purpose: RecordPurpose): JsonObject {
  const [, , uid = "", gid = "", gecos = "", home = "", shell = ""] = row;
  return {
    userName: nameOf(row, purpose.asked),
    uid: Number(uid),
    gid: Number(gid),
    ...(gecos === "" ? {} : { realName: gecos }),
    homeDirectory: isPath(home) ? home : "/",
    shell: isPath(shell) ? shell : NO_SHELL,
    disposition: "regular",
    service: purpose.service,
    ...shadowParts(purpose.shadow),
  };
}

/** The record of a group with its members. */
export function groupRecord(row: readonly string[], members: readonly string[], purpose: RecordPurpose): JsonObject {
  return {
    groupName: nameOf(row, purpose.asked),
    gid: Number(row[2] ?? ""),
    ...(members.length === 0 ? {} : { members }),
    disposition: "regular",
    service: purpose.service,
  };
}

/** The interface in Varlink's own language, for GetInterfaceDescription. */
export const USERDB_DESCRIPTION = `interface io.systemd.UserDatabase

method GetUserRecord(uid: ?int, userName: ?string, service: string) -> (record: object, incomplete: ?bool)
method GetGroupRecord(gid: ?int, groupName: ?string, service: string) -> (record: object, incomplete: ?bool)
method GetMemberships(userName: ?string, groupName: ?string, service: string) -> (userName: string, groupName: string)

error NoRecordFound()
error BadService()
error ServiceNotAvailable()
error ConflictingRecordFound()
error EnumerationNotSupported()
`;
