/**
 * The guard against guessed passwords: counts failures by address, by account and by both, delays the answers of those who
 * fail often, then refuses an address, or an account from that address, for a time. An account is never refused
 * everywhere: that would let anybody lock its owner out. All in memory, all bounded [decision 0072].
 */
import { createHash, createHmac, randomBytes } from "node:crypto";
import { Temporary } from "../../core/errors.ts";
import type { AuthResult } from "../../storage/accounts/lookup_types.ts";
import { BANS_LISTED_MAX, type LoginGuardStatus } from "../../storage/accounts/logins/login_bans.ts";
import { BanList } from "./guard_bans.ts";
import { GuardLog } from "./guard_log.ts";
import { clientKey, type GuardSettings, inNetwork, type Network } from "./guard_settings.ts";
import { Tallies } from "./guard_tallies.ts";

/** Addresses, accounts and pairs of both that are counted; each of them takes some 200 bytes. */
export const TALLIES_MAX = 20_000;
/** Pairs of account and address that have logged in, remembered so that their owner is not slowed by others' guesses. */
export const KNOWN_MAX = 20_000;
/** Wrong secrets remembered of a pair: one that is tried again is a forgotten device, not a guess. */
const SECRETS_MAX = 8;
/** Logins that wait (for their delay, or for others from their address); above it they get a temporary failure. */
export const GUARD_WAITING_MAX = 512;
/** Those of one address: none can take the places of all. */
export const ADDRESS_WAITING_MAX = 256;
/** What a wrong secret that was wrong before counts: a forgotten device is slowed in the end, and hardly ever refused. */
const REPEATED_COUNTS = 0.1;
const TOO_MANY = "too many logins wait, try again later";
/** Longest account name that is a key as it is. */
const KEY_CHARACTERS_MAX = 128;

/** Who logs in. */
export interface GuardedLogin {
  readonly user: string;
  readonly remoteHost: string;
  /** The password as sent, where the mechanism sends it. */
  readonly secret?: string;
}

/** A check and what its answers mean. */
export interface GuardedCheck<T> {
  run(): Promise<T>;
  kind(answer: T): AuthResult["kind"];
  /** The answer of a wrong password. */
  readonly denied: T;
}

/** What a guard needs. */
export interface GuardOptions {
  readonly settings: GuardSettings;
  readonly trusted: readonly Network[];
  readonly nowMs: () => number;
  readonly sleep: (durationMs: number, signal?: AbortSignal) => Promise<void>;
  readonly line: (text: string) => void;
  /** One name for all ways to write an account. */
  readonly accountOf: (user: string) => string;
}

/** Where a login comes from, as it is counted. */
interface Subject {
  readonly account: string;
  /** undefined: the client has no address; then only the account is counted. */
  readonly address: string | undefined;
  readonly pair: string;
}

/** Logins from one address under way, and those that wait for them. */
interface Gate {
  running: number;
  readonly waiting: (() => void)[];
}

