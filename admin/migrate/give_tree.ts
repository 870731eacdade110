/** Gives a folder with everything in it to an account; links are left as they are, nothing is moved. */
import { Permanent } from "../../core/errors.ts";
import type { Disk } from "../../storage/disk.ts";

/** Folders within folders; more than a Maildir has. */
const DEPTH_MAX = 64;

/** Changes the owner of everything below `path`, and of `path`. A missing one is as good. */
export async function giveTree(
  disk: Disk,
  path: string,
  owner: { readonly uid: number; readonly gid: number },
): Promise<void> {
  await give(disk, path, { ...owner, depth: DEPTH_MAX });
}

async function give(
  disk: Disk,
  path: string,
  owner: { readonly uid: number; readonly gid: number; readonly depth: number },
): Promise<void> {
  if (owner.depth === 0) throw new Permanent(`${path} is more than ${DEPTH_MAX} folders deep`);
  try {
    const stat = await disk.lstat(path);
    if (stat.kind === "link") return;
    if (stat.kind === "directory") {
      for (const name of await disk.readDirectory(path)) {
        await give(disk, `${path}/${name}`, { ...owner, depth: owner.depth - 1 });
      }
    }
    if (stat.uid !== owner.uid || stat.gid !== owner.gid) await disk.chown(path, owner.uid, owner.gid);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
