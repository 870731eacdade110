/** Names of an address: the PTR question under in-addr.arpa or ip6.arpa [rfc1035 3.5, rfc3596 2.5]. */
import { tryParseIp } from "../ip_address.ts";
import type { DnsAnswer, Resolver } from "./answer.ts";
import { reverseName } from "./system.ts";

/**
 * The names of an IPv4 or IPv6 address, in the order of the server. What is no address has no name. What the names say
 * is the word of whoever owns the address: to be believed only when their addresses hold it again.
 */
export function resolveNames(resolver: Resolver, address: string): Promise<DnsAnswer<"PTR">> {
  if (!tryParseIp(address)) return Promise.resolve({ kind: "none", nameExists: false, authentic: false });
  return resolver.resolve(reverseName(address), "PTR");
}