/** The guard of one daemon. */
export class LoginGuard {
  readonly #options: GuardOptions;
  #settings: GuardSettings;
  #trusted: readonly Network[];
  readonly #addresses = new Tallies(TALLIES_MAX);
  readonly #accounts = new Tallies(TALLIES_MAX);
  readonly #pairs = new Tallies(TALLIES_MAX);
  readonly #secrets = new Map<string, string[]>();
  readonly #known = new Set<string>();
  readonly #gates = new Map<string, Gate>();
  readonly #bans: BanList;
  readonly #log: GuardLog;
  readonly #secretKey = randomBytes(32);
  readonly #stop = new AbortController();
  #waiting = 0;
  #refused = 0;
  #slowed = 0;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#trusted = options.trusted;
    this.#log = new GuardLog(options.line, options.nowMs);
    const { nowMs, sleep } = options;
    const signal = this.#stop.signal;
    this.#bans = new BanList({ nowMs, sleep: (durationMs) => sleep(durationMs, signal), log: this.#log });
  }

  /** Takes new settings; what was counted stays. */
  configure(settings: GuardSettings, trusted: readonly Network[]): void {
    this.#settings = settings;
    this.#trusted = trusted;
  }

  /** How much is kept, for tests and statistics. */
  get sizes(): Readonly<Record<"tallies" | "secrets" | "known" | "gates" | "bans" | "waiting", number>> {
    return {
      tallies: Math.max(this.#addresses.size, this.#accounts.size, this.#pairs.size),
      secrets: this.#secrets.size,
      known: this.#known.size,
      gates: this.#gates.size,
      bans: this.#bans.size,
      waiting: this.#waiting,
    };
  }

  /** Runs a check unless the client is refused, counts what becomes of it. Throws Temporary when too many wait. */
  async check<T>(login: GuardedLogin, check: GuardedCheck<T>): Promise<T> {
    const subject = this.#subject(login);
    if (!subject) return await check.run();
    if (this.#isRefused(subject)) return check.denied;
    const gate = await this.#enter(subject.address);
    try {
      await this.#slow(subject);
      if (this.#isRefused(subject)) return check.denied;
      const answer = await check.run();
      const kind = check.kind(answer);
      if (kind === "denied") this.#failed(subject, login.secret);
      else if (kind === "ok") this.#succeeded(subject);
      return answer;
    } finally {
      this.#leave(subject.address, gate);
    }
  }

  /** Who is counted; undefined for a trusted network. */
  #subject({ user, remoteHost }: GuardedLogin): Subject | undefined {
    const client = clientKey(remoteHost);
    if (client && this.#trusted.some((network) => inNetwork(client.bytes, network))) return undefined;
    const account = boundedKey(this.#options.accountOf(user));
    return { account, address: client?.key, pair: `${client?.key ?? "-"} ${account}` };
  }

  #isRefused({ address, account }: Subject): boolean {
    if (address === undefined || !this.#bans.isBanned(address, account)) return false;
    this.#refused++;
    return true;
  }

  /** At most as many checks of an address run at once as it has failures left before it is refused. */
  async #enter(address: string | undefined): Promise<Gate | undefined> {
    if (address === undefined || this.#settings.addressfailures === 0) return undefined;
    let gate = this.#gates.get(address);
    if (!gate) this.#gates.set(address, gate = { running: 0, waiting: [] });
    if (gate.running < this.#triesLeft(address)) gate.running++;
    else {
      const { waiting } = gate;
      if (waiting.length >= ADDRESS_WAITING_MAX) throw new Temporary(TOO_MANY);
      await this.#wait(() => new Promise((resolve) => waiting.push(resolve))); // who wakes it has counted it
    }
    return gate;
  }

  #triesLeft(address: string): number {
    const failures = this.#addresses.value(address, this.#now());
    return Math.max(1, Math.floor(this.#settings.addressfailures - failures));
  }

  #leave(address: string | undefined, gate: Gate | undefined): void {
    if (address === undefined || !gate) return;
    gate.running--;
    for (const triesLeft = this.#triesLeft(address); gate.running < triesLeft && gate.waiting.length > 0;) {
      gate.running++;
      gate.waiting.shift()!();
    }
    if (gate.running === 0) this.#gates.delete(address);
  }

  async #slow(subject: Subject): Promise<void> {
    const { delayMs, failures } = this.#delay(subject);
    if (delayMs === 0) return;
    this.#slowed++;
    this.#log.slowed({ ...subject, delayMs, failures });
    await this.#wait(() => this.#options.sleep(delayMs, this.#stop.signal));
  }

  #delay({ account, address, pair }: Subject): { readonly delayMs: number; readonly failures: number } {
    const { slowafter, slowdelay, slowdelaymax, addressfailures } = this.#settings;
    if (slowafter === 0) return { delayMs: 0, failures: 0 };
    const now = this.#now();
    const ofAccount = this.#known.has(pair) ? this.#pairs.value(pair, now) : this.#accounts.value(account, now);
    const isCounted = address !== undefined && addressfailures > 0;
    const ofAddress = isCounted ? this.#addresses.value(address, now) - addressfailures / 2 : -1;
    const over = Math.max(Math.round(ofAccount) - slowafter, Math.round(ofAddress));
    const failures = Math.round(ofAccount);
    return { delayMs: over < 0 ? 0 : Math.min(slowdelaymax, slowdelay * 2 ** Math.min(over, 30)), failures };
  }

  async #wait(until: () => Promise<void>): Promise<void> {
    if (this.#waiting >= GUARD_WAITING_MAX) throw new Temporary(TOO_MANY);
    this.#waiting++;
    try {
      await until();
    } finally {
      this.#waiting--;
    }
  }

  #failed(subject: Subject, secret: string | undefined): void {
    const { account, address, pair } = subject;
    const amount = secret !== undefined && this.#isRepeated(pair, secret) ? REPEATED_COUNTS : 1;
    const now = this.#now();
    this.#accounts.add(account, amount, now);
    if (address === undefined) return;
    const ofPair = this.#pairs.add(pair, amount, now);
    const ofAddress = this.#addresses.add(address, amount, now);
    const { addressfailures, accountfailures } = this.#settings;
    if (addressfailures > 0 && ofAddress > addressfailures - 0.5) {
      this.#addresses.forget(address);
      this.#bans.start({ address, failures: Math.round(ofAddress) }, this.#settings);
    } else if (accountfailures > 0 && ofPair > accountfailures - 0.5) {
      this.#pairs.forget(pair);
      this.#bans.start({ address, account, failures: Math.round(ofPair) }, this.#settings);
    }
  }

  /** Whether that very secret was wrong for the pair before: a device that keeps on trying is no guesser. */
  #isRepeated(pair: string, secret: string): boolean {
    const mark = createHmac("sha256", this.#secretKey).update(`${pair}\0${secret}`).digest("base64").slice(0, 16);
    const marks = this.#secrets.get(pair) ?? [];
    this.#secrets.delete(pair);
    if (this.#secrets.size >= TALLIES_MAX) this.#secrets.delete(this.#secrets.keys().next().value!);
    const isRepeated = marks.includes(mark);
    this.#secrets.set(pair, isRepeated ? marks : [...marks.slice(-(SECRETS_MAX - 1)), mark]);
    return isRepeated;
  }

  /** Forgives what this account has failed at this address, and nothing else of either. */
  #succeeded({ account, address, pair }: Subject): void {
    const now = this.#now();
    const failures = this.#pairs.value(pair, now);
    if (failures > 0) {
      this.#pairs.forget(pair);
      this.#accounts.add(account, -failures, now);
      if (address !== undefined) this.#addresses.add(address, -failures, now);
    }
    if (address === undefined) return;
    this.#known.delete(pair);
    if (this.#known.size >= KNOWN_MAX) this.#known.delete(this.#known.keys().next().value!);
    this.#known.add(pair);
  }

  #now(): { readonly nowMs: number; readonly halfLifeMs: number } {
    return { nowMs: this.#options.nowMs(), halfLifeMs: this.#settings.forget * 1000 };
  }

  /** How it stands. */
  status(): LoginGuardStatus {
    const bans = this.#bans.list(BANS_LISTED_MAX);
    return { bans, bansTotal: this.#bans.size, refused: this.#refused, slowed: this.#slowed };
  }

  /** Lifts the bans of an address, of an account, or (no argument) all, and forgets what led to them; how many they were. */
  unban(key?: string): number {
    if (key === undefined) {
      for (const tallies of [this.#addresses, this.#accounts, this.#pairs]) tallies.forgetWhere(() => true);
      return this.#bans.lift(() => true);
    }
    const address = clientKey(key.replace(/\/64$/, ""))?.key;
    if (address !== undefined) {
      this.#addresses.forget(address);
      this.#pairs.forgetWhere((pair) => pair.startsWith(`${address} `));
      return this.#bans.lift((ban) => ban.address === address);
    }
    const account = boundedKey(this.#options.accountOf(key));
    this.#accounts.forget(account);
    this.#pairs.forgetWhere((pair) => pair.endsWith(` ${account}`));
    return this.#bans.lift((ban) => ban.account === account);
  }

  /** Ends delays; the logins that were delayed fail. */
  close(): void {
    this.#stop.abort();
  }
}

/** A name as a key of bounded length: what is longer becomes its beginning and a digest. */
function boundedKey(name: string): string {
  if (name.length <= KEY_CHARACTERS_MAX) return name;
  return `${name.slice(0, KEY_CHARACTERS_MAX / 2)}~${createHash("sha256").update(name).digest("hex").slice(0, 32)}`;
}
