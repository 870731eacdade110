/**
 * A file that grows, followed by name: over truncation, and over rotation to its last byte before the new file is begun.
 * Polled; nothing is held open but the file itself.
 */

const READ_BYTES = 64 * 1024;

/** What a look at the file found. */
export type FollowState = "present" | "missing";

/** Where to begin. */
export interface FollowOptions {
  /** Byte to begin at in the first file, or its end. Files that come later are read from their beginning. */
  readonly start: number | "end";
}

/** See above. Calls must not overlap. */
export class FollowedFile {
  readonly path: string;
  #file: Deno.FsFile | undefined;
  #inode = 0;
  #device = 0;
  #position = 0;
  #start: number | "end";
  readonly #buffer = new Uint8Array(READ_BYTES);

  constructor(path: string, { start }: FollowOptions) {
    this.path = path;
    this.#start = start;
  }

  /** The inode of the file that is read; 0 before the first. */
  get inode(): number {
    return this.#inode;
  }

  /**
   * Hands on what is new, in pieces of 64 KB at most. `onNewFile` is told when the bytes that follow are of another file,
   * or of the same one cut short. Throws Deno.errors for what is not just absence.
   */
  async poll(
    onBytes: (bytes: Uint8Array) => Promise<void>,
    onNewFile: () => void = () => undefined,
  ): Promise<FollowState> {
    const file = this.#file ?? this.#open();
    if (!file) return "missing";
    await this.#drain(file, onBytes);
    const found = this.#stat();
    if (!found) return "missing";
    if (found.ino !== this.#inode || found.dev !== this.#device) {
      await this.#drain(file, onBytes); // what was written between the last read and the rotation
      this.close();
      this.#start = 0;
      onNewFile();
      const next = this.#open();
      if (!next) return "missing";
      await this.#drain(next, onBytes);
    } else if (found.size < this.#position) {
      file.seekSync(0, Deno.SeekMode.Start);
      this.#position = 0;
      onNewFile();
      await this.#drain(file, onBytes);
    }
    return "present";
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  #stat(): Deno.FileInfo | undefined {
    try {
      return Deno.statSync(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  }

  #open(): Deno.FsFile | undefined {
    let file: Deno.FsFile;
    try {
      file = Deno.openSync(this.path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
    const { ino, dev, size } = file.statSync();
    this.#inode = ino ?? 0;
    this.#device = dev;
    this.#position = this.#start === "end" ? size : Math.min(this.#start, size);
    this.#start = 0;
    file.seekSync(this.#position, Deno.SeekMode.Start);
    this.#file = file;
    return file;
  }

  async #drain(file: Deno.FsFile, onBytes: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    for (;;) {
      const count = await file.read(this.#buffer);
      if (count === null || count === 0) return;
      this.#position += count;
      await onBytes(this.#buffer.subarray(0, count));
    }
  }
}
