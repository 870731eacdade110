/** A client for tests that sends whatever bytes it is told to over TCP or TLS, and reads until the answer matches. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";

/** How long an answer may take, milliseconds. */
const ANSWER_MS_MAX = 60_000;

/** One connection. Text is bytes as latin1. */
export class LineClient implements Disposable {
  readonly #socket: Deno.Conn;
  #text = "";

  private constructor(socket: Deno.Conn) {
    this.#socket = socket;
  }

  /** Connects to a port of this host; with `tls` from the first byte, whatever the certificate. */
  static async connect(port: number, options: { readonly certificate?: string } = {}): Promise<LineClient> {
    const { certificate } = options;
    const socket = certificate === undefined
      ? await Deno.connect({ hostname: "127.0.0.1", port })
      : await Deno.connectTls({
        hostname: "127.0.0.1",
        port,
        caCerts: [certificate],
        unsafelyDisableHostnameVerification: true,
      });
    return new LineClient(socket);
  }

  /** Sends text as it is. */
  async send(text: string): Promise<void> {
    const bytes = latin1Bytes(text);
    for (let done = 0; done < bytes.length;) done += await this.#socket.write(bytes.subarray(done));
  }

  /** Sends a line, unless it is empty, and reads until what came matches; the end of the connection is `[closed]`. */
  async ask(line: string, until: RegExp): Promise<string> {
    if (line !== "") await this.send(`${line}\r\n`);
    const buffer = new Uint8Array(65536);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#socket.close();
    }, ANSWER_MS_MAX);
    try {
      while (!until.test(this.#text)) {
        const count = await this.#socket.read(buffer).catch((error) => {
          if (late || error instanceof Deno.errors.ConnectionReset) return null;
          throw error;
        });
        if (late || (count === null && this.#text.endsWith("[closed]"))) {
          throw new Error(`${until} did not come after ${JSON.stringify(line)}, but ${JSON.stringify(this.#text)}`);
        }
        this.#text += count === null ? "[closed]" : latin1Text(buffer.subarray(0, count));
      }
    } finally {
      clearTimeout(timer);
    }
    const text = this.#text;
    this.#text = "";
    return text;
  }

  [Symbol.dispose](): void {
    try {
      this.#socket.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
  }
}
