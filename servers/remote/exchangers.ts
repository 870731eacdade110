/**
 * Which addresses take mail for a host: MX records in order of preference, else the host's own addresses
 * [rfc5321 5.1, rfc7505].
 */
import type { Resolver } from "../../core/dns/answer.ts";
import { isIpAddress, resolveAddresses } from "../../core/dns/system.ts";

/** One address of one exchanger. */
export interface ExchangerAddress {
  /** The exchanger's name, for TLS and EHLO. */
  readonly name: string;
  readonly address: string;
}

/** What looking for exchangers came to; texts are the original's. */
export type Exchangers =
  | { readonly kind: "found"; readonly addresses: readonly ExchangerAddress[] }
  | { readonly kind: "temporary"; readonly text: string }
  | { readonly kind: "permanent"; readonly text: string };

/** Exchangers of one host that are looked at. */
const EXCHANGERS_MAX = 20;
/** Addresses that are tried for one delivery. */
const ADDRESSES_MAX = 40;

/** Addresses of one preference are given in an order of chance, so that load is shared. */
export interface ExchangerOptions {
  readonly resolver: Resolver;
  /** True for addresses of this host: exchangers that are no better than it are not tried. */
  isOwnAddress(address: string): boolean;
  /** A number from 0 to below 1. */
  random(): number;
}

/** Finds the exchangers of `host`. */
export async function findExchangers(host: string, options: ExchangerOptions): Promise<Exchangers> {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(host)?.[1];
  if (literal !== undefined) {
    if (!isIpAddress(literal)) return notFound(host);
    return { kind: "found", addresses: [{ name: host, address: literal }] };
  }
  const answer = await options.resolver.resolve(host, "MX");
  if (answer.kind === "failed") return dnsFailed(host, answer.text);
  if (answer.kind === "none") return await addressesOf([{ preference: 0, name: host }], host, options);
  const [only] = answer.values;
  if (answer.values.length === 1 && (only!.exchange === "" || only!.exchange === ".")) {
    return { kind: "permanent", text: `Host ${host} does not accept mail. (#5.1.10)` };
  }
  const exchangers = answer.values.map(({ preference, exchange }) => ({
    preference: preference + options.random() * 0.9,
    name: exchange,
  })).sort((a, b) => a.preference - b.preference).slice(0, EXCHANGERS_MAX);
  return await addressesOf(exchangers, host, options);
}

/** Addresses of a relay named in smtproutes: its own, whatever its MX records say; this host's own are allowed. */
export async function findRelay(relay: string, resolver: Resolver): Promise<Exchangers> {
  const answer = await resolveAddresses(resolver, relay);
  if (answer.kind === "failed") return dnsFailed(relay, answer.text);
  if (answer.kind === "none") return notFound(relay);
  return { kind: "found", addresses: answer.addresses.map((address) => ({ name: relay, address })) };
}

async function addressesOf(
  exchangers: readonly { readonly preference: number; readonly name: string }[],
  host: string,
  options: ExchangerOptions,
): Promise<Exchangers> {
  const answers = await Promise.all(exchangers.map(({ name }) => resolveAddresses(options.resolver, name)));
  const addresses: ExchangerAddress[] = [];
  let failure: string | undefined;
  let ownPreference = Infinity;
  answers.forEach((answer, at) => {
    if (answer.kind === "failed") failure ??= answer.text;
    if (answer.kind !== "found" || !answer.addresses.some((address) => options.isOwnAddress(address))) return;
    ownPreference = Math.min(ownPreference, Math.floor(exchangers[at]!.preference));
  });
  answers.forEach((answer, at) => {
    if (answer.kind !== "found" || Math.floor(exchangers[at]!.preference) >= ownPreference) return;
    for (const address of answer.addresses) addresses.push({ name: exchangers[at]!.name, address });
  });
  if (addresses.length > 0) return { kind: "found", addresses: addresses.slice(0, ADDRESSES_MAX) };
  if (failure !== undefined) return dnsFailed(host, failure);
  if (ownPreference < Infinity) {
    return {
      kind: "permanent",
      text: `Sorry. Although I'm listed as a best-preference MX or A for ${host}, it is not in my control/locals or ` +
        `control/virtualdomains file, so I don't treat it as local. (#5.4.6)`,
    };
  }
  return notFound(host);
}

function dnsFailed(host: string, text: string): Exchangers {
  return { kind: "temporary", text: `CNAME lookup failed temporarily for ${host}: ${text}. (#4.4.3)` };
}

function notFound(host: string): Exchangers {
  return { kind: "permanent", text: `Sorry, I couldn't find any host named ${host}. (#5.1.2)` };
}
