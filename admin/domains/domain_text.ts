/**
 * What vdominfo and printdir say of the trees of homes: one block for each file system and letter range.
 */
import type { Command } from "../../storage/accounts/command.ts";
import type { DomainEntry } from "../../storage/accounts/domain_store.ts";
import { readLineFile } from "../../storage/accounts/line_file.ts";
import { USERS_PER_DIRECTORY } from "../../storage/accounts/user_dir.ts";

/** The blocks of a domain, each followed by an empty line [man printdir.1]. */
export async function formatTrees({ accounts, disk }: Command, domain: DomainEntry): Promise<string> {
  const [perLevel] = await readLineFile(disk, `${domain.directory}/.users_per_level`) ?? [];
  const suffixes = await readLineFile(disk, `${domain.directory}/.filesystems`) ?? [];
  let text = "";
  for (const suffix of suffixes) {
    if (suffix === "") continue;
    const state = await accounts.dirControls.find(suffix, domain.domain);
    const levels = (label: string, values: readonly number[]) =>
      values.map((value, level) => `${(level === 0 ? label : "").padEnd(12)}${level}   = ${value}`);
    text += [
      `Dir Control     = ${suffix.replaceAll("_", "/")}`,
      `cur users       = ${state.users}`,
      `dir prefix      = ${state.directory}`,
      `Users per level = ${perLevel || USERS_PER_DIRECTORY}`,
      `level_cur       = ${state.levelCurrent}`,
      `level_max       = ${state.levelMax}`,
      ...levels("level_index", state.index),
      ...levels("level_start", state.start),
      ...levels("level_end", state.end),
      ...levels("level_mod", state.mod),
      "",
      "",
    ].join("\n");
  }
  return text;
}
