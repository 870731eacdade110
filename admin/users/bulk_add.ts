/**
 * vadduser for many users: entries of a file in batches, each of which is in the database whole or not at all. An address
 * that is taken is passed over, so that a run that was ended can be run again.
 */
import { errorText, Permanent, Usage } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { Command } from "../../storage/accounts/command.ts";
import { BATCH_USERS_MAX } from "../../storage/accounts/user_batch.ts";
import type { UserRow } from "../../storage/accounts/users.ts";
import {
  type BulkOptions,
  type Candidate,
  CandidateMaker,
  type DomainFacts,
  type DomainTally,
  type Ready,
} from "./bulk_candidates.ts";
import { type BulkEntry, type BulkFault, type BulkForm, readEntries } from "./bulk_input.ts";

/** Users of a batch where a post handle runs for each: few, since a run that is killed runs it for none of its last batch. */
const HANDLED_BATCH_USERS = 20;
/** Passwords hashed at once; each of them on another thread. */
const HASHING_MAX = 8;

/** What the outside does for a run. */
export interface BulkOutside {
  /** A random password, before its user is added: a run that is killed leaves no user whose password nobody knows. */
  password(line: string): Promise<void>;
  added(row: UserRow): Promise<void>;
  /** A line that was not taken, with keepGoing. */
  refused(fault: BulkFault): Promise<void>;
  /** The post handle's exit status; undefined where there is no post handle. */
  readonly handle: ((address: string) => Promise<number>) | undefined;
  progress(totals: BulkTotals): Promise<void>;
}

/** How many users of a file were added, were there already, and were not taken. */
export interface BulkTotals {
  added: number;
  present: number;
  refused: number;
}

/** A line that was not taken, without keepGoing; what stood before it is added. */
export class LineRefused extends Permanent {
  readonly line: number;

  constructor({ line, fault }: BulkFault) {
    super(fault);
    this.line = line;
  }
}

/** Adds the users of one input. */
export class BulkAdder {
  readonly totals: BulkTotals = { added: 0, present: 0, refused: 0 };
  readonly #command: Command;
  readonly #options: BulkOptions;
  readonly #outside: BulkOutside;
  readonly #maker: CandidateMaker;

  constructor(command: Command, options: BulkOptions, outside: BulkOutside) {
    this.#command = command;
    this.#options = options;
    this.#outside = outside;
    this.#maker = new CandidateMaker(command, options);
  }

