/** Host operands of tcpserver and tcpclient as addresses: 0 for this host, addresses with or without brackets, names. */
import type { Resolver } from "../../../core/dns/answer.ts";
import { rewriteName, rewriteRules } from "../../../core/dns/rewrite.ts";
import { hostsFileAddresses, resolveAddresses } from "../../../core/dns/system.ts";
import { Temporary } from "../../../core/errors.ts";
import { formatIp, tryParseIp } from "../../../core/ip_address.ts";

/** What a host operand means. */
export interface HostQuestion {
  readonly host: string;
  /** What 0 and the empty text mean. */
  readonly any: string;
  readonly family: "any" | "ipv4" | "ipv6";
  resolver(): Resolver;
  /** LOCALDOMAIN: added to a name without a dot. */
  readonly localDomain: string | undefined;
  /** DNSREWRITEFILE: rules that change names first; undefined: /etc/dnsrewrite. */
  readonly rewriteFile?: string | undefined;
  /** Names are looked up in /etc/hosts, and nowhere else. */
  readonly hostsFileOnly?: boolean | undefined;
}

/** The addresses, IPv4 first. Throws Temporary when there is none. */
export async function hostAddresses(question: HostQuestion): Promise<readonly string[]> {
  const { host, family } = question;
  if (host === "" || host === "0") return [question.any];
  const ip = tryParseIp(host.replace(/^\[(.*)\]$/, "$1"));
  if (ip) return [formatIp(ip)];
  const wantedOf = (addresses: readonly string[]) =>
    addresses.filter((address) => family === "any" || address.includes(":") === (family === "ipv6"));
  if (question.hostsFileOnly) {
    const wanted = wantedOf(hostsFileAddresses(host));
    if (wanted.length > 0) return wanted;
    throw new Temporary(`no IP address for ${host} in /etc/hosts`);
  }
  const rules = rewriteRules({ file: question.rewriteFile, localDomain: question.localDomain });
  for (const name of rewriteName(host, rules)) {
    const made = tryParseIp(name.replace(/^\[(.*)\]$/, "$1"));
    if (made) return [formatIp(made)];
    const answer = await resolveAddresses(question.resolver(), name);
    if (answer.kind === "failed") {
      throw new Temporary(`temporarily unable to figure out IP address for ${host}: ${answer.text}`);
    }
    const wanted = wantedOf(answer.kind === "found" ? answer.addresses : []);
    if (wanted.length > 0) return wanted;
  }
  throw new Temporary(`no IP address for ${host}`);
}
