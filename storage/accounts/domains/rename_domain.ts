/**
 * Giving a virtual domain another name: folder, homes, rows, alias domains, control files [man vrenamedomain.9]. A file in
 * the domain's folder says what is under way; while it is there the same call goes on where one before it ended. From the
 * moment that the folder has moved until the end, mail for either name waits in the queue: nothing bounces. What is in the
 * queue under the old name afterwards still reaches its users.
 */
import { Permanent } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { domainAssignment } from "../../users/assign.ts";
import type { Command } from "../command.ts";
import { type MovedHomes, removeDomainRows, type RenamedDomain, renameDomainRows, tooLongFor } from "./domain_rows.ts";
import type { DomainEntry } from "../domain_store.ts";
import { readLineFile, writeLineFile } from "../line_file.ts";
import { moveHome, OLD_HOME_MS } from "../move_home.ts";

/** Says which renaming is under way, in the domain's folder; an alias domain's is in that of the real one. */
const MARK_FILE = ".domain_rename";

/** What is renamed. */
export interface DomainRename {
  readonly from: string;
  readonly to: string;
  /** Hears of each step. */
  told(step: string): void;
  /** Waits until deliveries that began before have ended. */
  sleep(durationMs: number): Promise<void>;
}

/** Renames a domain or an alias domain. Throws Permanent when there is none, or the new name is taken. */
export async function renameDomain(command: Command, rename: DomainRename): Promise<void> {
  const { from, to } = rename;
  await command.domains.locked(async () => {
    const old = await command.domains.find(from);
    const there = await command.domains.find(to);
    const real = old?.aliasOf ?? command.domains.linkedDomain(from) ?? (old ? undefined : there?.aliasOf);
    if (real !== undefined) return await renameAlias(command, rename, real);
    const entry = old ?? there;
    if (!entry) throw new Permanent(`domain ${from} does not exist`);
    await renameReal(command, rename, entry);
  });
  await command.reload();
}

async function renameAlias(command: Command, { from, to, told }: DomainRename, real: string): Promise<void> {
  const { domains } = command;
  const target = await domains.find(real);
  if (!target) throw new Permanent(`domain ${real}, of which ${from} is an alias, does not exist`);
  const mark = `${target.directory}/${MARK_FILE}`;
  if (!await isMarked(command, mark, `${from}:${to}`)) {
    if (!await domains.find(from)) throw new Permanent(`domain ${from} does not exist`);
    await refuseTaken(command, to);
    await writeLineFile(command.disk, mark, [`${from}:${to}`]);
  }
  told(`renaming alias domain ${from} (${real}) to ${to}`);
  if (!await domains.isComplete(to)) await domains.addAlias(to, real);
  await domains.removeAlias(from);
  await command.disk.unlink(mark);
}

async function renameReal(command: Command, rename: DomainRename, entry: DomainEntry): Promise<void> {
  const { from, to, told } = rename;
  const { disk, domains } = command;
  const parent = entry.directory.slice(0, entry.directory.lastIndexOf("/"));
  const [oldFolder, folder] = [`${parent}/${from}`, `${parent}/${to}`];
  const domain = { domain: to, uid: entry.uid, gid: entry.gid, directory: folder };
  const mark = `${from}:${to}`;
  if (!await isMarked(command, `${folder}/${MARK_FILE}`, mark)) {
    if (!await isMarked(command, `${oldFolder}/${MARK_FILE}`, mark)) {
      if (entry.domain !== from) throw new Permanent(`domain ${from} does not exist`);
      await checkRename(command, entry, { from, to, folder });
      await writeLineFile(disk, `${oldFolder}/${MARK_FILE}`, [mark]);
    }
    told(`renaming ${oldFolder} to ${folder}`);
    await disk.rename(oldFolder, folder);
    await disk.syncDirectory(parent);
  }
  await domains.assign(domainAssignment(to, { ...domain, home: folder }));
  await command.forget();
  await rename.sleep(OLD_HOME_MS);
  const moves = await movesOf(command, domain, { from, to });
  told(`renaming homes and rows of ${from}`);
  const ends = [];
  for (const { from: old, to: now } of moves.homes) {
    const [moved, place] = [old.slice(0, -1), now.slice(0, -1)];
    ends.push(await moveHome(disk, { from: moved, to: place, domain, resume: true, record: () => Promise.resolve() }));
  }
  await renameDomainRows(command.accounts, moves);
  await relinkAliases(command, domain, oldFolder);
  await renameInFiles(command, domain, moves);
  for (const end of ends) await end();
  told(`adding ${to} to virtualdomains and rcpthosts, removing ${from}`);
  await domains.activate(to, { checkRecipients: await domains.control.checksRecipients(from) });
  await domains.control.refuse(from);
  await command.reload();
  await rename.sleep(OLD_HOME_MS); // then the queue knows where aliases forward to
  for (const former of await domains.formerNamesOf(folder, oldFolder)) await domains.addFormerName(former, domain);
  await domains.addFormerName(from, domain);
  await domains.deactivate(from);
  await disk.unlink(`${folder}/${MARK_FILE}`);
}

