/**
 * The settings of a domain that decide where homes go: base folder, users of a directory, the table of its file system
 * [man vadduser.9] [spec formats 23]. What is in the tree, user_dir.ts says.
 */
import { Temporary } from "../../core/errors.ts";
import type { Paths } from "../../core/paths.ts";
import type { Disk } from "../disk.ts";
import type { Accounts } from "./accounts.ts";
import type { DomainEntry } from "./domain_store.ts";
import { readLineFile } from "./line_file.ts";
import {
  dirControlSuffix,
  letterRange,
  parseMounts,
  type UserDirectoryContext,
  USERS_PER_DIRECTORY,
} from "./user_dir.ts";

/** What the settings are read from. */
export interface PlacesContext {
  readonly disk: Disk;
  readonly paths: Paths;
  readonly accounts: Accounts;
}

/** The folder that a domain's homes are below, unless asked otherwise: `.base_path`, else that of the installation. */
export async function basePathOf(context: PlacesContext, domain: DomainEntry): Promise<string> {
  const [line] = await readLineFile(context.disk, `${domain.directory}/.base_path`) ?? [];
  return line || context.paths.mail;
}

/** Users of one directory, unless asked otherwise: `.users_per_level`, else 100. */
export async function usersPerDirectoryOf(context: PlacesContext, domain: DomainEntry): Promise<number> {
  const [line] = await readLineFile(context.disk, `${domain.directory}/.users_per_level`) ?? [];
  return line !== undefined && /^[1-9]\d{0,6}$/.test(line) ? Number(line) : USERS_PER_DIRECTORY;
}

/** A domain's tree of homes for user_dir.ts. */
export function treeOf(context: PlacesContext, domain: DomainEntry): UserDirectoryContext {
  const { disk, accounts } = context;
  return { disk, dirControls: accounts.dirControls, domainDirectory: domain.directory, domain: domain.domain };
}

/** The home of a user in a directory of the tree. */
export function homeOf(
  user: { readonly name: string; readonly domain: string },
  place: { readonly basePath: string; readonly directory: string },
): string {
  const folder = `${place.basePath}/${letterRange(user.name)}/${user.domain}`;
  return place.directory === "" ? `${folder}/${user.name}` : `${folder}/${place.directory}/${user.name}`;
}

/** The name of the file system of a base and a letter range in dir_control tables, by what is mounted now. */
export function suffixOf(basePath: string, range: string): string {
  try {
    return dirControlSuffix(basePath, range, parseMounts(Deno.readTextFileSync("/proc/self/mounts")));
  } catch (error) {
    throw new Temporary(`cannot read /proc/self/mounts: ${(error as Error).message}`);
  }
}
