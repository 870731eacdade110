/**
 * The files of the checkout, for the scripts: sorted, without what is fetched, built or run.
 */

/** Folders that hold nothing of ours. */
const IGNORED = new Set(["node_modules", ".deno", "dist", "run", ".git"]);

/** Paths below `root` of all files in the folders `below`, sorted; folders that do not exist are empty. */
export function walkFiles(root: string, below: readonly string[]): string[] {
  const files: string[] = [];
  for (const folder of below) collect(root, folder, files);
  return files.sort();
}

function collect(root: string, folder: string, files: string[]): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(`${root}/${folder}`)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  for (const entry of entries) {
    const path = folder === "." ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory && !(folder === "." && IGNORED.has(entry.name))) collect(root, path, files);
    else if (entry.isFile) files.push(path);
  }
}

/** The checkout that this script belongs to. */
export function checkoutFolder(): string {
  return decodeURIComponent(new URL("../..", import.meta.url).pathname).replace(/\/$/, "");
}
