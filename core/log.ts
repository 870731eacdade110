/**
 * Log lines on standard error, gathered into few writes, for multilog or the supervisor to keep. A line is one line
 * whatever is in it: bytes that could break the log are replaced as the original does [spec formats 3].
 */

/** Where log lines go. */
export interface Logger {
  /** Writes one line; the program name is not added. */
  line(text: string): void;
  /** Resolves when all lines are written. */
  flush(): Promise<void>;
}

/** Writes all bytes somewhere. */
export type WriteAll = (bytes: Uint8Array) => Promise<void>;

/** Bytes of lines that may wait to be written before the oldest are dropped and counted. */
const BUFFER_BYTES_MAX = 4 * 1024 * 1024;

/** How often a busy daemon writes its lines: a write costs as much as making fifty of them. */
export const LOG_GATHER_MS = 20;

/** How lines are gathered. */
export interface LoggerOptions {
  /** Time from one write to the next at least; a line after a pause is written at once. 0: one write a tick. */
  readonly gatherMs?: number;
}

/** A logger that gathers lines into few writes; `flush` writes them without delay. */
export function createLogger(write: WriteAll, { gatherMs = 0 }: LoggerOptions = {}): Logger {
  const encoder = new TextEncoder();
  let waiting = "";
  let dropped = 0;
  let writtenMs = 0;
  let writing: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  function start(): void {
    if (timer !== undefined) clearTimeout(timer);
    timer = undefined;
    writing ??= drain();
  }
  function schedule(): void {
    if (writing || timer !== undefined) return;
    const leftMs = gatherMs === 0 ? 0 : Math.min(gatherMs, writtenMs + gatherMs - Date.now());
    if (leftMs <= 0) start();
    else timer = setTimeout(start, leftMs);
  }
  async function drain(): Promise<void> {
    await Promise.resolve();
    do {
      const bytes = encoder.encode(waiting);
      waiting = "";
      if (gatherMs > 0) writtenMs = Date.now();
      try {
        await write(bytes);
      } catch {
        dropped++; // standard error is gone: nobody is left to tell, and trying at once again would not end
        continue;
      }
      if (dropped > 0 && waiting.length < BUFFER_BYTES_MAX / 2) {
        waiting += `warning: ${dropped} log lines dropped\n`;
        dropped = 0;
      }
    } while (waiting !== "" && gatherMs === 0);
    writing = undefined;
    if (waiting !== "") schedule();
  }
  return {
    line(text) {
      if (waiting.length > BUFFER_BYTES_MAX) {
        dropped++;
        return;
      }
      waiting += text.includes("\n") ? `${text.replaceAll("\n", "/")}\n` : `${text}\n`;
      schedule();
    },
    async flush() {
      while (writing || waiting !== "") {
        if (!writing) start();
        await writing;
      }
    },
  };
}

/** Text in the log's safe form: LF becomes `/`, other unprintable bytes, blanks and `%` become `_` [spec formats 3]. */
export function safeLogText(text: string): string {
  return /[^!-$&-~]/.test(text) ? text.replaceAll("\n", "/").replace(/[^!-$&-~]/g, "_") : text;
}
