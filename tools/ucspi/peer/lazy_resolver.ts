/** Resolvers that are made when a name is first asked for, shared by all connections of a process. */
import type { Resolver } from "../../../core/dns/answer.ts";
import { systemResolver } from "../../../core/dns/system.ts";

/** Resolvers by DNSCACHEIP, so that all connections of a process share what they have learnt. */
const resolvers = new Map<string, Resolver>();
/** Values of DNSCACHEIP that are remembered. */
const RESOLVERS_MAX = 100;

/** A resolver that is made when it is first asked for. */
export function lazyResolver(servers: string | undefined): () => Resolver {
  return () => {
    const known = resolvers.get(servers ?? "");
    if (known) return known;
    const made = systemResolver(servers);
    if (resolvers.size < RESOLVERS_MAX) resolvers.set(servers ?? "", made);
    return made;
  };
}
