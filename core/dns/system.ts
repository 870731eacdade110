/**
 * The resolver of this host: servers of /etc/resolv.conf, addresses of /etc/hosts first; and what callers ask most.
 */
import { errorText } from "../errors.ts";
import type { DnsAnswer, DnsType, DnsValues, Resolver } from "./answer.ts";
import { createResolver } from "./resolver.ts";
import { type DnsServer, networkTransport } from "./transport.ts";

const DNS_PORT = 53;
/** Servers of resolv.conf that are used [man resolv.conf.5]. */
const SERVERS_MAX = 3;
const TIMEOUT_SECONDS_MAX = 30;

/** What resolv.conf says. */
export interface ResolverSettings {
  readonly servers: readonly DnsServer[];
  readonly timeoutMs: number;
  readonly attempts: number;
}

/** Reads the text of resolv.conf. */
export function parseResolvConf(text: string): ResolverSettings {
  const servers: DnsServer[] = [];
  let timeoutSeconds = 5;
  let attempts = 2;
  for (const line of text.split("\n")) {
    const [word, ...values] = line.replace(/[#;].*/, "").trim().split(/\s+/);
    if (word === "nameserver" && values[0] && servers.length < SERVERS_MAX) servers.push(parseServer(values[0]));
    if (word !== "options") continue;
    for (const option of values) {
      const [, name, number] = /^(timeout|attempts):(\d{1,3})$/.exec(option) ?? [];
      if (name === "timeout") timeoutSeconds = Math.min(Math.max(Number(number), 1), TIMEOUT_SECONDS_MAX);
      if (name === "attempts") attempts = Math.min(Math.max(Number(number), 1), 5);
    }
  }
  if (servers.length === 0) servers.push({ host: "127.0.0.1", port: DNS_PORT });
  return { servers, timeoutMs: timeoutSeconds * 1000, attempts };
}

/** `192.0.2.1`, `192.0.2.1:5353`, `[2001:db8::1]:5353`, `2001:db8::1`. */
export function parseServer(text: string): DnsServer {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? text;
  return { host: host.replace(/%.*$/, ""), port: port ? Number(port) : DNS_PORT };
}

/** Where names stand that are known without asking. */
const HOSTS_FILE = "/etc/hosts";

/** The addresses that hosts(5) has for a name; none when it is not there. */
export function hostsFileAddresses(name: string): readonly string[] {
  return parseHosts(readText(HOSTS_FILE)).get(name.toLowerCase().replace(/\.$/, "")) ?? [];
}

/** Addresses of the text of hosts(5) by lower-case name. */
export function parseHosts(text: string): Map<string, string[]> {
  const hosts = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [address, ...names] = line.replace(/#.*/, "").trim().split(/\s+/);
    for (const name of names) {
      const known = hosts.get(name.toLowerCase());
      if (known) known.push(address!);
      else hosts.set(name.toLowerCase(), [address!]);
    }
  }
  return hosts;
}

/** This host's resolver; `servers` (DNSCACHEIP) in place of resolv.conf: addresses separated by blanks. */
export function systemResolver(servers?: string): Resolver {
  const settings = parseResolvConf(readText("/etc/resolv.conf"));
  const chosen = servers?.trim() ? servers.trim().split(/\s+/).map(parseServer) : settings.servers;
  const network = createResolver({ ...settings, servers: chosen, transport: networkTransport });
  const hosts = parseHosts(readText(HOSTS_FILE));
  return {
    resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
      const known = type === "A" || type === "AAAA" ? hosts.get(name.toLowerCase().replace(/\.$/, "")) : undefined;
      const values = known?.filter((address) => address.includes(":") === (type === "AAAA"));
      if (values && values.length > 0) {
        const found = { kind: "found", name, authentic: false, ttlSeconds: 0 } as const;
        return Promise.resolve({ ...found, values: values as unknown as readonly DnsValues[T][] });
      }
      return network.resolve(name, type);
    },
  };
}

function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw new Error(`cannot read ${path}: ${errorText(error)}`);
  }
}

/** All addresses of a name, IPv4 first. An address in place of a name is itself. */
export async function resolveAddresses(
  resolver: Resolver,
  name: string,
): Promise<
  { readonly kind: "found"; readonly addresses: readonly string[] } | Exclude<DnsAnswer<"A">, { kind: "found" }>
> {
  if (isIpAddress(name)) return { kind: "found", addresses: [name] };
  const [four, six] = await Promise.all([resolver.resolve(name, "A"), resolver.resolve(name, "AAAA")]);
  const addresses = [four, six].flatMap((answer) => answer.kind === "found" ? [...answer.values] : []);
  if (addresses.length > 0) return { kind: "found", addresses };
  if (four.kind === "failed") return four;
  if (six.kind === "failed") return six;
  return four.kind === "none" ? four : { kind: "none", nameExists: true, authentic: false };
}

/** True for the text of an IPv4 or IPv6 address. */
export function isIpAddress(text: string): boolean {
  return /^(?:\d{1,3}\.){3}\d{1,3}$/.test(text) || (text.includes(":") && /^[0-9a-fA-F:.]+$/.test(text));
}

/** The name under which the PTR record of an address is [rfc1035 3.5, rfc3596 2.5]. */
export function reverseName(address: string): string {
  if (!address.includes(":")) return `${address.split(".").reverse().join(".")}.in-addr.arpa`;
  return `${[...expandIpv6(address)].reverse().join(".")}.ip6.arpa`;
}

/** The 32 hexadecimal digits of an IPv6 address. */
function expandIpv6(address: string): string {
  const mapped = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const text = mapped
    ? `${mapped[1]}${((Number(mapped[2]) << 8) | Number(mapped[3])).toString(16)}:${
      ((Number(mapped[4]) << 8) | Number(mapped[5])).toString(16)
    }`
    : address;
  const [head = "", tail] = text.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const gap = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  return [...left, ...Array<string>(gap).fill("0"), ...right].map((group) => group.padStart(4, "0")).join("")
    .toLowerCase();
}
