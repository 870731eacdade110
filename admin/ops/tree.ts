/**
 * The folders of an installation, with owners and modes. With accounts each role's folder belongs to its account and the
 * folder of sockets to group qmail; without, everything belongs to the one user and is closed to others.
 */
import { pathExists } from "../../core/path_exists.ts";
import { realDisk } from "../../storage/disk.ts";
import { QueueLayout } from "../../storage/queue/layout.ts";
import { makeQueueTree } from "../../storage/queue/queue_tree.ts";
import type { QueueOwners } from "../../storage/queue/store_types.ts";
import type { Paths } from "../../core/paths.ts";
import type { AccountIds } from "./system_accounts.ts";

/** Deepest tree whose owner is changed: domains/ and mail/ with their Maildirs. */
const DEPTH_MAX = 16;

interface Folder {
  readonly path: string;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

function folders(paths: Paths, ids: AccountIds | undefined): Folder[] {
  const { control, users, certs, queueBase, domains, mail, alias, lib, run, log } = paths;
  if (!ids) {
    return [control, users, certs, queueBase, domains, mail, alias, lib, run, log].map((path) => ({
      path,
      mode: 0o700,
    }));
  }
  const indimail = { uid: ids.uid("indimail"), gid: ids.gid("indimail") };
  return [
    { path: control, mode: 0o755 },
    { path: users, mode: 0o755 },
    { path: certs, mode: 0o750, uid: 0, gid: ids.gid("qcerts") },
    { path: queueBase, mode: 0o755 },
    { path: domains, mode: 0o755, ...indimail },
    { path: mail, mode: 0o755, ...indimail },
    { path: alias, mode: 0o2755, uid: ids.uid("alias"), gid: ids.gid("qmail") },
    { path: lib, mode: 0o750, ...indimail },
    // group qmail makes and uses the sockets here; others may pass to the queue's, as anybody may run qmail-queue
    { path: run, mode: 0o3771, uid: 0, gid: ids.gid("qmail") },
    { path: log, mode: 0o750, uid: 0, gid: ids.gid("qmail") },
  ];
}

/**
 * Makes every missing folder, and the queues; existing folders are left as they are but for `run`, which belongs to the
 * processes of the moment. Throws Deno.errors.
 */
export async function ensureTree(
  paths: Paths,
  options: { readonly ids: AccountIds | undefined; readonly queues: number },
): Promise<void> {
  const { ids, queues } = options;
  for (const { path, mode, uid, gid } of folders(paths, ids)) {
    if (pathExists(path) && path !== paths.run) continue;
    Deno.mkdirSync(path, { recursive: true, mode: 0o755 });
    if (uid !== undefined && gid !== undefined) Deno.chownSync(path, uid, gid);
    Deno.chmodSync(path, mode);
  }
  for (let number = 1; number <= queues; number++) {
    const layout = new QueueLayout(`${paths.queueBase}/queue${number}`);
    if (pathExists(layout.directory)) continue;
    await makeQueueTree(realDisk, layout, ids && queueOwners(ids));
    if (ids) Deno.chownSync(layout.directory, ids.uid("qmails"), ids.gid("qmail"));
  }
}

/** The queue role writes every folder, so all of them are its account's; the original splits them among three. */
function queueOwners(ids: AccountIds): QueueOwners {
  const qmails = ids.uid("qmails");
  return { qmailq: qmails, qmails, qmailr: qmails, qmail: ids.gid("qmail") };
}

/** Gives what a set-up by root made to the account that will use it. Links are not followed. */
export function giveTree(path: string, owner: { readonly uid: number; readonly gid: number }, depth = 0): void {
  const stat = Deno.lstatSync(path);
  if (stat.isSymlink || depth > DEPTH_MAX) return;
  Deno.chownSync(path, owner.uid, owner.gid);
  if (!stat.isDirectory) return;
  for (const { name } of Deno.readDirSync(path)) giveTree(`${path}/${name}`, owner, depth + 1);
}
