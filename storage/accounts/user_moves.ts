/**
 * Moving users: to another home, to another address, to another place in the domain's tree of folders [man vmoveuserdir.9]
 * [man vrenameuser.9] [man vreorg.8]. The folder moves first, then one transaction makes the database follow; where the
 * home goes is noted before, so that the same command finishes what a crash has left. The caller holds DomainStore's lock.
 */
import { Permanent } from "../../core/errors.ts";
import type { Queryable } from "./database.ts";
import type { Command } from "./command.ts";
import type { DomainEntry } from "./domain_store.ts";
import { addLine, readLineFile, removeLines } from "./line_file.ts";
import { moveHome } from "./move_home.ts";
import type { UserRow } from "./users.ts";

/** Beside a domain's .qmail-default: `name:home` of homes that are being moved. */
const MOVES_FILE = ".moves";

/** A user, and where to. */
export interface UserMove {
  readonly user: UserRow;
  readonly domain: DomainEntry;
  /** Chooses the new home; not asked when an unfinished move has one. */
  home(): Promise<string>;
  /** The new address, when that changes too. */
  readonly address?: { readonly name: string; readonly domain: DomainEntry };
  /** The old home's place in the tree of folders was counted out already (vreorg). */
  readonly keepPlace?: boolean;
}

/** What is left to do when deliveries under way have ended (OLD_HOME_MS), and where the home is now. */
export interface UserMoved {
  readonly home: string;
  end(): Promise<void>;
}

/** Moves a user. Throws Permanent when the new address is taken or the new home is there. */
export async function moveUser(command: Command, move: UserMove): Promise<UserMoved> {
  const { user, domain, address } = move;
  const target = address ?? { name: user.name, domain };
  if (address && await command.accounts.users.find(target.name, target.domain.domain)) {
    throw new Permanent(`${target.name}@${target.domain.domain} exists already`);
  }
  const path = `${domain.directory}/${MOVES_FILE}`;
  const mark = `${user.name}:`;
  const before = await unfinished(command, path, mark);
  const home = before ?? await move.home();
  if (home === user.home && !address) return { home, end: () => Promise.resolve() };
  await addLine(command.disk, path, `${mark}${home}`);
  const record = async () => {
    await command.accounts.database.transaction((on) => recordMove(command, on, { user, target, home }));
    if (!move.keepPlace) await command.users.giveBackPlace(user, domain);
  };
  const isMade = user.home !== "" && home !== user.home;
  let end = () => Promise.resolve();
  const resume = before !== undefined;
  if (isMade) end = await moveHome(command.disk, { from: user.home, to: home, domain: target.domain, resume, record });
  else await record();
  await removeLines(command.disk, path, (line) => line.startsWith(mark));
  return { home, end };
}

async function unfinished(command: Command, path: string, mark: string): Promise<string | undefined> {
  const line = (await readLineFile(command.disk, path))?.find((one) => one.startsWith(mark));
  return line?.slice(mark.length);
}

interface Recorded {
  readonly user: UserRow;
  readonly target: { readonly name: string; readonly domain: DomainEntry };
  readonly home: string;
}

/** Everything that the database has of a user goes to the new address and home. */
async function recordMove(command: Command, on: Queryable, { user, target, home }: Recorded): Promise<void> {
  const { name, domain } = user;
  const to = [target.name, target.domain.domain] as const;
  await command.accounts.users.relocate({ name, domain }, { name: to[0], domain: to[1], home }, on);
  if (name === to[0] && domain === to[1]) return;
  for (const [table, user] of [["valias", "alias"], ["userquota", "user"], ["lastauth", "user"]] as const) {
    if (table !== "valias") await on.run(`DELETE FROM ${table} WHERE ${user} = ? AND domain = ?`, to);
    await on.run(`UPDATE ${table} SET ${user} = ?, domain = ? WHERE ${user} = ? AND domain = ?`, [...to, name, domain]);
  }
  const addresses = [`${to[0]}@${to[1]}`, `${name}@${domain}`];
  for (const [table, column] of [["vfilter", "emailid"], ["bulkmail", "emailid"], ["vlimits", "domain"]] as const) {
    await on.run(`DELETE FROM ${table} WHERE ${column} = ?`, [addresses[0]!]);
    await on.run(`UPDATE ${table} SET ${column} = ? WHERE ${column} = ?`, addresses);
  }
}
