/**
 * Every file operation of storage goes through a Disk, so that the crash tests can make any one of them fail, record
 * them, and replay what a power cut leaves. The real one is `realDisk`; tests/crash has the others. Beside reading, an
 * operation here is one that a crash can fall between.
 */

/** An open file. Offsets and sizes in bytes. */
export interface DiskFile {
  /** Fills a part of `into` from `at`; the count of bytes, 0 at the end. */
  readAt(into: Uint8Array, at: number): Promise<number>;
  /** Writes all of `bytes` at `at`. */
  writeAt(bytes: Uint8Array, at: number): Promise<void>;
  /** Appends all of `bytes` at the file's position. */
  append(bytes: Uint8Array): Promise<void>;
  /** fdatasync(2), or fsync(2) with `metadata`. */
  sync(options?: { readonly metadata?: boolean }): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  stat(): Promise<DiskStat>;
  close(): void;
}

/** What stat(2) tells that storage needs. */
export interface DiskStat {
  readonly kind: "file" | "directory" | "link" | "other";
  readonly sizeBytes: number;
  readonly modifiedMs: number;
  readonly inode: number;
  readonly device: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly linkCount: number;
}

/** How a file is opened. `createNew` is O_EXCL. */
export interface OpenOptions {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly append?: boolean;
  readonly create?: boolean;
  readonly createNew?: boolean;
  readonly truncate?: boolean;
  readonly mode?: number;
}

/** File operations. All throw Deno.errors (NotFound, AlreadyExists, …) or an Error with `code` ENOSPC and the like. */
export interface Disk {
  open(path: string, options: OpenOptions): Promise<DiskFile>;
  readFile(path: string): Promise<Uint8Array>;
  readDirectory(path: string): Promise<string[]>;
  stat(path: string): Promise<DiskStat>;
  lstat(path: string): Promise<DiskStat>;
  mkdir(path: string, options?: { readonly recursive?: boolean; readonly mode?: number }): Promise<void>;
  link(from: string, to: string): Promise<void>;
  symlink(target: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  rmdir(path: string): Promise<void>;
  chmod(path: string, mode: number): Promise<void>;
  chown(path: string, uid: number, gid: number): Promise<void>;
  utime(path: string, accessedMs: number, modifiedMs: number): Promise<void>;
  /** fsync(2) of a directory: names in it are durable afterwards. */
  syncDirectory(path: string): Promise<void>;
}

/** Up to here a write goes into the page cache at once; a longer one would hold up everything else meanwhile. */
const WRITE_SYNC_BYTES_MAX = 64 * 1024;

class RealFile implements DiskFile {
  readonly #file: Deno.FsFile;

  constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  async readAt(into: Uint8Array, at: number): Promise<number> {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    return (await this.#file.read(into)) ?? 0;
  }

  /** Into the page cache: a hop to a thread and back costs more than the copy; the sync that follows waits elsewhere. */
  writeAt(bytes: Uint8Array, at: number): Promise<void> {
    return Promise.resolve().then(() => {
      this.#file.seekSync(at, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) done += this.#file.writeSync(bytes.subarray(done));
    });
  }

  async append(bytes: Uint8Array): Promise<void> {
    let done = 0;
    if (bytes.length <= WRITE_SYNC_BYTES_MAX) {
      await Promise.resolve();
      while (done < bytes.length) done += this.#file.writeSync(bytes.subarray(done));
    } else while (done < bytes.length) done += await this.#file.write(bytes.subarray(done));
  }

  async sync(options: { readonly metadata?: boolean } = {}): Promise<void> {
    await (options.metadata ? this.#file.sync() : this.#file.syncData());
  }

  async truncate(sizeBytes: number): Promise<void> {
    await this.#file.truncate(sizeBytes);
  }

  stat(): Promise<DiskStat> {
    return Promise.resolve(statOf(this.#file.statSync()));
  }

  close(): void {
    this.#file.close();
  }
}

function statOf(stat: Deno.FileInfo): DiskStat {
  return {
    kind: stat.isFile ? "file" : stat.isDirectory ? "directory" : stat.isSymlink ? "link" : "other",
    sizeBytes: stat.size,
    modifiedMs: stat.mtime?.getTime() ?? 0,
    inode: stat.ino ?? 0,
    device: stat.dev,
    mode: stat.mode ?? 0,
    uid: stat.uid ?? 0,
    gid: stat.gid ?? 0,
    linkCount: stat.nlink ?? 1,
  };
}

/**
 * The real disk. Metadata calls are synchronous: measured, they cost 2 to 10 µs where the asynchronous form costs 50;
 * writes and syncs are asynchronous, since they wait for the device.
 */
export const realDisk: Disk = {
  open(path, options) {
    return Promise.resolve().then(() => new RealFile(Deno.openSync(path, options)));
  },
  readFile: (path) => Deno.readFile(path),
  readDirectory(path) {
    return Promise.resolve().then(() => {
      const names: string[] = [];
      for (const entry of Deno.readDirSync(path)) names.push(entry.name);
      return names;
    });
  },
  stat: (path) => Promise.resolve().then(() => statOf(Deno.statSync(path))),
  lstat: (path) => Promise.resolve().then(() => statOf(Deno.lstatSync(path))),
  mkdir: (path, options) => Promise.resolve().then(() => Deno.mkdirSync(path, options)),
  link: (from, to) => Promise.resolve().then(() => Deno.linkSync(from, to)),
  symlink: (target, path) => Promise.resolve().then(() => Deno.symlinkSync(target, path)),
  rename: (from, to) => Promise.resolve().then(() => Deno.renameSync(from, to)),
  unlink: (path) => Promise.resolve().then(() => Deno.removeSync(path)),
  rmdir: (path) => Promise.resolve().then(() => Deno.removeSync(path)),
  chmod: (path, mode) => Promise.resolve().then(() => Deno.chmodSync(path, mode)),
  chown: (path, uid, gid) => Promise.resolve().then(() => Deno.chownSync(path, uid, gid)),
  utime: (path, accessedMs, modifiedMs) =>
    Promise.resolve().then(() => Deno.utimeSync(path, accessedMs / 1000, modifiedMs / 1000)),
  async syncDirectory(path) {
    const directory = Deno.openSync(path, { read: true });
    try {
      await directory.sync();
    } finally {
      directory.close();
    }
  },
};
