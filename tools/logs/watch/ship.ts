/**
 * The log shipping protocol, client side: the client's host name and a NUL, then lines `FILE COUNT TEXT`; the server
 * answers the name and each line with a byte, 1 for taken. Lines go out in small batches, whose answers are then awaited;
 * what was not answered is sent again [man logclient.1, man logsrv.8].
 */
import { concatBytes, utf8Bytes } from "../../../core/bytes.ts";
import { Temporary } from "../../../core/errors.ts";
import type { Connection } from "../../../core/stream.ts";

/** Lines of which the answers may be outstanding. */
export const BATCH_LINES = 64;
/** Longest line; a longer one goes in pieces. */
export const SHIP_LINE_BYTES_MAX = 64 * 1024;
export const LOGSRV_PORT = 6340;
const TAKEN = 0x31;
const LF = 10;

/** One file's lines that wait. */
export interface ShipLine {
  /** Without LF. */
  readonly bytes: Uint8Array;
  readonly count: number;
}

/** A session with a log server. */
export class ShipSession {
  readonly #connection: Connection;
  readonly #answer = new Uint8Array(BATCH_LINES);

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Names this host. Throws Temporary. */
  async begin(host: string): Promise<void> {
    await this.#connection.write(concatBytes(utf8Bytes(host), new Uint8Array([0])));
    await this.#answers(1);
  }

  /** Sends at most BATCH_LINES lines of a file; resolves when all are taken. Gives what was sent. Throws Temporary. */
  async send(file: string, lines: readonly ShipLine[]): Promise<Uint8Array> {
    const parts = lines.flatMap(({ bytes, count }) => [utf8Bytes(`${file} ${count} `), bytes, new Uint8Array([LF])]);
    const bytes = concatBytes(...parts);
    await this.#connection.write(bytes);
    await this.#answers(lines.length);
    return bytes;
  }

  async #answers(count: number): Promise<void> {
    for (let got = 0; got < count;) {
      const read = await this.#connection.read(this.#answer.subarray(0, count - got));
      if (read === null) throw new Temporary("the log server closed the connection");
      for (const byte of this.#answer.subarray(0, read)) {
        if (byte !== TAKEN) throw new Temporary("the log server could not take a line");
      }
      got += read;
    }
  }
}
