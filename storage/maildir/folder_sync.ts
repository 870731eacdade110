/**
 * Makes the names of delivered messages durable in groups: the folders touched in the last moments are synced together,
 * each once, and the deliveries they hold are then told to be safe from a power cut [DESIGN 5.4]. Until told, the queue
 * keeps its record and would repeat the delivery, which is idempotent.
 */
import type { Disk } from "../disk.ts";

/** How deliveries are gathered. */
export interface FolderSyncOptions<T> {
  readonly disk: Disk;
  /** Called with the tokens whose folders are on disk. */
  readonly onDurable: (tokens: readonly T[]) => void;
  /** Called once a folder could not be synced ATTEMPTS_MAX times: its deliveries are not known to be durable. */
  readonly onFailed: (tokens: readonly T[], error: unknown) => void;
  /** How long deliveries are gathered, milliseconds; 200 unless given (100 to 500 are sensible). */
  readonly delayMs?: number;
  /** syncfs(2) of the filesystem that holds the folder, where the role has it: taken when many folders are touched. */
  readonly syncFilesystem?: (folder: string) => Promise<void>;
}

/** Delay unless given, milliseconds. */
export const FOLDER_SYNC_DELAY_MS = 200;
/** Folders synced at the same time. */
const PARALLEL_MAX = 8;
/** Folders in a group from which one syncfs is cheaper (measured: a folder costs 0.3 to 1 ms, syncfs 1 to 3 ms). */
const SYNCFS_FOLDERS_MIN = 6;
/** Tries at a folder before its deliveries are given up as not durable. */
const ATTEMPTS_MAX = 3;
/** Deliveries waiting from which a group is synced without delay. */
const WAITING_MAX = 2000;

interface Waiting<T> {
  tokens: T[];
  attempts: number;
}

/** Gathers touched folders and syncs them. `T` is what the owner knows a delivery by. */
export class FolderSync<T> {
  readonly #options: FolderSyncOptions<T>;
  #waiting = new Map<string, Waiting<T>>();
  #count = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;

  constructor(options: FolderSyncOptions<T>) {
    this.#options = options;
  }

  /** Deliveries whose folders are not yet synced. */
  get waiting(): number {
    return this.#count;
  }

  /** Tells that a name was added to `folder` (the path of a new/ or cur/) for the delivery `token`. */
  touched(folder: string, token: T): void {
    const entry = this.#waiting.get(folder);
    if (entry) entry.tokens.push(token);
    else this.#waiting.set(folder, { tokens: [token], attempts: 0 });
    this.#count++;
    if (this.#count >= WAITING_MAX) this.#start();
    else this.#timer ??= setTimeout(() => this.#start(), this.#options.delayMs ?? FOLDER_SYNC_DELAY_MS);
  }

  /** Syncs what waits, now; resolves when nothing waits any more. Call it before the end. */
  async flush(): Promise<void> {
    while (this.#running || this.#waiting.size > 0) {
      if (!this.#running) this.#start();
      await this.#running;
    }
    this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #start(): void {
    this.#stopTimer();
    if (this.#running) return; // the end of that run starts the next
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#waiting.size > 0) {
        this.#timer ??= setTimeout(() => this.#start(), this.#options.delayMs ?? FOLDER_SYNC_DELAY_MS);
      }
    });
  }

  async #run(): Promise<void> {
    const group = this.#waiting;
    this.#waiting = new Map();
    const folders = [...group.keys()];
    const syncFilesystem = this.#options.syncFilesystem;
    if (
      syncFilesystem && folders.length >= SYNCFS_FOLDERS_MIN && await this.#syncFilesystems(folders, syncFilesystem)
    ) {
      return this.#durable([...group.values()].flatMap((entry) => entry.tokens));
    }
    const durable: T[] = [];
    let next = 0;
    const worker = async () => {
      for (let at = next++; at < folders.length; at = next++) {
        const folder = folders[at]!;
        const entry = group.get(folder)!;
        try {
          await this.#options.disk.syncDirectory(folder);
          for (const token of entry.tokens) durable.push(token);
        } catch (error) {
          this.#failed(folder, entry, error);
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(PARALLEL_MAX, folders.length) }, worker));
    this.#durable(durable);
  }

  /** One syncfs for each filesystem among the folders; false when one failed (then each folder is synced by itself). */
  async #syncFilesystems(folders: readonly string[], sync: (folder: string) => Promise<void>): Promise<boolean> {
    try {
      const byDevice = new Map<number, string>();
      for (const folder of folders) byDevice.set((await this.#options.disk.stat(folder)).device, folder);
      for (const folder of byDevice.values()) await sync(folder);
      return true;
    } catch {
      return false; // a folder that is gone, or no such call: the slow way says which
    }
  }

  #durable(tokens: readonly T[]): void {
    this.#count -= tokens.length;
    if (tokens.length > 0) this.#options.onDurable(tokens);
  }

  #failed(folder: string, entry: Waiting<T>, error: unknown): void {
    if (++entry.attempts >= ATTEMPTS_MAX) {
      this.#count -= entry.tokens.length;
      return this.#options.onFailed(entry.tokens, error);
    }
    const newer = this.#waiting.get(folder);
    if (newer) {
      newer.tokens.unshift(...entry.tokens);
      newer.attempts = entry.attempts;
    } else this.#waiting.set(folder, entry);
  }
}
