/**
 * Sums by time in constant memory: buckets that all become wider when there would be too many. Times are seconds since
 * 1970 and may come in any order.
 */

/** Buckets that a series has at most; a plot has room for as many bars. */
export const BUCKETS_MAX = 160;
/** Widths in seconds; each is a multiple of the one before. */
const WIDTHS = [1, 5, 15, 60, 300, 900, 3600, 10_800, 21_600, 86_400, 604_800, 2_419_200];

/** One bucket: its first second and its sums. */
export interface Bucket {
  readonly start: number;
  readonly sums: readonly number[];
}

/** Sums of some fields. */
export class TimeSeries {
  readonly #fields: number;
  readonly #keepLargest: boolean;
  readonly #buckets = new Map<number, Float64Array>();
  #width: number;
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /** With `largest` a bucket keeps the largest number instead of the sum. `width`: seconds of a bucket at first. */
  constructor(fields: number, options: { readonly largest?: boolean; readonly width?: number } = {}) {
    this.#fields = fields;
    this.#keepLargest = options.largest ?? false;
    this.#width = options.width ?? WIDTHS[0] ?? 1;
  }

  /** Seconds of a bucket. */
  get width(): number {
    return this.#width;
  }

  /** Adds an amount to a field at a time. */
  add(seconds: number, field: number, amount: number): void {
    if (!Number.isFinite(seconds)) return;
    this.#reach(seconds);
    this.#put(Math.floor(seconds / this.#width), field, amount);
  }

  /** Adds to a field, in each bucket, the seconds of it that lie between two times. */
  addSpan(from: number, to: number, field: number): void {
    if (!Number.isFinite(from) || !Number.isFinite(to) || to < from) return;
    this.#reach(from);
    this.#reach(to);
    for (let index = Math.floor(from / this.#width); index * this.#width < to; index++) {
      const start = index * this.#width;
      this.#put(index, field, Math.min(to, start + this.#width) - Math.max(from, start));
    }
  }

  /** All buckets from the first to the last, also empty ones. */
  buckets(): Bucket[] {
    if (this.#first > this.#last) return [];
    const empty = new Float64Array(this.#fields);
    return Array.from({ length: this.#last - this.#first + 1 }, (_, at) => {
      const index = this.#first + at;
      return { start: index * this.#width, sums: [...this.#buckets.get(index) ?? empty] };
    });
  }

  #put(index: number, field: number, amount: number): void {
    let sums = this.#buckets.get(index);
    if (!sums) this.#buckets.set(index, sums = new Float64Array(this.#fields));
    const before = sums[field] ?? 0;
    sums[field] = this.#keepLargest ? Math.max(before, amount) : before + amount;
  }

  /** Makes the buckets so wide that one at `seconds` is among BUCKETS_MAX. */
  #reach(seconds: number): void {
    for (;;) {
      const index = Math.floor(seconds / this.#width);
      const first = Math.min(this.#first, index);
      const last = Math.max(this.#last, index);
      if (last - first < BUCKETS_MAX) {
        this.#first = first;
        this.#last = last;
        return;
      }
      this.#widen(WIDTHS.find((width) => width > this.#width && width % this.#width === 0) ?? this.#width * 2);
    }
  }

  #widen(width: number): void {
    const factor = width / this.#width;
    const old = [...this.#buckets];
    this.#buckets.clear();
    this.#width = width;
    if (this.#first <= this.#last) {
      this.#first = Math.floor(this.#first / factor);
      this.#last = Math.floor(this.#last / factor);
    }
    for (const [index, sums] of old) {
      sums.forEach((amount, field) => this.#put(Math.floor(index / factor), field, amount));
    }
  }
}
