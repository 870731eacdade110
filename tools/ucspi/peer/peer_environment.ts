/**
 * What the environment tells a program of its connection: PROTO, TCPLOCALIP, TCPREMOTEHOST and kin, for tcpserver, tcpclient
 * and tcp-env. Names come from DNS; what DNS does not know now is not set.
 */
import type { Resolver } from "../../../core/dns/answer.ts";
import { resolveAddresses, reverseName } from "../../../core/dns/system.ts";
import { formatIp, isMappedIpv4, mappedIp, tryParseIp, unmappedIp } from "../../../core/ip_address.ts";
import { askIdent } from "./ident.ts";

/** One end, as the kernel tells it. */
export interface SocketEnd {
  readonly host: string;
  readonly port: number;
}

/** What is looked up and how it is told. */
export interface FactSettings {
  /** TCPREMOTEHOST is looked up. */
  readonly lookupHost: boolean;
  /** A name counts only when it leads back to the address. */
  readonly paranoid: boolean;
  /** TCPREMOTEINFO is asked for. */
  readonly lookupInfo: boolean;
  readonly infoTimeoutMs: number;
  /** TCPLOCALHOST; undefined: looked up. */
  readonly localName: string | undefined;
  /** "ipv4": no TCP6 variables; "ipv6": IPv4 peers are told as mapped ones. */
  readonly family: "any" | "ipv4" | "ipv6";
  /** Name of the network interface of a link-local connection. */
  readonly networkInterface?: string | undefined;
  /** Made when it is first needed. */
  resolver(): Resolver;
}

/** Variables by name; undefined: is removed. */
export type EnvironmentChange = Record<string, string | undefined>;

/** What is known of a connection. */
export interface PeerFacts {
  readonly env: EnvironmentChange;
  readonly localIp: string;
  readonly localHost: string | undefined;
  readonly localPort: number;
  /** As rules have it: an IPv4 peer as IPv4 unless `family` is "ipv6". */
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly remoteHost: string | undefined;
  readonly info: string | undefined;
}

/** The variables of a connection over a Unix socket. */
export function unixEnvironment(path: string): EnvironmentChange {
  return { PROTO: "UNIX", UNIXLOCALPATH: path };
}

/** The environment with a change applied. */
export function changedEnvironment(
  env: Readonly<Record<string, string>>,
  change: Readonly<EnvironmentChange>,
): Record<string, string> {
  const changed: Record<string, string> = {}; // no delete: an object that has lost a name costs kilobytes
  for (const name of Object.keys(env)) if (!(name in change)) changed[name] = env[name]!;
  for (const [name, value] of Object.entries(change)) if (value !== undefined) changed[name] = value;
  return changed;
}

/** The first name of an address, lower case; undefined when there is none now. */
export async function hostName(resolver: Resolver, ip: Uint8Array): Promise<string | undefined> {
  const answer = await resolver.resolve(reverseName(formatIp(unmappedIp(ip))), "PTR");
  return answer.kind === "found" ? answer.values[0]?.toLowerCase().replace(/\.$/, "") : undefined;
}

async function leadsBack(resolver: Resolver, name: string, ip: Uint8Array): Promise<boolean> {
  const answer = await resolveAddresses(resolver, name);
  if (answer.kind !== "found") return false;
  const wanted = formatIp(mappedIp(ip));
  return answer.addresses.some((address) => {
    const bytes = tryParseIp(address);
    return bytes !== undefined && formatIp(mappedIp(bytes)) === wanted;
  });
}

function bytesOf(host: string): Uint8Array {
  const bytes = tryParseIp(host.replace(/%.*$/, ""));
  if (!bytes) throw new RangeError(`${host} is not an address`);
  return bytes;
}

/** Looks up what the settings ask for. Never throws for a name or an ident that cannot be had. */
export async function peerFacts(
  local: SocketEnd,
  remote: SocketEnd,
  settings: FactSettings,
): Promise<PeerFacts> {
  const [localBytes, remoteBytes] = [bytesOf(local.host), bytesOf(remote.host)];
  const asIpv4 = settings.family !== "ipv6" && (remoteBytes.length === 4 || isMappedIpv4(remoteBytes));
  const text = (ip: Uint8Array) => formatIp(asIpv4 ? unmappedIp(ip) : mappedIp(ip));
  const [localIp, remoteIp] = [text(localBytes), text(remoteBytes)];
  const [localHost, found, info] = await Promise.all([
    settings.localName ?? hostName(settings.resolver(), localBytes),
    settings.lookupHost ? hostName(settings.resolver(), remoteBytes) : undefined,
    settings.lookupInfo
      ? askIdent({
        local: { host: formatIp(unmappedIp(localBytes)), port: local.port },
        remote: { host: formatIp(unmappedIp(remoteBytes)), port: remote.port },
        timeoutMs: settings.infoTimeoutMs,
      })
      : undefined,
  ]);
  const trusted = found === undefined || !settings.paranoid || await leadsBack(settings.resolver(), found, remoteBytes);
  const remoteHost = trusted ? found : undefined;
  const env: EnvironmentChange = {
    PROTO: asIpv4 ? "TCP" : "TCP6",
    TCPLOCALIP: localIp,
    TCPLOCALPORT: String(local.port),
    TCPLOCALHOST: localHost,
    TCPREMOTEIP: remoteIp,
    TCPREMOTEPORT: String(remote.port),
    TCPREMOTEHOST: remoteHost,
    TCPREMOTEINFO: info,
  };
  if (!trusted) env.TCPPARANOID = found;
  if (settings.family !== "ipv4") {
    Object.assign(env, {
      TCP6LOCALIP: formatIp(mappedIp(localBytes)),
      TCP6LOCALPORT: String(local.port),
      TCP6LOCALHOST: localHost,
      TCP6REMOTEIP: formatIp(mappedIp(remoteBytes)),
      TCP6REMOTEPORT: String(remote.port),
      TCP6REMOTEHOST: remoteHost,
      TCP6REMOTEINFO: info,
    });
    if (!asIpv4 && settings.networkInterface !== undefined) env.TCP6INTERFACE = settings.networkInterface;
  }
  return { env, localIp, localHost, localPort: local.port, remoteIp, remotePort: remote.port, remoteHost, info };
}
