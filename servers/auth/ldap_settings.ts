/**
 * What ldap-checkpwd is told by its environment: server, TLS, base, scope, filter, fields [man ldap-checkpwd.8]. Pure.
 * The login's parts stand in the filter escaped, so that no name widens the search [rfc4515 3].
 */
import { Temporary } from "../../core/errors.ts";
import type { GetEnv } from "../../core/paths.ts";

/** Where the directory is. */
export type LdapServer =
  | { readonly kind: "tcp"; readonly host: string; readonly port: number; readonly tls: "none" | "start" | "whole" }
  | { readonly kind: "unix"; readonly path: string };

/** Where in the directory a search looks, relative to its base. */
export type LdapScope = "base" | "one" | "sub" | "children";

/** All settings. */
export interface LdapSettings {
  readonly server: LdapServer;
  /** File of certificates in PEM that alone are trusted; undefined: what the system trusts. */
  readonly caFile: string | undefined;
  /** False: any certificate will do. */
  readonly verify: boolean;
  readonly timeoutMs: number;
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly base: string;
  readonly scope: LdapScope;
  readonly filter: string;
  /** Attributes to fetch by the name behind LDAP_FIELD_: HOME, UID. */
  readonly fields: ReadonlyMap<string, string>;
}

/** The variables that are read, for the applet to declare. */
export const LDAP_ENV = {
  LDAP_HOST: "host of the server, or a URL: ldap://host:389, ldaps://host:636, ldapi:///path; default localhost",
  LDAP_PORT: "TCP port; default 389, with ldaps 636",
  LDAP_BIND_DN: "name to bind as for the search; anonymous unless set",
  LDAP_BIND_PASSWD: "password of LDAP_BIND_DN",
  LDAP_BASE: "where the search begins; default ou=mail,o=enterprise",
  LDAP_SCOPE: "base, one, sub or children; default sub",
  LDAP_FILTER: "filter of the search with %u (user), %h (domain), %e (whole login), %% (a percent sign); default " +
    "(&(uid=%u)(dc=%h))",
  LDAP_STARTTLS: "if set, StartTLS before anything else; a server that cannot is a temporary failure",
  LDAP_TIMEOUT: "longest wait for a connection and for each answer, in seconds; default 10",
  LDAPTLS_CACERT: "file of certificates that alone are trusted for TLS",
  LDAPTLS_REQCERT: "never: any certificate will do; default demand",
} as const;

/** Start of the names of variables that ask for an attribute: LDAP_FIELD_HOME=homeDirectory. */
const FIELD_PREFIX = "LDAP_FIELD_";
/** Most attributes asked for. */
const FIELDS_MAX = 64;
const PORT = { ldap: 389, ldaps: 636 } as const;
const PORT_MAX = 65_535;
const TIMEOUT_SECONDS_DEFAULT = 10;
const TIMEOUT_SECONDS_MAX = 3600;
const BASE_DEFAULT = "ou=mail,o=enterprise";
const FILTER_DEFAULT = "(&(uid=%u)(dc=%h))";
const SCOPES: readonly LdapScope[] = ["base", "one", "sub", "children"];

/** The settings. Throws Temporary naming the variable that is wrong. */
export function readLdapSettings(env: GetEnv, all: Readonly<Record<string, string>>): LdapSettings {
  const scope = SCOPES.find((one) => (env("LDAP_SCOPE") || "sub").startsWith(one)); // also subtree, onelevel
  if (!scope) throw new Temporary(`LDAP_SCOPE: ${env("LDAP_SCOPE")} is not base, one, sub or children`);
  const fields = new Map<string, string>();
  for (const [name, attribute] of Object.entries(all)) {
    if (name.startsWith(FIELD_PREFIX) && attribute !== "") fields.set(name.slice(FIELD_PREFIX.length), attribute);
  }
  if (fields.size > FIELDS_MAX) throw new Temporary(`more than ${FIELDS_MAX} variables ${FIELD_PREFIX}…`);
  const seconds = wholeNumber("LDAP_TIMEOUT", env("LDAP_TIMEOUT") || `${TIMEOUT_SECONDS_DEFAULT}`, TIMEOUT_SECONDS_MAX);
  return {
    server: readServer(env),
    caFile: env("LDAPTLS_CACERT") || undefined,
    verify: !["never", "allow"].includes((env("LDAPTLS_REQCERT") ?? "").toLowerCase()),
    timeoutMs: 1000 * seconds,
    bindDn: env("LDAP_BIND_DN") ?? "",
    bindPassword: env("LDAP_BIND_DN") ? env("LDAP_BIND_PASSWD") ?? "" : "",
    base: env("LDAP_BASE") ?? BASE_DEFAULT,
    scope,
    filter: env("LDAP_FILTER") || FILTER_DEFAULT,
    fields,
  };
}

