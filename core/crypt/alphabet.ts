/** The 64 characters of crypt(3)'s hashes [man crypt.5], and slices of long work. */

/** Digits by value, for all schemes but bcrypt. */
export const DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** `count` digits of a number, the lowest first. */
export function digitsOf(value: number, count: number): string {
  let text = "";
  for (let left = value; text.length < count; left >>>= 6) text += DIGITS[left & 63];
  return text;
}

/** How long work goes on without a pause, milliseconds. */
const SLICE_MS = 10;

/** Lets others run in between: `await slices.pause()` when `slices.due`. */
export class Slices {
  #sinceMs = performance.now();

  /** Whether it is time for a pause. */
  get due(): boolean {
    return performance.now() - this.#sinceMs >= SLICE_MS;
  }

  /** Resolves when others have run. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    this.#sinceMs = performance.now();
  }
}
