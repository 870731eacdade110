/** Whether a connection may be served, and with which environment: banner, names, ident, rules, limits, in this order. */
import { formatIp, tryParseIp, unmappedIp } from "../../../core/ip_address.ts";
import { errorText } from "../../../core/errors.ts";
import { type Cdb, CdbFile } from "../../../storage/cdb/reader.ts";
import { type ConnectionTable, shown, type TableEntry } from "./connection_table.ts";
import {
  changedEnvironment,
  type EnvironmentChange,
  type PeerFacts,
  peerFacts,
  type SocketEnd,
  unixEnvironment,
} from "../peer/peer_environment.ts";
import { findRule } from "../rules/rule_lookup.ts";
import type { ServerSettings } from "./server_settings.ts";

/** A connection that asks to be served. */
export interface Arrival {
  readonly local: SocketEnd;
  readonly remote: SocketEnd;
  /** Sends the banner. */
  write(bytes: Uint8Array): Promise<void>;
}

/** What an admitted connection is served with. */
export interface Admitted {
  readonly env: Record<string, string>;
  /** The ends, for the line that tells of it. */
  readonly text: string;
}

/** More rules than those of the cdb: -m. */
export interface MoreRules {
  find(ip: string): Promise<{ readonly deny: boolean; readonly settings: EnvironmentChange } | undefined>;
}

/** How a peer is counted and shown: an IPv4 peer of an IPv6 socket as IPv4. */
export function peerText(remote: SocketEnd, settings: ServerSettings): string {
  if (settings.host.startsWith("/")) return settings.host;
  const ip = tryParseIp(remote.host);
  return ip && settings.facts.family !== "ipv6" ? formatIp(unmappedIp(ip)) : remote.host;
}

/** The number of MAXPERIP; 0, no limit, for what is no number. */
function limitOfRule(text: string): number {
  const limit = Number(text);
  return Number.isInteger(limit) && limit > 0 ? limit : 0;
}

/** Decides about connections. */
export class Admission {
  readonly #settings: ServerSettings;
  readonly #table: ConnectionTable;
  readonly #env: Readonly<Record<string, string>>;
  readonly #rules: CdbFile | undefined;
  readonly #more: MoreRules | undefined;

  constructor(
    settings: ServerSettings,
    table: ConnectionTable,
    from: { readonly env: Readonly<Record<string, string>>; readonly more?: MoreRules | undefined },
  ) {
    this.#settings = settings;
    this.#table = table;
    this.#env = from.env;
    this.#more = from.more;
    this.#rules = settings.rules === undefined ? undefined : new CdbFile(settings.rules);
  }

  /** Begins a connection when it is its peer's turn, before anything is asked about it; undefined: close it. */
  begin(peer: string): Promise<TableEntry | undefined> {
    return this.#table.beginInTurn(peer, this.#limitOf(peer));
  }

  /** The limit for a peer of which only the address is known; 0 when more is to be known first. */
  #limitOf(peer: string): number {
    if (this.#more) return 0;
    const cdb = this.#tryRules();
    const settings = cdb && findRule(cdb, { ip: peer, host: undefined, info: undefined })?.settings;
    const rule = settings?.findLast(([name]) => name === "MAXPERIP");
    return rule?.[1] === undefined ? this.#settings.perHost : limitOfRule(rule[1]);
  }

  /** The rules; undefined without them, or when they cannot be read, which `admit` tells. */
  #tryRules(): Cdb | undefined {
    try {
      return this.#rules?.current();
    } catch {
      return undefined;
    }
  }

  /** What to serve it with; undefined: close it. What was wrong has been printed. Throws only surprises. */
  async admit(arrival: Arrival, entry: TableEntry): Promise<Admitted | undefined> {
    try {
      if (this.#settings.banner.length > 0) await arrival.write(this.#settings.banner);
    } catch (error) {
      this.#drop(`unable to print banner: ${errorText(error)}`);
      return undefined;
    }
    if (this.#settings.host.startsWith("/")) return this.#admitLocal();
    const facts = await peerFacts(arrival.local, arrival.remote, this.#settings.facts);
    const change: EnvironmentChange = { ...facts.env };
    let deny = false;
    try {
      deny = await this.#follow(facts, change);
    } catch (error) {
      this.#drop(`unable to read ${this.#settings.rules}: ${errorText(error)}`);
      return undefined;
    }
    const perHost = change.MAXPERIP === undefined ? this.#settings.perHost : limitOfRule(change.MAXPERIP);
    const ends = `${shown(facts.localHost ?? "")}[${facts.localIp}]${facts.localPort} ` +
      `${shown(facts.remoteHost ?? "")}[${facts.remoteIp}]${shown(facts.info ?? "")}:${facts.remotePort}`;
    const text = `${ends}:maxperip=${perHost}`;
    if (deny) {
      this.#table.say(`deny ${entry.pid} ${text}`);
      return undefined;
    }
    if (!await this.#table.keepTurn(entry, perHost)) return undefined;
    return { env: changedEnvironment(this.#env, change), text };
  }

  #admitLocal(): Admitted {
    const { host } = this.#settings;
    return { env: changedEnvironment(this.#env, unixEnvironment(host)), text: `[${shown(host)}]` };
  }

  /** Adds what rules set to `change`; true: denied. */
  async #follow(facts: PeerFacts, change: EnvironmentChange): Promise<boolean> {
    let deny = false;
    if (this.#rules) {
      const cdb = this.#rules.current();
      if (!cdb && !this.#settings.rulesMayBeAbsent) throw new Error("it does not exist");
      const rule = cdb && findRule(cdb, { ip: facts.remoteIp, host: facts.remoteHost, info: facts.info });
      for (const [name, value] of rule?.settings ?? []) change[name] = value;
      deny = rule?.deny ?? false;
    }
    const more = await this.#more?.find(facts.remoteIp);
    if (more) Object.assign(change, more.settings);
    return deny || (more?.deny ?? false);
  }

  #drop(why: string): void {
    this.#table.warn(`warning: dropping connection, ${why}`);
  }
}
