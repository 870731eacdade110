/** Lines as syslog messages: priority, tag, time, printable text in parts of 800 characters [man splogger.8]. */

/** Longest part of a line. */
export const MESSAGE_CHARACTERS_MAX = 800;
const PRIORITIES = [["warning:", 4], ["alert:", 1]] as const;
const PRIORITY_INFO = 6;
const LF = 10;

/** What messages are made with. */
export interface MessageOptions {
  readonly tag: string;
  readonly facility: number;
  nowMs(): number;
}

/** Cuts a stream of bytes into messages, each as syslog(3) writes it to the daemon's socket. */
export class LogMessages {
  readonly #options: MessageOptions;
  #text = "";
  /** Priority and time of the line whose first part has gone. */
  #begun: { readonly priority: number; readonly time: string } | undefined;

  constructor(options: MessageOptions) {
    this.#options = options;
  }

  /** The messages that the next bytes complete. */
  push(bytes: Uint8Array): string[] {
    const messages: string[] = [];
    for (const byte of bytes) {
      if (byte === LF) {
        this.#flush(messages);
        this.#begun = undefined;
        continue;
      }
      if (this.#text.length === MESSAGE_CHARACTERS_MAX) this.#flush(messages);
      this.#text += byte < 32 || byte > 126 ? "?" : String.fromCharCode(byte);
    }
    return messages;
  }

  /** The message of a last line without newline. */
  end(): string[] {
    return this.push(new Uint8Array([LF]));
  }

  #flush(messages: string[]): void {
    const text = this.#text;
    if (text === "") return;
    this.#text = "";
    if (this.#begun) messages.push(this.#message(this.#begun, `+${text}`));
    else {
      const nowMs = this.#options.nowMs();
      const priority = PRIORITIES.find(([start]) => text.startsWith(start))?.[1] ?? PRIORITY_INFO;
      this.#begun = { priority, time: (nowMs / 1000).toFixed(6) };
      messages.push(this.#message(this.#begun, ` ${text}`));
    }
  }

  #message({ priority, time }: { priority: number; time: string }, text: string): string {
    const [, month, day, clock] = /^\w+ (\w+) (\d+) \d+ ([\d:]+)/.exec(new Date(this.#options.nowMs()).toString()) ??
      [];
    const date = `${month} ${String(Number(day)).padStart(2)} ${clock}`;
    return `<${this.#options.facility * 8 + priority}>${date} ${this.#options.tag}: ${time}${text}`;
  }
}
