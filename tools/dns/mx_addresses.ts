/** The hosts that take mail for a domain, with their addresses [rfc5321 5.1, rfc7505]. */
import type { DnsAnswer, Resolver } from "../../core/dns/answer.ts";
import { resolveAddresses } from "../../core/dns/system.ts";

/** One address of a host. */
export interface MxAddress {
  readonly host: string;
  readonly address: string;
  readonly preference: number;
}

/** Addresses by preference, or why there are none. */
export type MxAddresses =
  | { readonly kind: "found"; readonly addresses: readonly MxAddress[] }
  | Extract<DnsAnswer<"A">, { kind: "none" | "failed" }>;

/** Most hosts of a domain that are looked at. */
const HOSTS_MAX = 50;

/**
 * The addresses of a domain's mail exchangers, the preferred first; of the domain itself where it has none. A host whose
 * addresses cannot be found now is left out, unless none is found.
 */
export async function resolveMxAddresses(resolver: Resolver, domain: string): Promise<MxAddresses> {
  const answer = await resolver.resolve(domain, "MX");
  if (answer.kind === "failed" || (answer.kind === "none" && !answer.nameExists)) return answer;
  const exchangers = answer.kind === "found" ? answer.values : [{ preference: 0, exchange: domain }];
  const hosts = exchangers.filter(({ exchange }) => exchange.replace(/\.$/, "") !== "")
    .toSorted((a, b) => a.preference - b.preference).slice(0, HOSTS_MAX);
  if (hosts.length === 0) return { kind: "none", nameExists: true, authentic: false };
  const found = await Promise.all(hosts.map(({ exchange }) => resolveAddresses(resolver, exchange)));
  const addresses = found.flatMap((each, at) => {
    const { exchange: host, preference } = hosts[at]!;
    return each.kind === "found" ? each.addresses.map((address) => ({ host, address, preference })) : [];
  });
  if (addresses.length > 0) return { kind: "found", addresses };
  for (const each of found) if (each.kind === "failed") return each;
  return { kind: "none", nameExists: true, authentic: false };
}
