/** A line that says how far a long run is: on a terminal only, drawn over itself. */
import { utf8Bytes } from "../../core/bytes.ts";
import type { ByteWriter } from "../../core/stream.ts";

/** Pause between two drawings, milliseconds. */
const DRAW_MS = 200;

/** Draws how far a run is. */
export class ProgressLine {
  readonly #terminal: ByteWriter | undefined;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  #drawnMs = -Infinity;

  /** Without a terminal nothing is drawn. */
  constructor(terminal: ByteWriter | undefined, nowMs: () => number) {
    this.#terminal = terminal;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  /** `part` is from 0 to 1; undefined where the whole is not known. */
  async draw(lines: number, part?: number): Promise<void> {
    const nowMs = this.#nowMs();
    if (!this.#terminal || nowMs - this.#drawnMs < DRAW_MS) return;
    this.#drawnMs = nowMs;
    await this.#terminal.write(utf8Bytes(`\r${progressText(lines, nowMs - this.#startMs, part)}\x1b[K`));
  }

  /** Takes the line away. */
  async clear(): Promise<void> {
    if (this.#drawnMs > -Infinity) await this.#terminal?.write(utf8Bytes("\r\x1b[K"));
    this.#drawnMs = -Infinity;
  }
}

/** The text of the line. */
export function progressText(lines: number, elapsedMs: number, part?: number): string {
  const percent = part === undefined ? "" : `${Math.floor(Math.min(1, part) * 100)}% `;
  const rate = elapsedMs > 0 ? `, ${Math.round(lines / (elapsedMs / 1000))}/s` : "";
  return `${percent}${lines} lines${rate}`;
}
