/**
 * Many users of domains at once, with the same result as one by one: rows, places in the tree of homes and lastauth, all
 * of them in one transaction, so that a crash leaves all of a batch or nothing. The caller holds DomainStore's lock.
 */
import type { Queryable } from "./database.ts";
import { DuplicateRow } from "./database.ts";
import type { DomainEntry } from "./domain_store.ts";
import { letterRange, notePlaces, type PlannedPlaces, planPlaces, readFreed } from "./user_dir.ts";
import { basePathOf, homeOf, type PlacesContext, suffixOf, treeOf, usersPerDirectoryOf } from "./user_places.ts";
import type { UserRow } from "./users.ts";

/** Users of one batch: 1,000 are in the database in some 0.1 s, and others wait no longer for the lock. */
export const BATCH_USERS_MAX = 1000;
/** Times a batch is tried again when another host took an address meanwhile. */
const RACES_MAX = 5;

/** A user without a home yet; `home` is where one is asked to be. */
export type BatchUser = Omit<UserRow, "home" | "domain">;

/** What is the same for all users of a batch. */
export interface BatchPlaces {
  readonly basePath?: string;
  readonly usersPerDirectory?: number;
}

/** What a batch is added with. */
export interface BatchContext extends PlacesContext {
  readonly nowMs: () => number;
}

/** The users of one domain in a batch. */
export interface DomainUsers {
  readonly domain: DomainEntry;
  readonly users: readonly BatchUser[];
}

/** The users of one letter range and what its tree had before. */
interface Group {
  readonly suffix: string;
  readonly names: readonly string[];
  readonly freed: readonly string[];
}

/** The users of one domain with all that files say of it. */
interface Part extends DomainUsers {
  readonly groups: readonly Group[];
  readonly basePath: string;
  readonly usersPerDirectory: number;
}

/** What was written of a part. */
interface Written {
  readonly rows: readonly UserRow[];
  readonly planned: ReadonlyMap<string, PlannedPlaces>;
}

/**
 * Adds users to domains: for each part and user the row, or "exists" where the address is taken (also by an earlier one of
 * the part). Throws Permanent when a value does not fit its column; then none is added.
 */
export async function addBatch(
  context: BatchContext,
  batch: readonly DomainUsers[],
  places: BatchPlaces,
): Promise<readonly (readonly (UserRow | "exists")[])[]> {
  const parts: Part[] = [];
  for (const one of batch) parts.push(await partOf(context, one, places));
  const written = await inTurn(context, async (on) => {
    const all: Written[] = [];
    for (const part of parts) all.push(await write(context, part, on));
    return all;
  });
  const results: (readonly (UserRow | "exists")[])[] = [];
  for (const [at, { domain, users, groups }] of parts.entries()) {
    const { rows, planned } = written[at]!;
    for (const { suffix, freed } of groups) {
      const plan = planned.get(suffix);
      if (plan) await notePlaces(treeOf(context, domain), suffix, { before: freed, planned: plan });
    }
    results.push(inOrder(users, rows));
  }
  return results;
}

async function partOf(context: BatchContext, { domain, users }: DomainUsers, places: BatchPlaces): Promise<Part> {
  const basePath = places.basePath ?? await basePathOf(context, domain);
  const usersPerDirectory = places.usersPerDirectory ?? await usersPerDirectoryOf(context, domain);
  const groups: Group[] = [];
  for (const [range, some] of Map.groupBy(users, (user) => letterRange(user.name))) {
    const suffix = suffixOf(basePath, range);
    const freed = await readFreed(treeOf(context, domain), suffix);
    groups.push({ suffix, names: some.map(({ name }) => name), freed });
  }
  return { domain, users, groups, basePath, usersPerDirectory };
}

/** A transaction; again when a row turned up between its look and its writing (on MariaDB, by another host). */
async function inTurn<T>(context: BatchContext, work: (on: Queryable) => Promise<T>): Promise<T> {
  for (let race = 0;; race++) {
    try {
      return await context.accounts.database.transaction(work);
    } catch (error) {
      if (!(error instanceof DuplicateRow) || race >= RACES_MAX) throw error;
    }
  }
}

async function write(context: BatchContext, part: Part, on: Queryable): Promise<Written> {
  const { accounts } = context;
  const { domain: { domain }, users, groups, basePath, usersPerDirectory } = part;
  const taken = await accounts.users.taken(domain, users.map(({ name }) => name), on);
  const fresh = new Map<string, BatchUser>();
  for (const user of users) if (!taken.has(user.name) && !fresh.has(user.name)) fresh.set(user.name, user);
  const directories = new Map<string, string>();
  const planned = new Map<string, PlannedPlaces>();
  for (const { suffix, names, freed } of groups) {
    const free = [...new Set(names)].filter((name) => fresh.has(name));
    if (free.length === 0) continue;
    const state = await accounts.dirControls.find(suffix, domain, on);
    const plan = planPlaces({ state, freed }, { users: free.length, usersPerDirectory });
    await accounts.dirControls.set(suffix, domain, plan.state, on);
    free.forEach((name, at) => directories.set(name, plan.directories[at] ?? ""));
    planned.set(suffix, plan);
  }
  const rows = [...fresh.values()].map((user): UserRow => {
    const place = { basePath, directory: directories.get(user.name) ?? "" };
    return { ...user, domain, home: homeOf({ name: user.name, domain }, place) };
  });
  await accounts.users.addMany(rows, on);
  const seconds = Math.floor(context.nowMs() / 1000);
  const event = { domain, service: "add", remoteIp: "0.0.0.0", quotaBytes: 0, seconds } as const;
  await accounts.lastauth.addMany(rows.map(({ name, gecos }) => ({ ...event, user: name, gecos })), on);
  return { rows, planned };
}

/** The rows by the users they were asked for, the first of a name taking it. */
function inOrder(users: readonly BatchUser[], rows: readonly UserRow[]): readonly (UserRow | "exists")[] {
  const left = new Map(rows.map((row) => [row.name, row]));
  return users.map(({ name }) => {
    const row = left.get(name);
    left.delete(name);
    return row ?? "exists";
  });
}
