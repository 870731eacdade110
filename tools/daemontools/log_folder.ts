/**
 * One automatically rotated log: `current`, old files `@label.s` and `@label.u`, `lock`, and for a processor `previous`,
 * `processed`, `state`, `newstate` [spec formats 18]. Trouble with the disk is told and waited for, for ever: a log that
 * stops its service is better than one with holes. After a crash between any two steps start() finds what was left.
 */
import { errorText, Temporary } from "../../core/errors.ts";
import { closeFd, OPEN, openFd, tryLockFile } from "../../core/libc/fd.ts";
import { spawnProgram } from "../../core/proc.ts";
import type { Disk, DiskFile, DiskStat } from "../../storage/disk.ts";
import { LOG_SIZE_SLACK_BYTES, type LogLimits } from "./log_script.ts";
import { formatStamp, nowNanoseconds, STAMP_BYTES } from "./stamp.ts";

/** How long multilog waits after trouble. */
export const LOG_PAUSE_MS = 5000;
const MODE_OPEN = 0o644;
/** The owner's execute bit says: complete. */
const MODE_COMPLETE = 0o744;
const COMPLETE_BIT = 0o100;
/** Written at a time: up to here Disk writes without the hop to a thread (storage/disk.ts). */
const APPEND_BYTES = 64 * 1024;
const LF = 10;

/** What a log needs of the world. */
export interface LogWorld {
  readonly disk: Disk;
  /** A line for the operator. */
  warn(text: string): void;
  sleep(durationMs: number): Promise<void>;
  /** False: never fsync. */
  readonly sync: boolean;
}

/** See above. Calls must not overlap. */
export class LogFolder {
  readonly #path: string;
  /** As the script has it, for messages. */
  readonly #name: string;
  readonly #limits: LogLimits;
  readonly #world: LogWorld;
  readonly #lock: number;
  #current: DiskFile | undefined;
  #sizeBytes = 0;
  /** What is being made of the file before. */
  #finishing: Promise<void> = Promise.resolve();

  /** Makes and locks the folder. Throws Temporary when that cannot be done. */
  constructor(path: string, options: { name: string; limits: LogLimits; world: LogWorld }) {
    this.#path = path;
    this.#name = options.name;
    this.#limits = options.limits;
    this.#world = options.world;
    this.#lock = lockFolder(path, options.name);
  }

  /** Opens `current`, after a crash with what it left put away. Throws Temporary. */
  async start(): Promise<void> {
    const { disk } = this.#world;
    try {
      const current = await this.#stat("current");
      if (current && (current.mode & COMPLETE_BIT) !== 0) {
        await this.#open();
        this.#sizeBytes = current.sizeBytes;
        return;
      }
      for (const name of ["state", "newstate"]) await this.#remove(name);
      const processed = await this.#stat("processed");
      if (processed && (processed.mode & COMPLETE_BIT) !== 0) {
        await this.#remove("previous");
        await this.#finish("processed", "s");
      } else {
        await this.#remove("processed");
        await this.#finish("previous", "u");
      }
      await this.#finish("current", "u");
      await this.#makeEmpty("state");
      await this.#open();
      this.#sizeBytes = (await disk.stat(this.#file("current"))).sizeBytes;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      throw new Temporary(`unable to open the log ${this.#name}: ${errorText(error)}`);
    }
  }

