/**
 * A log folder: `current`, and older files named by the time of their end. Lines of one tick go out in one write. For
 * the supervisor; multilog has its own.
 */

/** Size at which `current` becomes an older file. */
export const LOG_FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Older files kept. */
export const LOG_FILES_KEPT = 10;
/** Bytes of lines that may wait to be written; above it lines are dropped and counted. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024;

/** Limits of a log folder. */
export interface LogFileOptions {
  readonly fileBytesMax?: number;
  readonly filesKept?: number;
  /** Mode of the files; logs hold addresses. */
  readonly mode?: number;
}

/** Appends lines to the log of one folder. */
export class LogFile {
  readonly #folder: string;
  readonly #options: Required<LogFileOptions>;
  readonly #encoder = new TextEncoder();
  #file: Deno.FsFile;
  #sizeBytes: number;
  #waiting = "";
  #dropped = 0;
  #writing: Promise<void> | undefined;

  /** Opens the folder's log; throws Deno.errors when that cannot be done. */
  constructor(folder: string, options: LogFileOptions = {}) {
    this.#folder = folder;
    this.#options = { fileBytesMax: LOG_FILE_BYTES_MAX, filesKept: LOG_FILES_KEPT, mode: 0o640, ...options };
    this.#file = this.#open();
    this.#sizeBytes = this.#file.statSync().size;
  }

  #open(): Deno.FsFile {
    return Deno.openSync(`${this.#folder}/current`, { append: true, create: true, mode: this.#options.mode });
  }

  /** Appends a line. */
  line(text: string): void {
    if (this.#waiting.length > WAITING_BYTES_MAX) {
      this.#dropped++;
      return;
    }
    this.#waiting += `${text}\n`;
    this.#writing ??= this.#drain();
  }

  async #drain(): Promise<void> {
    await Promise.resolve();
    while (this.#waiting !== "") {
      const bytes = this.#encoder.encode(this.#waiting);
      this.#waiting = "";
      try {
        for (let done = 0; done < bytes.length;) done += await this.#file.write(bytes.subarray(done));
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#dropped++; // a full disk must not stop the services
      }
      if (this.#dropped > 0 && this.#waiting !== "") {
        this.#waiting += `log: ${this.#dropped} writes failed or lines dropped\n`;
        this.#dropped = 0;
      }
      this.#sizeBytes += bytes.length;
      if (this.#sizeBytes >= this.#options.fileBytesMax) this.#rotate();
    }
    this.#writing = undefined;
  }

  #rotate(): void {
    const older = `${new Date().toISOString().replaceAll(":", "")}.log`;
    Deno.renameSync(`${this.#folder}/current`, `${this.#folder}/${older}`);
    this.#file.close();
    this.#file = this.#open();
    this.#sizeBytes = 0;
    const names = [...Deno.readDirSync(this.#folder)].map(({ name }) => name).filter((name) => name.endsWith(".log"));
    for (const name of names.sort().slice(0, -this.#options.filesKept)) Deno.removeSync(`${this.#folder}/${name}`);
  }

  /** Writes what is waiting and closes the file. */
  async close(): Promise<void> {
    while (this.#writing) await this.#writing;
    this.#file.close();
  }
}
