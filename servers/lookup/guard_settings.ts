/**
 * What the operator sets of the guard against guessed passwords: control/loginguard, lines `name:number`, and
 * control/trustednets, one network a line [decision 0072].
 */
import { formatIp, tryParseIp, unmappedIp } from "../../core/ip_address.ts";
import { Permanent } from "../../core/errors.ts";
import type { ControlFiles } from "../../storage/control/control.ts";

/** The control files. */
export const GUARD_CONTROL = { settings: "loginguard", trusted: "trustednets" } as const;

/** The names in control/loginguard, and what holds without them. */
export const GUARD_DEFAULTS = {
  /** Failures from one address after which it is refused; 0: never. */
  addressfailures: 20,
  /** Failures of one account from one address after which that account is refused from there; 0: never. */
  accountfailures: 10,
  /** Failures after which answers are delayed; 0: never. */
  slowafter: 3,
  /** The first delay, milliseconds; it doubles with each failure. */
  slowdelay: 250,
  /** The longest delay, milliseconds. */
  slowdelaymax: 2000,
  /** Seconds in which a count halves. */
  forget: 600,
  /** Seconds of the first ban; it doubles with each that follows. */
  ban: 600,
  /** Seconds of the longest ban, and how long earlier bans are held against somebody. */
  banmax: 86_400,
} as const;

/** The settings by their names. */
export type GuardSettings = Readonly<Record<keyof typeof GUARD_DEFAULTS, number>>;

/** A network: its first address, IPv4 as 4 bytes, and how many bits count. */
export interface Network {
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/** Networks that are never counted unless control/trustednets says otherwise: this host. */
const TRUSTED_DEFAULT = ["127.0.0.0/8", "::1/128"] as const;
/** Lines of control/trustednets. */
const NETWORKS_MAX = 10_000;
/** Greatest number in control/loginguard. */
const NUMBER_MAX = 31_536_000;
/** Bits of an IPv6 address that tell who has it: a customer gets at least that many. */
const IPV6_CLIENT_BITS = 64;

/** The settings with what holds without them, as a text for the manual page. */
export function guardDefaultsText(): string {
  return Object.entries(GUARD_DEFAULTS).map(([name, number]) => `${name}:${number}`).join(", ");
}

/** Reads control/loginguard. Throws Permanent naming the line that makes no sense. */
export function readGuardSettings(control: ControlFiles): GuardSettings {
  const settings: Record<keyof typeof GUARD_DEFAULTS, number> = { ...GUARD_DEFAULTS };
  const path = `${control.directory}/${GUARD_CONTROL.settings}`;
  for (const line of control.lines(GUARD_CONTROL.settings) ?? []) {
    const [, name = "", number = ""] = /^([a-z]+):\s*(\d{1,9})$/.exec(line) ?? [];
    if (!isSetting(name) || Number(number) > NUMBER_MAX) {
      throw new Permanent(
        `${path}: ${line} is not name:number with a name of ${Object.keys(GUARD_DEFAULTS).join(" ")}`,
      );
    }
    settings[name] = Number(number);
  }
  for (const name of ["forget", "ban", "banmax"] as const) {
    if (settings[name] === 0) throw new Permanent(`${path}: ${name} must be at least 1`);
  }
  return settings;
}

function isSetting(name: string): name is keyof typeof GUARD_DEFAULTS {
  return Object.hasOwn(GUARD_DEFAULTS, name);
}

/** Reads control/trustednets. Throws Permanent naming the line that is no network. */
export function readTrustedNetworks(control: ControlFiles): readonly Network[] {
  const path = `${control.directory}/${GUARD_CONTROL.trusted}`;
  const lines = control.lines(GUARD_CONTROL.trusted) ?? TRUSTED_DEFAULT;
  if (lines.length > NETWORKS_MAX) throw new Permanent(`${path}: more than ${NETWORKS_MAX} networks`);
  return lines.map((line) => {
    const network = tryParseNetwork(line);
    if (!network) throw new Permanent(`${path}: ${line} is not an address or a network like 192.0.2.0/24`);
    return network;
  });
}

/** A network of `address` or `address/bits`; undefined when the text is none. */
export function tryParseNetwork(text: string): Network | undefined {
  const [, address = "", bitsText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text.trim()) ?? [];
  const parsed = tryParseIp(address);
  if (!parsed) return undefined;
  const bytes = unmappedIp(parsed);
  const dropped = (parsed.length - bytes.length) * 8;
  const bits = bitsText === undefined ? bytes.length * 8 : Number(bitsText) - dropped;
  return bits >= 0 && bits <= bytes.length * 8 ? { bytes, bits } : undefined;
}

/** Whether an address (unmapped) lies in a network. */
export function inNetwork(address: Uint8Array, { bytes, bits }: Network): boolean {
  if (address.length !== bytes.length) return false;
  const whole = bits >> 3;
  for (let at = 0; at < whole; at++) if (address[at] !== bytes[at]) return false;
  const rest = bits & 7;
  return rest === 0 || (address[whole]! ^ bytes[whole]!) >> (8 - rest) === 0;
}

/** What is counted for a client: its IPv4 address, its IPv6 network of 64 bits; undefined when the text is no address. */
export function clientKey(remoteHost: string): { readonly key: string; readonly bytes: Uint8Array } | undefined {
  const parsed = tryParseIp(remoteHost.replace(/%.*$/, ""));
  if (!parsed) return undefined;
  const bytes = unmappedIp(parsed);
  if (bytes.length === 4) return { key: formatIp(bytes), bytes };
  const network = bytes.slice();
  network.fill(0, IPV6_CLIENT_BITS / 8);
  return { key: `${formatIp(network)}/${IPV6_CLIENT_BITS}`, bytes };
}