  /** Appends whole lines (or a part of a long one); ends `current` where the size says so. */
  async write(bytes: Uint8Array): Promise<void> {
    const limit = this.#limits.sizeBytes;
    if (limit === 0) return await this.#append(bytes);
    for (let at = 0; at < bytes.length;) {
      if (this.#sizeBytes >= limit) await this.rotate();
      let end = Math.min(bytes.length, at + limit - this.#sizeBytes);
      const nearly = at + limit - LOG_SIZE_SLACK_BYTES - this.#sizeBytes;
      const lf = end >= nearly ? bytes.indexOf(LF, Math.max(at, nearly - 1)) : -1;
      const ends = lf >= 0 && lf < end;
      if (ends) end = lf + 1;
      await this.#append(at === 0 && end === bytes.length ? bytes : bytes.subarray(at, end));
      if (ends) await this.rotate();
      at = end;
    }
  }

  /** Makes `current`, unless it is empty, an old file; what that takes goes on meanwhile. */
  async rotate(): Promise<void> {
    if (this.#sizeBytes === 0) return;
    await this.#finishing;
    const { disk } = this.#world;
    const before = this.#current;
    await this.#insist("rename current to previous in", async () => {
      // after a failure in the middle the name may be gone already
      if (await this.#stat("current")) await disk.rename(this.#file("current"), this.#file("previous"));
    });
    await this.#insist("create current in", () => this.#open());
    this.#sizeBytes = 0;
    this.#finishing = this.#complete(before);
  }

  /** Makes `current` safe and marks it complete. */
  async close(): Promise<void> {
    await this.#finishing;
    const { disk, sync } = this.#world;
    if (sync) await this.#insist("write current to disk in", async () => await this.#current?.sync({ metadata: true }));
    await this.#insist("set the mode of current in", () => disk.chmod(this.#file("current"), MODE_COMPLETE));
    this.release();
  }

  /** Closes the file and gives up the lock, leaving all as a crash would. */
  release(): void {
    this.#current?.close();
    this.#current = undefined;
    closeFd(this.#lock);
  }

  #file(name: string): string {
    return `${this.#path}/${name}`;
  }

  /** Runs until it succeeds. */
  async #insist(what: string, run: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (!(error instanceof Error)) throw error;
        this.#world.warn(`unable to ${what} ${this.#name}, pausing: ${errorText(error)}`);
        await this.#world.sleep(LOG_PAUSE_MS);
      }
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += APPEND_BYTES) {
      await this.#appendPart(bytes.length <= APPEND_BYTES ? bytes : bytes.subarray(at, at + APPEND_BYTES));
    }
  }

  async #appendPart(bytes: Uint8Array): Promise<void> {
    const target = this.#sizeBytes + bytes.length;
    const file = this.#current;
    if (!file) return;
    try {
      await file.append(bytes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      this.#world.warn(`unable to write to current in ${this.#name}, pausing: ${errorText(error)}`);
      await this.#world.sleep(LOG_PAUSE_MS);
      await this.#insist("write to current in", async () => {
        const written = (await file.stat()).sizeBytes; // a part may have fitted
        if (written < target) await file.append(bytes.subarray(bytes.length - (target - written)));
      });
    }
    this.#sizeBytes = target;
  }

  async #open(): Promise<void> {
    const { disk } = this.#world;
    this.#current = await disk.open(this.#file("current"), { append: true, create: true, mode: MODE_OPEN });
    await disk.chmod(this.#file("current"), MODE_OPEN);
  }

  async #stat(name: string): Promise<DiskStat | undefined> {
    try {
      return await this.#world.disk.stat(this.#file(name));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  async #remove(name: string): Promise<void> {
    try {
      await this.#world.disk.unlink(this.#file(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  async #makeEmpty(name: string): Promise<void> {
    const { disk } = this.#world;
    const path = this.#file(name);
    (await disk.open(path, { write: true, create: true, truncate: true, mode: MODE_OPEN })).close();
    await disk.chmod(path, MODE_OPEN); // whatever the umask is
  }

  /** Turns `previous`, still open as `file`, into an old file. */
  async #complete(file: DiskFile | undefined): Promise<void> {
    const { disk, sync } = this.#world;
    if (sync) await this.#insist("write previous to disk in", async () => await file?.sync({ metadata: true }));
    file?.close();
    await this.#insist("set the mode of previous in", () => disk.chmod(this.#file("previous"), MODE_COMPLETE));
    if (this.#limits.processor === undefined) {
      await this.#insist("finish previous in", () => this.#finish("previous", "s"));
      return;
    }
    await this.#insist("process the log", () => this.#process(this.#limits.processor ?? ""));
    await this.#insist("write processed to disk in", () => this.#syncFile("processed"));
    await this.#insist(
      "set the mode of processed in",
      () => disk.chmod(this.#file("processed"), MODE_COMPLETE),
    );
    await this.#insist("write newstate to disk in", () => this.#syncFile("newstate"));
    await this.#insist("remove previous in", () => this.#remove("previous"));
    await this.#insist(
      "rename newstate to state in",
      () => disk.rename(this.#file("newstate"), this.#file("state")),
    );
    await this.#insist("finish processed in", () => this.#finish("processed", "s"));
  }

  async #syncFile(name: string): Promise<void> {
    if (!this.#world.sync) return;
    const file = await this.#world.disk.open(this.#file(name), { read: true, write: true });
    try {
      await file.sync({ metadata: true });
    } finally {
      file.close();
    }
  }

  /** Runs the processor on `previous`. Throws Temporary unless it exits 0. */
  async #process(command: string): Promise<void> {
    if (!await this.#stat("state")) await this.#makeEmpty("state");
    for (const name of ["processed", "newstate"]) await this.#makeEmpty(name);
    const fds: { [child: number]: number } = { 2: 2 };
    const opened: number[] = [];
    try {
      for (const [child, name] of [[0, "previous"], [1, "processed"], [4, "state"], [5, "newstate"]] as const) {
        const how = child === 0 || child === 4 ? OPEN.read : OPEN.write;
        fds[child] = openFd(this.#file(name), how | OPEN.closeOnExec);
        opened.push(fds[child]);
      }
      const { ended } = spawnProgram(
        { program: "/bin/sh", argv0: "sh", args: ["-c", command], cwd: this.#path, fds },
        { entries: [], origin: { mainUrl: import.meta.url } },
      );
      const { code, signal } = await ended;
      if (signal !== 0) throw new Temporary(`the processor was ended by signal ${signal}: ${command}`);
      if (code !== 0) throw new Temporary(`the processor exited ${code}: ${command}`);
    } finally {
      opened.forEach(closeFd);
    }
  }

  /** Names a complete file by the time and removes what is too old. Can be repeated after it failed anywhere. */
  async #finish(name: string, code: "s" | "u"): Promise<void> {
    const found = await this.#stat(name);
    if (!found) return await this.#removeOldest();
    if (found.linkCount === 1) await this.#linkOld(name, code);
    await this.#remove(name);
    await this.#removeOldest();
  }

  async #linkOld(name: string, code: "s" | "u"): Promise<void> {
    for (let now = nowNanoseconds();; now++) {
      try {
        return await this.#world.disk.link(this.#file(name), this.#file(`${formatStamp(now)}.${code}`));
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      }
    }
  }

  async #removeOldest(): Promise<void> {
    const names = await this.#world.disk.readDirectory(this.#path);
    const old = names.filter((name) => name.startsWith("@") && name.length >= STAMP_BYTES).sort();
    for (const name of old.slice(0, Math.max(0, old.length - this.#limits.files + 1))) await this.#remove(name);
  }
}

function lockFolder(path: string, name: string): number {
  try {
    Deno.mkdirSync(path, { mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) {
      throw new Temporary(`unable to create the folder ${name}: ${errorText(error)}`);
    }
  }
  let lock: number | undefined;
  try {
    lock = tryLockFile(`${path}/lock`);
  } catch (error) {
    throw new Temporary(`unable to lock the folder ${name}: ${errorText(error)}`);
  }
  if (lock === undefined) throw new Temporary(`unable to lock the folder ${name}: another multilog writes there`);
  return lock;
}
