/**
 * The open indexes of a process: few at a time, since an idle session must cost nothing. A file that is broken or of
 * another layout is deleted and made anew; where there can be none (disk full, read-only), everything works without.
 */
import { INDEX_FILE_NAME, LayoutError, MailIndex } from "./mail_index.ts";

/** Indexes held open. */
const OPEN_MAX = 16;
/** SQLite's codes for a file that is broken: ERROR (tables missing), CORRUPT, NOTADB [sqlite3 result codes]. */
const BROKEN_CODES: readonly number[] = [1, 11, 26];

interface Open {
  readonly index: MailIndex;
  readonly inode: number | null;
}

/** Opens indexes on demand and closes those not used lately. */
export class IndexPool {
  readonly #open = new Map<string, Open>();

  /** As `use`, but only where there is an index. */
  useExisting<T>(maildir: string, run: (index: MailIndex) => T): T | undefined {
    return inodeOf(`${maildir}/${INDEX_FILE_NAME}`) === undefined ? undefined : this.use(maildir, run);
  }

  /** Runs `run` on the index of a Maildir; undefined when there can be none. */
  use<T>(maildir: string, run: (index: MailIndex) => T): T | undefined {
    for (let attempt = 1;; attempt++) {
      try {
        return run(this.#get(maildir));
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.forget(maildir);
        if (!isSqliteError(error) && !(error instanceof LayoutError)) {
          if (isDiskError(error)) return undefined;
          throw error;
        }
        if (attempt > 1 || !isBroken(error)) return undefined;
        removeFiles(maildir);
      }
    }
  }

  /** Closes the index of a Maildir. */
  forget(maildir: string): void {
    const open = this.#open.get(maildir);
    this.#open.delete(maildir);
    if (open) closeQuietly(open.index);
  }

  /** Closes all. */
  close(): void {
    for (const maildir of [...this.#open.keys()]) this.forget(maildir);
  }

  #get(maildir: string): MailIndex {
    const path = `${maildir}/${INDEX_FILE_NAME}`;
    const open = this.#open.get(maildir);
    if (open) {
      this.#open.delete(maildir);
      if (inodeOf(path) === open.inode) {
        this.#open.set(maildir, open);
        return open.index;
      }
      closeQuietly(open.index); // the file was deleted under us
    }
    for (const oldest of this.#open.keys()) {
      if (this.#open.size < OPEN_MAX) break;
      this.forget(oldest);
    }
    const index = new MailIndex(path);
    this.#open.set(maildir, { index, inode: inodeOf(path) ?? null });
    return index;
  }
}

function inodeOf(path: string): number | null | undefined {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function removeFiles(maildir: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    try {
      Deno.removeSync(`${maildir}/${INDEX_FILE_NAME}${suffix}`);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

function closeQuietly(index: MailIndex): void {
  try {
    index.close();
  } catch (error) {
    if (!(error instanceof Error) || !isSqliteError(error)) throw error;
  }
}

function isSqliteError(error: Error): boolean {
  return "code" in error && error.code === "ERR_SQLITE_ERROR";
}

function isBroken(error: Error): boolean {
  return error instanceof LayoutError || ("errcode" in error && BROKEN_CODES.includes(Number(error.errcode) & 0xff));
}

/** The Maildir is gone, read-only or full: no index, but no surprise either. */
function isDiskError(error: Error): boolean {
  return error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied ||
    ("code" in error && ["ENOSPC", "EDQUOT", "EROFS"].includes(String(error.code)));
}