function readServer(env: GetEnv): LdapServer {
  const text = env("LDAP_HOST") || "localhost";
  const url = /^(ldaps?|ldapi):\/\/(.*?)\/?$/i.exec(text);
  const scheme = url?.[1]?.toLowerCase();
  const place = url ? url[2] ?? "" : text;
  if (scheme === "ldapi") return { kind: "unix", path: socketPath(place) };
  const named = /^(\[[^\]]+\]|[^:/\s]+)(?::(\d+))?$/.exec(place);
  const bare = !named && !place.includes("/") && place.includes(":"); // an IPv6 address as it is
  if (!named && !bare) throw new Temporary(`LDAP_HOST: ${text} is neither a host nor a URL of one`);
  const host = (named?.[1] ?? place).replace(/^\[(.*)\]$/, "$1");
  const port = named?.[2] ?? (env("LDAP_PORT") || `${scheme === "ldaps" ? PORT.ldaps : PORT.ldap}`);
  const whole = scheme === "ldaps";
  const start = !whole && env("LDAP_STARTTLS") !== undefined;
  const tls = whole ? "whole" : start ? "start" : "none";
  return { kind: "tcp", host, port: wholeNumber("LDAP_PORT", port, PORT_MAX), tls };
}

/** The path of a socket from its URL, where it stands with `/` as `%2f` or as it is. */
function socketPath(place: string): string {
  if (/%(?![0-9a-f]{2})/i.test(place)) throw new Temporary(`LDAP_HOST: ldapi://${place} is no URL of a socket`);
  const path = decodeURIComponent(place);
  return path.startsWith("/") ? path : `/${path}`;
}

function wholeNumber(name: string, text: string, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > max) throw new Temporary(`${name}: ${text} is not a number from 1 to ${max}`);
  return value;
}

/** The server as messages name it. */
export function serverName(server: LdapServer): string {
  return server.kind === "unix" ? server.path : `${server.host} port ${server.port}`;
}

const encoder = new TextEncoder();

/** A value inside a filter: `*`, `(`, `)`, `\`, controls and what is not ASCII as `\XX` of its UTF-8 bytes [rfc4515 3]. */
export function escapeFilterValue(value: string): string {
  // deno-lint-ignore no-control-regex -- the characters that rfc4515 has escaped are controls
  return value.replace(/[\x00-\x1f*()\\\x7f]|[^\x00-\x7f]+/g, (part) => {
    let escaped = "";
    for (const byte of encoder.encode(part)) escaped += `\\${byte.toString(16).padStart(2, "0")}`;
    return escaped;
  });
}

/** The filter for a login, whose domain is what follows its last `@`; `%` before any other letter stays as it is. */
export function fillFilter(template: string, login: string): string {
  const at = login.lastIndexOf("@");
  const parts: Readonly<Record<string, string>> = {
    u: at < 0 ? login : login.slice(0, at),
    h: at < 0 ? "" : login.slice(at + 1),
    e: login,
  };
  return template.replace(
    /%([%uhe])/g,
    (_, letter: string) => letter === "%" ? "%" : escapeFilterValue(parts[letter]!),
  );
}
