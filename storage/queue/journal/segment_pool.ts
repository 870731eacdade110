/**
 * Which segment is written next: the oldest, once nothing in it is needed; else a new one, up to the limit; else the oldest
 * after what is needed of it has been written out. Never another order: done marks must not go before their message.
 */
import { errorText } from "../../../core/errors.ts";
import type { Logger } from "../../../core/log.ts";
import type { Disk } from "../../disk.ts";
import { createSegment, type Segment } from "./segment.ts";

/** How the segments of a journal are kept. */
export interface SegmentPoolOptions {
  readonly disk: Disk;
  /** The folder of the segments. */
  readonly directory: string;
  readonly segmentBytes: number;
  readonly segmentsMax: number;
  readonly log: Logger;
  /** Writes out all that is needed of a segment, so that its `live` is 0. Throws when it cannot. */
  readonly writeOutSegment: (segment: Segment) => Promise<void>;
}

/** The segments of one journal. */
export class SegmentPool {
  readonly #options: SegmentPoolOptions;
  /** Oldest generation first; the one being written last. */
  readonly #segments: Segment[];
  #preparing: Promise<void> | undefined;
  #preparedFor: Segment | undefined;

  constructor(options: SegmentPoolOptions, segments: readonly Segment[]) {
    this.#options = options;
    this.#segments = [...segments];
  }

  /** How many there are. */
  get count(): number {
    return this.#segments.length;
  }

  /** The oldest generation, but for one segment, of which something is needed; undefined when there is none. */
  baseWithout(next: Segment): number | undefined {
    return this.#segments.find((segment) => segment !== next && segment.live > 0)?.header?.generation;
  }

  /** A segment in which nothing is needed. Throws when none can be had now. */
  async take(current: Segment | undefined): Promise<Segment> {
    await this.#preparing;
    const { segmentsMax, segmentBytes, disk } = this.#options;
    for (;;) {
      const oldest = this.#oldest(current);
      if (oldest?.free && oldest.sizeBytes === segmentBytes) return oldest;
      if (oldest?.free) {
        await disk.unlink(oldest.path); // of another size than is asked for now
        oldest.close();
        this.#segments.splice(this.#segments.indexOf(oldest), 1);
        continue;
      }
      if (this.#segments.length < segmentsMax) return await this.#add(oldest);
      if (!oldest) throw new Error("queue journal needs two segments");
      await this.#makeFree(oldest);
    }
  }

  /** A segment has its new generation: it is the youngest now. */
  began(segment: Segment): void {
    this.#segments.splice(this.#segments.indexOf(segment), 1);
    this.#segments.push(segment);
    this.#preparedFor = undefined;
  }

  /** Makes the next one ready while there is time, once for each segment, so that its turn costs nobody a wait. */
  prepare(current: Segment): void {
    if (this.#preparing || this.#preparedFor === current) return;
    this.#preparedFor = current;
    const oldest = this.#oldest(current);
    if (oldest?.free) return;
    const { segmentsMax, segmentBytes, disk, directory, log, writeOutSegment } = this.#options;
    const prepare = async () => {
      if (this.#segments.length < segmentsMax) {
        this.#segments.unshift(await createSegment(disk, directory, segmentBytes));
      } else if (oldest) await writeOutSegment(oldest);
    };
    this.#preparing = prepare().catch((error: unknown) => {
      log.line(`warning: cannot make the next journal segment ready: ${errorText(error)}`);
    }).finally(() => this.#preparing = undefined);
  }

  /** Resolves when nothing is being made ready. */
  async idle(): Promise<void> {
    await this.#preparing;
  }

  /** Closes their files. */
  close(): void {
    for (const segment of this.#segments) segment.close();
  }

  #oldest(current: Segment | undefined): Segment | undefined {
    return this.#segments.find((segment) => segment !== current);
  }

  async #add(oldest: Segment | undefined): Promise<Segment> {
    const { segmentBytes, disk, directory } = this.#options;
    try {
      const segment = await createSegment(disk, directory, segmentBytes);
      this.#segments.unshift(segment);
      return segment;
    } catch (error) {
      if (!oldest) throw error;
      await this.#makeFree(oldest); // no room for more: use what there is
      return oldest;
    }
  }

  async #makeFree(segment: Segment): Promise<void> {
    await this.#options.writeOutSegment(segment);
    await segment.readsDone();
    if (!segment.free) throw new Error(`journal segment ${segment.path} is still in use`);
  }
}
