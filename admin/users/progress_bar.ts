/** A bar of progress on a terminal's standard error; nothing where that is no terminal. */
import type { ByteWriter } from "../../core/stream.ts";

/** Pause between two drawings, milliseconds. */
const DRAW_MS = 200;
const BAR_CHARACTERS = 24;

/** How far a run is. */
export interface Progress {
  readonly users: number;
  readonly refused: number;
  /** Bytes read of `bytesAll`; undefined where the whole is not known. */
  readonly bytes: number;
  readonly bytesAll: number | undefined;
}

/** The line of a bar. */
export function barText({ users, refused, bytes, bytesAll }: Progress, seconds: number): string {
  const part = bytesAll === undefined ? undefined : bytesAll === 0 ? 1 : Math.min(1, bytes / bytesAll);
  const done = Math.round((part ?? 0) * BAR_CHARACTERS);
  const bar = part === undefined
    ? ""
    : `[${"#".repeat(done)}${"-".repeat(BAR_CHARACTERS - done)}] ${Math.floor(part * 100)}% `;
  const rate = seconds > 0 ? `, ${Math.round(users / seconds)}/s` : "";
  return `${bar}${users} users${rate}${refused === 0 ? "" : `, ${refused} refused`}`;
}

/** Draws the bar over itself, at most five times a second. */
export class ProgressBar {
  readonly #terminal: ByteWriter | undefined;
  readonly #nowMs: () => number;
  readonly #startMs: number;
  #drawnMs = -Infinity;
  #isShown = false;

  /** Without a terminal nothing is ever drawn. */
  constructor(terminal: ByteWriter | undefined, nowMs: () => number) {
    this.#terminal = terminal;
    this.#nowMs = nowMs;
    this.#startMs = nowMs();
  }

  async draw(progress: Progress): Promise<void> {
    const nowMs = this.#nowMs();
    if (!this.#terminal || nowMs - this.#drawnMs < DRAW_MS) return;
    this.#drawnMs = nowMs;
    this.#isShown = true;
    const text = barText(progress, (nowMs - this.#startMs) / 1000);
    await this.#terminal.write(new TextEncoder().encode(`\r${text}\x1b[K`));
  }

  /** Takes the bar away, so that a line can be written in its place. */
  async clear(): Promise<void> {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#drawnMs = -Infinity;
    await this.#terminal?.write(new TextEncoder().encode("\r\x1b[K"));
  }
}
