/**
 * Log lines on standard error, one write a tick, for multilog or the supervisor to keep. A line is one line whatever is
 * in it: bytes that could break the log are replaced as the original does [spec formats 3].
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

/** A logger that gathers the lines of one tick into one write. */
export function createLogger(write: WriteAll): Logger {
  const encoder = new TextEncoder();
  let waiting = "";
  let dropped = 0;
  let writing: Promise<void> | undefined;
  async function drain(): Promise<void> {
    await Promise.resolve();
    while (waiting !== "") {
      const bytes = encoder.encode(waiting);
      waiting = "";
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
    }
    writing = undefined;
  }
  return {
    line(text) {
      if (waiting.length > BUFFER_BYTES_MAX) {
        dropped++;
        return;
      }
      waiting += text.includes("\n") ? `${text.replaceAll("\n", "/")}\n` : `${text}\n`;
      writing ??= drain();
    },
    async flush() {
      while (writing) await writing;
    },
  };
}

/** Text in the log's safe form: LF becomes `/`, other unprintable bytes, blanks and `%` become `_` [spec formats 3]. */
export function safeLogText(text: string): string {
  return /[^!-$&-~]/.test(text) ? text.replaceAll("\n", "/").replace(/[^!-$&-~]/g, "_") : text;
}
