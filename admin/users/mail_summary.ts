/** What vuserinfo -m shows: the folders of a user's Maildir, where else the mail goes, and by which rules it is sorted. */
import type { Command } from "../../storage/accounts/command.ts";
import type { UserRow } from "../../storage/accounts/users.ts";
import { folderPath, listFolders } from "../../storage/maildir/folders.ts";
import { isMessageName, sizeOfName } from "../../storage/maildir/names.ts";

/** Messages of a folder. */
interface FolderUse {
  messages: number;
  fresh: number;
  bytes: number;
}

/** Lines of label and value: a line for each folder, one for each address that mail goes on to, one for the rules. */
export async function mailSummary(
  command: Command,
  user: UserRow,
): Promise<readonly (readonly [label: string, value: string])[]> {
  const lines: [string, string][] = [];
  const maildir = `${user.home}/Maildir`;
  for (const folder of ["", ...foldersOf(maildir)]) {
    const use = folderUse(folder === "" ? maildir : folderPath(maildir, folder));
    if (!use) continue;
    const { messages, fresh, bytes } = use;
    lines.push(["mail", `${folder === "" ? "INBOX" : folder}: ${messages} messages, ${fresh} new, ${bytes} bytes`]);
  }
  for (const line of await command.accounts.aliases.lines(user.name, user.domain)) lines.push(["forwarding", line]);
  const rules = await command.accounts.filters.list(`${user.name}@${user.domain}`);
  if (rules.length > 0) lines.push(["filters", `${rules.length} (vcfilter -s shows them)`]);
  return lines;
}

function foldersOf(maildir: string): readonly string[] {
  try {
    return listFolders(maildir).toSorted();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Counted by names, which tell the size of nearly every message; undefined when there is no such folder. */
function folderUse(path: string): FolderUse | undefined {
  const use: FolderUse = { messages: 0, fresh: 0, bytes: 0 };
  try {
    for (const part of ["new", "cur"] as const) {
      for (const { name, isFile } of Deno.readDirSync(`${path}/${part}`)) {
        if (!isFile || !isMessageName(name)) continue;
        use.messages++;
        if (part === "new") use.fresh++;
        use.bytes += sizeOfName(name) ?? fileBytes(`${path}/${part}/${name}`);
      }
    }
    return use;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function fileBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return 0; // moved or removed meanwhile
    throw error;
  }
}
