/** One name for all ways to write an account at login [man vchkpass.8]. */
import type { VirtualDomains } from "../../storage/accounts/virtual_domains.ts";
import { type AddressParts, splitAddress } from "./answers.ts";

/** What names are resolved by. */
export interface LoginNames {
  readonly domains: VirtualDomains;
  /** Domain of a user name without one. */
  readonly defaultDomain: string;
}

/** `user@domain`, `user%domain`, or a user of the default domain, in lower case; the domain is the real one. */
export function accountParts(name: string, { domains, defaultDomain }: LoginNames): AddressParts {
  const lower = name.toLowerCase();
  const address = lower.includes("@") ? lower : lower.replace(/%(?=[^%]*$)/, "@");
  const { local, domain } = splitAddress(address);
  const route = domains.route("", domain || defaultDomain);
  return { local, domain: route.kind === "virtual" ? route.domain.name : domain || defaultDomain };
}

/** The same as text. */
export function accountName(name: string, names: LoginNames): string {
  const { local, domain } = accountParts(name, names);
  return `${local}@${domain}`;
}
