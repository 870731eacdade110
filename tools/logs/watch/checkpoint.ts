/**
 * How far a log was shipped: a file INODE.seek with the byte position and the count of lines, two 64-bit numbers in the
 * machine's order, as the original keeps them [man logclient.1]. Written whole and renamed, so a crash leaves the old one.
 */
import { errorText, Temporary } from "../../../core/errors.ts";

const CHECKPOINT_BYTES = 16;

/** Bytes and lines of a log that have been acknowledged. */
export interface Checkpoint {
  readonly position: number;
  readonly count: number;
}

/** Checkpoints of the logs of one folder. */
export class CheckpointFolder {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** That of a log; the beginning when there is none. Throws Temporary. */
  read(inode: number): Checkpoint {
    const path = this.#path(inode);
    try {
      if (!Deno.lstatSync(path).isFile) throw new Temporary("that is no file");
      const bytes = Deno.readFileSync(path);
      if (bytes.length < CHECKPOINT_BYTES) return { position: 0, count: 0 };
      const view = new DataView(bytes.buffer);
      return { position: Number(view.getBigInt64(0, true)), count: Number(view.getBigInt64(8, true)) };
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return { position: 0, count: 0 };
      throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
    }
  }

  /** Throws Temporary. */
  write(inode: number, { position, count }: Checkpoint): void {
    const bytes = new Uint8Array(CHECKPOINT_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigInt64(0, BigInt(position), true);
    view.setBigInt64(8, BigInt(count), true);
    const path = this.#path(inode);
    try {
      Deno.writeFileSync(`${path}.new`, bytes, { mode: 0o644, createNew: true });
      Deno.renameSync(`${path}.new`, path);
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) Deno.removeSync(`${path}.new`); // of a run that was killed
      throw new Temporary(`unable to write ${path}: ${errorText(error)}`);
    }
  }

  #path(inode: number): string {
    return `${this.#folder}/${inode}.seek`;
  }
}