async function isMarked(command: Command, path: string, mark: string): Promise<boolean> {
  return (await readLineFile(command.disk, path))?.[0] === mark;
}

async function refuseTaken({ domains }: Command, name: string): Promise<void> {
  if (await domains.find(name) || await domains.control.has(name)) throw new Permanent(`domain ${name} exists already`);
}

/** What can be known before anything is changed. */
async function checkRename(
  command: Command,
  entry: DomainEntry,
  names: { readonly from: string; readonly to: string; readonly folder: string },
): Promise<void> {
  const { from, to, folder } = names;
  const { accounts } = command;
  await refuseTaken(command, to);
  if (!entry.directory.endsWith(`/${from}`)) {
    throw new Permanent(`the folder of ${from} is ${entry.directory}: only one of the domain's name can be renamed`);
  }
  const { active, inactive } = await accounts.users.count(to);
  if (active + inactive > 0) throw new Permanent(`the database has users of ${to} already: remove them first`);
  const moves = await movesOf(command, entry, names);
  for (const path of [folder, ...moves.homes.map((home) => home.to.slice(0, -1))]) {
    if (await isThere(command, path)) throw new Permanent(`${path} is there already: move it away first`);
  }
  const problem = await tooLongFor(accounts, moves);
  if (problem !== undefined) throw new Permanent(`${to} is too long: ${problem}`);
  await removeDomainRows(accounts, to, { keepUsers: true }); // what an earlier domain of that name has left
}

async function isThere({ disk }: Command, path: string): Promise<boolean> {
  try {
    await disk.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** The folders of homes and the tables that change, also when the rows have the new name already. */
async function movesOf(
  command: Command,
  domain: DomainEntry,
  { from, to }: { readonly from: string; readonly to: string },
): Promise<RenamedDomain> {
  const parents = new Set<string>();
  const trees = new Set(await readLineFile(command.disk, `${domain.directory}/.filesystems`) ?? []);
  for (const name of [from, to]) {
    for (const { folder, suffix } of await command.users.treesOf(domain, name)) {
      parents.add(folder.slice(0, -name.length));
      trees.add(suffix);
    }
  }
  const homes: MovedHomes[] = [...parents].map((parent) => ({ from: `${parent}${from}/`, to: `${parent}${to}/` }));
  return { from, to, homes, trees: [...trees].filter((tree) => tree !== "") };
}

async function relinkAliases({ domains }: Command, domain: DomainEntry, oldFolder: string): Promise<void> {
  const oldName = oldFolder.slice(oldFolder.lastIndexOf("/") + 1);
  for (const alias of await domains.list()) {
    if (alias.aliasOf !== oldName) continue;
    if (alias.directory !== oldFolder) await domains.linkAlias(alias.domain, domain.directory);
    else {
      const home = domain.directory;
      await domains.assign({ ...domainAssignment(alias.domain, { ...domain, home }), user: domain.domain });
    }
  }
}

/** Files that name the domain or a home: the fallback of .qmail-default, and of each user .qmail and Maildir/domain. */
async function renameInFiles(command: Command, domain: DomainEntry, renamed: RenamedDomain): Promise<void> {
  const { from, to, homes } = renamed;
  const fallback = new RegExp(`@${from.replaceAll(".", "\\.")}$`, "i");
  await changeLines(command, `${domain.directory}/.qmail-default`, (line) => line.replace(fallback, `@${to}`));
  for await (const { home } of command.accounts.users.list(to)) {
    const moved = homes.find((one) => home.startsWith(one.to));
    if (!moved) continue;
    const before = `${moved.from}${home.slice(moved.to.length)}/`;
    await changeLines(command, `${home}/.qmail`, (line) => line.replaceAll(before, `${home}/`));
    await changeLines(command, `${home}/Maildir/domain`, (line) => line === from ? to : line);
  }
}

async function changeLines({ disk }: Command, path: string, change: (line: string) => string): Promise<void> {
  if (!pathExists(path)) return; // most have none, and this is quicker than a failed read
  const lines = await readLineFile(disk, path);
  const changed = lines?.map(change);
  if (lines && changed && changed.some((line, at) => line !== lines[at])) await writeLineFile(disk, path, changed);
}
