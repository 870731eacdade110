/**
 * multilog's work without its process: takes bytes, writes logs. Run by multilog on its standard input and by svscan for
 * each service whose log/run is a plain multilog line. Calls are carried out in order, one at a time.
 */
import { latin1Text } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type Disk, type DiskFile, realDisk } from "../../storage/disk.ts";
import { LOG_PAUSE_MS, LogFolder, type LogWorld } from "./log_folder.ts";
import { type ChunkOutput, LINE_HEAD_BYTES_MAX, LogLines } from "./log_lines.ts";
import { type LogScript, parseLogScript } from "./log_script.ts";

/** What a log is opened with. */
export interface LogEngineOptions {
  /** What relative names in the script begin at. */
  readonly directory: string;
  readonly disk?: Disk;
  /** A line for the operator: trouble with the disk, actions that do nothing. */
  warn(text: string): void;
  /** Lines of the action e, each with its newline; without it they go to `warn`. */
  alert?(bytes: Uint8Array): void;
  /** False: no fsync (NOFSYNC). */
  readonly sync?: boolean;
  sleep?(durationMs: number): Promise<void>;
}

function pathIn(directory: string, name: string): string {
  return name.startsWith("/") ? name : `${directory}/${name}`;
}

/** See above. */
export class LogEngine {
  readonly #script: LogScript;
  readonly #options: LogEngineOptions;
  readonly #world: LogWorld;
  readonly #lines: LogLines;
  readonly #folders: LogFolder[] = [];
  readonly #statuses = new Map<number, DiskFile>();
  #rotation: ReturnType<typeof setTimeout> | undefined;
  /** The call before; each waits for it. */
  #last: Promise<void>;
  #closed = false;

  /**
   * Makes and locks the folders of a script. Throws Usage for a script that cannot be carried out, Temporary when a
   * folder cannot be made or another process has it.
   */
  static open(script: readonly string[], options: LogEngineOptions): LogEngine {
    return new LogEngine(parseLogScript(script, options.warn), options);
  }

  private constructor(script: LogScript, options: LogEngineOptions) {
    this.#script = script;
    this.#options = options;
    this.#world = {
      disk: options.disk ?? realDisk,
      warn: options.warn,
      sleep: options.sleep ?? ((durationMs) => new Promise((resolve) => setTimeout(resolve, durationMs))),
      sync: options.sync ?? true,
    };
    this.#lines = new LogLines(script);
    try {
      for (const action of script.actions) {
        if (action.kind !== "folder") continue;
        const path = pathIn(options.directory, action.path);
        this.#folders.push(new LogFolder(path, { name: action.path, limits: action.limits, world: this.#world }));
      }
    } catch (error) {
      for (const folder of this.#folders) folder.release();
      throw error;
    }
    this.#last = this.#start();
    this.#last.catch(() => {}); // told by ready() and by every write
  }

  /** Resolves when the logs are open; until then nothing should be read. Rejects with Temporary. */
  ready(): Promise<void> {
    return this.#last;
  }

  /** Takes the next bytes of the stream; resolves when they are written. Rejects with Temporary when nothing is open. */
  write(bytes: Uint8Array): Promise<void> {
    return this.#next(() => this.#put(this.#lines.push(bytes)));
  }

  /** Makes every log that is not empty an old file (ALRM). */
  rotate(): void {
    this.#inBackground(async () => {
      for (const folder of this.#folders) await folder.rotate();
    });
  }

  /** Lines begin deselected until told otherwise (INT and HUP). */
  setLogging(logging: boolean): void {
    this.#inBackground(() => Promise.resolve(void (this.#lines.logging = logging)));
  }

  /** True when the bytes so far end with a newline, or there were none. */
  get atLineStart(): boolean {
    return this.#lines.atLineStart;
  }

  /** Writes what is left, with a newline where the last line has none, makes all safe and gives up the locks (TERM). */
  async close(): Promise<void> {
    if (this.#closed) return await this.#last;
    const closing = this.#next(async () => {
      clearTimeout(this.#rotation);
      await this.#put(this.#lines.end());
      for (const folder of this.#folders) await folder.close();
      this.#closeStatuses();
    });
    this.#closed = true;
    await closing;
  }

  #next(run: () => Promise<void>): Promise<void> {
    if (this.#closed) return Promise.reject(new Temporary("the log is closed"));
    this.#last = this.#last.then(run);
    return this.#last;
  }

  #inBackground(run: () => Promise<void>): void {
    this.#next(run).catch(() => {}); // only after a failed start, which ready() and write() tell
  }

  #closeStatuses(): void {
    for (const file of this.#statuses.values()) file.close();
    this.#statuses.clear();
  }

  async #start(): Promise<void> {
    try {
      await this.#openStatuses();
      for (const folder of this.#folders) await folder.start();
      this.#planRotation();
    } catch (error) {
      for (const folder of this.#folders) folder.release();
      this.#closeStatuses();
      throw error;
    }
  }

  async #openStatuses(): Promise<void> {
    for (const [place, action] of this.#script.actions.entries()) {
      if (action.kind !== "status") continue;
      try {
        const path = pathIn(this.#options.directory, action.path);
        this.#statuses.set(place, await this.#world.disk.open(path, { write: true, create: true, mode: 0o600 }));
      } catch (error) {
        throw new Temporary(`unable to create the status file ${action.path}: ${errorText(error)}`);
      }
    }
  }

  /** At the next multiple of the time asked for. */
  #planRotation(): void {
    const everyMs = this.#script.rotateSeconds * 1000;
    if (everyMs === 0) return;
    this.#rotation = setTimeout(() => {
      this.rotate();
      this.#planRotation();
    }, everyMs - Date.now() % everyMs);
  }

  async #put(output: ChunkOutput): Promise<void> {
    if (output.alerts.length > 0) {
      if (this.#options.alert) this.#options.alert(output.alerts);
      else for (const line of latin1Text(output.alerts).trimEnd().split("\n")) this.#options.warn(line);
    }
    for (const [place, head] of output.statuses) await this.#writeStatus(place, head);
    for (let place = 0; place < this.#folders.length; place++) {
      const bytes = output.folders[place]!;
      if (bytes.length > 0) await this.#folders[place]!.write(bytes);
    }
  }

  #statusName(place: number): string {
    const action = this.#script.actions[place];
    return action?.kind === "status" ? action.path : "";
  }

  async #writeStatus(place: number, head: Uint8Array): Promise<void> {
    const content = new Uint8Array(LINE_HEAD_BYTES_MAX + 1).fill(10);
    content.set(head);
    for (;;) {
      try {
        return await this.#statuses.get(place)?.writeAt(content, 0);
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#world.warn(`unable to write the status file ${this.#statusName(place)}, pausing: ${errorText(error)}`);
        await this.#world.sleep(LOG_PAUSE_MS);
      }
    }
  }
}
