/** One log that is shipped: what is new since the checkpoint, as whole lines, over rotation and truncation. */
import { concatBytes } from "../../../core/bytes.ts";
import type { CheckpointFolder } from "./checkpoint.ts";
import { FollowedFile } from "./follow_file.ts";
import { BATCH_LINES, SHIP_LINE_BYTES_MAX, type ShipLine } from "./ship.ts";

const LF = 10;

/** Sends lines; resolves when they are taken. */
export type SendLines = (file: string, lines: readonly ShipLine[]) => Promise<void>;

/** See above. After a failed poll a new ShippedFile must be made: it begins at the checkpoint. */
export class ShippedFile {
  readonly #path: string;
  readonly #checkpoints: CheckpointFolder;
  readonly #followed: FollowedFile;
  #inode: number;
  #position: number;
  #count: number;
  #rest = new Uint8Array(0);

  /** Throws Deno.errors.NotFound when there is no such file. */
  constructor(path: string, checkpoints: CheckpointFolder) {
    this.#path = path;
    this.#checkpoints = checkpoints;
    const { ino, size } = Deno.statSync(path);
    this.#inode = ino ?? 0;
    const known = checkpoints.read(this.#inode);
    this.#count = known.count;
    this.#position = known.position <= size ? known.position : 0; // cut short since then
    this.#followed = new FollowedFile(path, { start: this.#position });
  }

  /** Sends all whole lines that are new and keeps how far that was. */
  async poll(send: SendLines): Promise<void> {
    await this.#followed.poll((bytes) => this.#take(bytes, send), () => {
      this.#rest = new Uint8Array(0);
      this.#position = 0;
      this.#inode = 0; // found when the first bytes come
    });
  }

  close(): void {
    this.#followed.close();
  }

  async #take(bytes: Uint8Array, send: SendLines): Promise<void> {
    if (this.#inode === 0) this.#inode = this.#followed.inode;
    const all = this.#rest.length === 0 ? bytes : concatBytes(this.#rest, bytes);
    let start = 0;
    let lines: ShipLine[] = [];
    const flush = async () => {
      if (lines.length === 0) return;
      await send(this.#path, lines);
      this.#count += lines.length;
      lines = [];
      this.#checkpoints.write(this.#inode, { position: this.#position + start, count: this.#count });
    };
    for (;;) {
      const lf = all.indexOf(LF, start);
      const isWhole = lf >= 0 && lf - start <= SHIP_LINE_BYTES_MAX;
      if (!isWhole && all.length - start < SHIP_LINE_BYTES_MAX) break;
      const end = isWhole ? lf : start + SHIP_LINE_BYTES_MAX;
      lines.push({ bytes: all.subarray(start, end), count: this.#count + lines.length });
      start = isWhole ? end + 1 : end;
      if (lines.length >= BATCH_LINES) await flush();
    }
    await flush();
    this.#position += start;
    this.#rest = new Uint8Array(all.subarray(start));
  }
}
