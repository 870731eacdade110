/** What of a Maildir is to be sent, oldest first, and what is left of deliveries that never ended [man maildirserial.9]. */
import { errorText, Temporary } from "../../core/errors.ts";

/** Files in tmp/ that were not read for so long are nobody's any more, milliseconds [man maildir.5]. */
const TMP_AGE_MS = 36 * 3600 * 1000;

/** A message of a Maildir. */
export interface ScannedFile {
  /** Relative to the Maildir: `new/…`. */
  readonly name: string;
  readonly modifiedMs: number;
}

function statOf(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // somebody else has moved or removed it
    throw error;
  }
}

/** Files of new/ and cur/ that are older than `beforeMs`, oldest first. Throws Temporary when a folder cannot be read. */
export function scanMaildir(maildir: string, beforeMs: number): ScannedFile[] {
  const files: ScannedFile[] = [];
  for (const folder of ["new", "cur"]) {
    try {
      for (const entry of Deno.readDirSync(`${maildir}/${folder}`)) {
        if (entry.name.startsWith(".")) continue;
        const name = `${folder}/${entry.name}`;
        const modifiedMs = statOf(`${maildir}/${name}`)?.mtime?.getTime();
        if (modifiedMs !== undefined && modifiedMs < beforeMs) files.push({ name, modifiedMs });
      }
    } catch (error) {
      throw new Temporary(`unable to scan ${maildir}/${folder}: ${errorText(error)}`);
    }
  }
  return files.sort((a, b) => a.modifiedMs - b.modifiedMs || (a.name < b.name ? -1 : 1));
}

/** Removes what is old in tmp/; whatever cannot be removed stays. */
export function cleanTmp(maildir: string, nowMs: number): void {
  let names: string[];
  try {
    names = [...Deno.readDirSync(`${maildir}/tmp`)].map(({ name }) => name).filter((name) => !name.startsWith("."));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return;
    throw new Temporary(`unable to scan ${maildir}/tmp: ${errorText(error)}`);
  }
  for (const name of names) {
    const stat = statOf(`${maildir}/tmp/${name}`);
    if (!stat || nowMs < (stat.atime ?? stat.mtime ?? new Date(nowMs)).getTime() + TMP_AGE_MS) continue;
    try {
      Deno.removeSync(`${maildir}/tmp/${name}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied)) throw error;
    }
  }
}
