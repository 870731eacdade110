/** Bulletins that wait for a user are put into the inbox at the login [spec formats 26]. */
import type { Account, Lookup } from "./lookup_types.ts";
import type { Disk } from "../disk.ts";
import { giveBulletin } from "../maildir/bulletins.ts";

/** With what it is done. */
export interface BulletinDesk {
  readonly lookup: Pick<Lookup, "bulletins" | "bulletinGiven">;
  readonly disk: Disk;
  readonly hostName: string;
  /** Told what could not be done: the next login tries again. */
  warn(text: string): void;
}

/** Gives the user what waits. Never throws: a bulletin keeps nobody from reading mail. */
export async function giveWaiting(desk: BulletinDesk, account: Account): Promise<void> {
  try {
    for (const { path, name } of await desk.lookup.bulletins(account.address)) {
      try {
        const { disk, hostName } = desk;
        await giveBulletin({ disk, maildir: `${account.home}/Maildir`, path, kind: "copy", hostName });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        desk.warn(`bulletin ${path} for ${account.address} is gone`);
      }
      if (name !== undefined) await desk.lookup.bulletinGiven(account.address, name);
    }
  } catch (error) {
    desk.warn(`bulletins of ${account.address}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