  /** Reads the input to its end. Throws LineRefused at the first wrong line, unless it is to go on; Temporary. */
  async addAll(input: ByteReader, form: BulkForm): Promise<void> {
    const batchMax = this.#outside.handle ? HANDLED_BATCH_USERS : BATCH_USERS_MAX;
    let waiting: (BulkEntry | BulkFault)[] = [];
    for await (const entries of readEntries(input, form, { verbatim: this.#options.password.encrypted })) {
      waiting = waiting.concat(entries);
      let at = 0;
      for (; waiting.length - at >= batchMax; at += batchMax) await this.#batch(waiting.slice(at, at + batchMax));
      waiting = waiting.slice(at);
    }
    for (let at = 0; at < waiting.length; at += batchMax) await this.#batch(waiting.slice(at, at + batchMax));
  }

  async #batch(entries: readonly (BulkEntry | BulkFault)[]): Promise<void> {
    const faults: BulkFault[] = [];
    const known = new Map<string, Promise<DomainFacts>>();
    const candidates = await this.#whileGood(entries, faults, (entry) => this.#maker.candidate(entry, known));
    const free = await this.#withoutPresent(candidates);
    const ready = await this.#inParallel(free, faults);
    const added = ready.length === 0 ? [] : await this.#command.domains.locked(() => this.#add(ready, faults));
    await this.#handle(added, faults);
    await this.#outside.progress(this.totals);
    const [first] = faults.sort((left, right) => left.line - right.line);
    if (first && !this.#options.keepGoing) throw new LineRefused(first);
  }

  /** What `work` makes of each item until one is wrong; of all that are right, when it is to go on. */
  async #whileGood<I extends BulkEntry | BulkFault | Candidate, T>(
    items: readonly I[],
    faults: BulkFault[],
    work: (item: Exclude<I, BulkFault>) => Promise<T>,
  ): Promise<T[]> {
    const results: T[] = [];
    for (const item of items) {
      const line = "line" in item ? item.line : item.entry.line;
      try {
        if (isFault(item)) throw new Permanent(item.fault);
        results.push(await work(item as Exclude<I, BulkFault>));
      } catch (error) {
        if (!(await this.#refused(error, line, faults))) break;
      }
    }
    return results;
  }

  /** Notes what is wrong with a line; whether to go on. What is no fault of the line is thrown. */
  async #refused(error: unknown, line: number, faults: BulkFault[]): Promise<boolean> {
    if (!(error instanceof Permanent || error instanceof Usage)) throw error;
    const fault = { line, fault: errorText(error) };
    faults.push(fault);
    this.totals.refused++;
    if (this.#options.keepGoing) await this.#outside.refused(fault);
    return this.#options.keepGoing;
  }

  /** Passes over who is there already, and who stands in the batch twice; makes the homes that they lack. */
  async #withoutPresent(candidates: readonly Candidate[]): Promise<Candidate[]> {
    const { accounts, users } = this.#command;
    const present = new Set<Candidate>();
    for (const [, group] of Map.groupBy(candidates, ({ address }) => address.domain)) {
      const taken = await accounts.users.taken(group[0]!.address.domain, group.map(({ address }) => address.name));
      const seen = new Set<string>();
      const homeless: UserRow[] = [];
      for (const candidate of group) {
        const { name, domain } = candidate.address;
        if (taken.has(name) || seen.has(name)) present.add(candidate);
        if (taken.has(name) && this.#options.makeDirectory) {
          const user = await accounts.users.find(name, domain);
          if (user) homeless.push(user);
        }
        seen.add(name);
      }
      await users.makeHomes(homeless, group[0]!.facts.domain);
    }
    this.totals.present += present.size;
    return candidates.filter((candidate) => !present.has(candidate));
  }

  /** Makes the columns of passwords, several at once: hashing is on other threads. */
  async #inParallel(candidates: readonly Candidate[], faults: BulkFault[]): Promise<Ready[]> {
    const made: (Promise<Ready> | undefined)[] = [];
    let next = 0;
    const worker = async () => {
      for (; next < candidates.length;) {
        const at = next++;
        const one = this.#maker.ready(candidates[at]!, (line) => this.#outside.password(line));
        made[at] = one;
        await Promise.allSettled([one]); // faults are told in the order of the file, below
      }
    };
    await Promise.all(Array.from({ length: HASHING_MAX }, worker));
    const byEntry = new Map(candidates.map((candidate, at) => [candidate, made[at]!]));
    return await this.#whileGood(candidates, faults, (candidate) => byEntry.get(candidate as Candidate)!);
  }

  /** Adds what the limits of the domains allow; the caller holds the lock. */
  async #add(ready: readonly Ready[], faults: BulkFault[]): Promise<Ready[]> {
    const tallies = new Map<string, DomainTally>();
    const allowed: Ready[] = [];
    for (const one of ready) {
      try {
        if (one.facts.hasLimits) await this.#maker.checkLimits(one, tallies);
        allowed.push(one);
      } catch (error) {
        if (!(await this.#refused(error, one.entry.line, faults))) break;
      }
    }
    return await this.#addAllowed(allowed, faults);
  }

  /** Adds users; in halves when the database refuses them together, to find out which ones it was. */
  async #addAllowed(ready: readonly Ready[], faults: BulkFault[]): Promise<Ready[]> {
    const [first] = ready;
    if (!first) return [];
    try {
      return await this.#addTogether(ready);
    } catch (error) {
      if (ready.length === 1 || !(error instanceof Permanent)) {
        await this.#refused(error, first.entry.line, faults);
        return [];
      }
    }
    const [half, before] = [Math.ceil(ready.length / 2), faults.length];
    const added = await this.#addAllowed(ready.slice(0, half), faults);
    if (faults.length > before && !this.#options.keepGoing) return added;
    return [...added, ...await this.#addAllowed(ready.slice(half), faults)];
  }

  async #addTogether(ready: readonly Ready[]): Promise<Ready[]> {
    const { users } = this.#command;
    const groups = [...Map.groupBy(ready, ({ address }) => address.domain).values()];
    const parts = groups.map((group) => ({ domain: group[0]!.facts.domain, users: group.map(({ user }) => user) }));
    const results = await users.addBatch(parts, this.#options.places);
    const rows = new Map<Ready, UserRow>();
    for (const [at, group] of groups.entries()) {
      for (const [index, one] of group.entries()) {
        const row = results[at]?.[index];
        if (row && row !== "exists") rows.set(one, row);
      }
    }
    const added = ready.filter((one) => rows.has(one));
    this.totals.added += added.length;
    this.totals.present += ready.length - added.length;
    for (const [at, { domain }] of parts.entries()) {
      const homes = groups[at]!.flatMap((one) => rows.get(one) ?? []);
      if (this.#options.makeDirectory) await users.makeHomes(homes, domain);
    }
    for (const one of added) await this.#outside.added(rows.get(one)!);
    return added;
  }

  async #handle(added: readonly Ready[], faults: BulkFault[]): Promise<void> {
    const { handle } = this.#outside;
    if (!handle) return;
    for (const { entry } of added) {
      const code = await handle(entry.address);
      if (code === 0) continue;
      const error = new Permanent(`${entry.address} is added, but its post handle ended with ${code}`);
      if (!(await this.#refused(error, entry.line, faults))) return;
    }
  }
}

function isFault(item: BulkEntry | BulkFault | Candidate): item is BulkFault {
  return "fault" in item;
}
