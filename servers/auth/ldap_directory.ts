/**
 * Asks a directory whether a password is right: bind for the search, search, bind as the entry found [man
 * ldap-checkpwd.8]. By ldapts, which is loaded here only. One connection, so that nothing goes on in plain text what was
 * begun with TLS.
 */
import { connect as connectSocket } from "node:net";
import { connect as connectTls } from "node:tls";
import { UPGRADES } from "../../core/net/connection.ts";
import { connectUnixStream } from "../../core/net/unix_stream.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { fillFilter, type LdapServer, type LdapSettings, serverName } from "./ldap_settings.ts";

/** What the directory says of a login. */
export type LdapAnswer =
  | { readonly kind: "denied"; readonly reason: string }
  /** `values`: the first value of each attribute asked for, by the name behind LDAP_FIELD_. */
  | { readonly kind: "ok"; readonly dn: string; readonly values: ReadonlyMap<string, string> };

/** Result codes that say "wrong password" [rfc4511 A.2]: invalidCredentials, and an entry without a password. */
const REFUSING_CODES = [49, 48];
/** An entry, and one more to see that the filter is too wide. */
const ENTRIES_MAX = 2;

type Ldapts = typeof import("ldapts");
type LdapClient = InstanceType<Ldapts["Client"]>;

function urlOf(server: LdapServer): string {
  if (server.kind === "unix") return "ldap://localhost";
  const host = server.host.includes(":") ? `[${server.host}]` : server.host;
  return `${server.tls === "whole" ? "ldaps" : "ldap"}://${host}:${server.port}`;
}

function tlsOptions(settings: LdapSettings): Record<string, unknown> {
  const { server, caFile, verify } = settings;
  const ca = caFile === undefined ? {} : { ca: readCertificates(caFile) };
  return { ...ca, rejectUnauthorized: verify, ...(server.kind === "tcp" ? { servername: server.host } : {}) };
}

function readCertificates(file: string): string {
  try {
    return Deno.readTextFileSync(file);
  } catch (error) {
    throw new Temporary(`cannot read ${file} of LDAPTLS_CACERT: ${errorText(error)}`);
  }
}

/** Allows one connection: ldapts would open another by itself, which knows nothing of StartTLS and the first bind. */
function once<A extends unknown[], R>(connect: (...args: A) => R): (...args: A) => R {
  let connected = false;
  return (...args) => {
    if (connected) throw new Temporary("the directory ended the connection");
    connected = true;
    return connect(...args);
  };
}

function makeClient(ldapts: Ldapts, settings: LdapSettings): LdapClient {
  const { server, timeoutMs } = settings;
  const plain: typeof connectSocket = server.kind === "unix"
    ? Object.assign(once(() => connectUnixStream(server.path)), connectSocket)
    : Object.assign(once((port: number, host: string) => connectSocket(port, host)), connectSocket);
  return new ldapts.Client({
    url: urlOf(server),
    timeout: timeoutMs,
    connectTimeout: timeoutMs,
    strictDN: false,
    createConnection: plain,
    ...(server.kind === "tcp" && server.tls === "whole"
      ? { tlsOptions: tlsOptions(settings), createSecureConnection: Object.assign(once(connectTls), connectTls) }
      : {}),
  });
}

/** A bind's end: true when the password is right. */
async function isRight(client: LdapClient, dn: string, password: string): Promise<boolean> {
  try {
    await client.bind(dn, password);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && REFUSING_CODES.includes(Number(error.code))) return false;
    throw error;
  }
}

async function ask(client: LdapClient, settings: LdapSettings, login: { name: string; password: string }) {
  const { server, base, fields, scope, timeoutMs } = settings;
  if (server.kind === "tcp" && server.tls === "start") {
    if (!UPGRADES) throw new Temporary("LDAP_STARTTLS: this executable's runtime cannot begin TLS later: use ldaps://");
    await client.startTLS(tlsOptions(settings));
  }
  if (settings.bindDn !== "" && !await isRight(client, settings.bindDn, settings.bindPassword)) {
    throw new Temporary(`the password of LDAP_BIND_DN ${settings.bindDn} is wrong`);
  }
  const { searchEntries } = await client.search(base, {
    scope,
    filter: fillFilter(settings.filter, login.name),
    attributes: fields.size === 0 ? ["1.1"] : [...new Set(fields.values())],
    sizeLimit: ENTRIES_MAX,
    timeLimit: Math.ceil(timeoutMs / 1000),
  });
  const [entry, another] = searchEntries;
  if (!entry) return { kind: "denied", reason: "no such entry" } as const;
  if (another) throw new Temporary(`LDAP_FILTER finds more than one entry for ${JSON.stringify(login.name)}`);
  if (!await isRight(client, entry.dn, login.password)) return { kind: "denied", reason: "wrong password" } as const;
  const values = new Map<string, string>();
  for (const [name, attribute] of fields) {
    const found = valueOf(entry, attribute);
    if (found !== undefined) values.set(name, found);
  }
  return { kind: "ok", dn: entry.dn, values } as const;
}

/** The first value of an attribute, whose name may be written in any case. */
function valueOf(entry: Readonly<Record<string, unknown>>, attribute: string): string | undefined {
  const key = Object.keys(entry).find((name) => name.toLowerCase() === attribute.toLowerCase());
  const value = key === undefined ? undefined : entry[key];
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === "string" ? first : undefined;
}

/**
 * Whether that password is that login's. An empty one is never sent: it would bind as nobody, successfully [rfc4513
 * 5.1.2]. Throws Temporary when the directory cannot be asked, or is not set up as the variables say.
 */
export async function askDirectory(
  settings: LdapSettings,
  login: { readonly name: string; readonly password: string },
): Promise<LdapAnswer> {
  if (login.name === "" || login.password === "") return { kind: "denied", reason: "no name or no password" };
  const client = makeClient(await import("ldapts"), settings);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Temporary(`no answer within ${settings.timeoutMs} ms`)), settings.timeoutMs);
  });
  try {
    return await Promise.race([ask(client, settings, login), late]);
  } catch (error) {
    throw new Temporary(`directory ${serverName(settings.server)}: ${errorText(error)}`);
  } finally {
    clearTimeout(timer);
    await sayGoodbye(client);
  }
}

/** How long the goodbye may take; the process then ends anyway. */
const UNBIND_MS = 200;

async function sayGoodbye(client: LdapClient): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, UNBIND_MS));
  const gone = client.unbind().catch(() => undefined); // the connection may have ended: that is all the same now
  await Promise.race([gone, late]).finally(() => clearTimeout(timer));
}
