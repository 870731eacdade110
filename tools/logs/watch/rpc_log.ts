/**
 * Lines to a log server of the older kind, rpclog, by ONC RPC over TCP [rfc5531] [man rpclog.8]: program 0x20000001, version
 * 1, procedure 1 takes a string and gives a number. Its port is asked of rpcbind (port 111 there) unless it is known.
 */
import { concatBytes, latin1Bytes } from "../../../core/bytes.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { connectTcp } from "../../../core/net/connect.ts";
import type { Connection } from "../../../core/stream.ts";

const RPCLOG = { program: 0x2000_0001, version: 1, procedure: 1 } as const;
/** rpcbind's PMAPPROC_GETPORT [rfc1833 3.1]. */
const RPCBIND = { program: 100_000, version: 2, procedure: 3 } as const;
const RPCBIND_PORT = 111;
const TCP = 6;
const RPC_VERSION = 2;
const CALL = 0;
const REPLY = 1;
const ACCEPTED = 0;
const SUCCESS = 0;
const AUTH_NONE = 0;
/** A record's head: the last fragment, and its length. */
const LAST_FRAGMENT = 0x8000_0000;
const WORD_BYTES = 4;
/** Answers are a few numbers. */
const ANSWER_BYTES_MAX = 1024;

/** What is called. */
export interface RpcProcedure {
  readonly program: number;
  readonly version: number;
  readonly procedure: number;
}

/** Numbers of four bytes, most significant first [rfc4506 4]. */
export function formatWords(...words: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(words.length * WORD_BYTES);
  const view = new DataView(bytes.buffer);
  words.forEach((word, at) => view.setUint32(at * WORD_BYTES, word));
  return bytes;
}

/** A string: its length, its bytes, filled up to whole words [rfc4506 4.11]. */
export function formatXdrString(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatBytes(formatWords(bytes.length), bytes, new Uint8Array(-bytes.length & (WORD_BYTES - 1)));
}

/** A call as one record, without credentials [rfc5531 9, 11]. */
export function formatCall(id: number, called: RpcProcedure, args: Uint8Array): Uint8Array<ArrayBuffer> {
  const { program, version, procedure } = called;
  const head = formatWords(id, CALL, RPC_VERSION, program, version, procedure, AUTH_NONE, 0, AUTH_NONE, 0);
  return concatBytes(formatWords(LAST_FRAGMENT + head.length + args.length), head, args);
}

/** The first number of the result in an answer's record, without the record's head. Throws Temporary for a refusal. */
export function parseAnswer(bytes: Uint8Array, id: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (view.getUint32(0) !== id || view.getUint32(4) !== REPLY) {
      throw new Temporary("it is the answer to something else");
    }
    if (view.getUint32(8) !== ACCEPTED) throw new Temporary("the call was denied");
    const at = 20 + (view.getUint32(16) + WORD_BYTES - 1 & -WORD_BYTES);
    const status = view.getUint32(at);
    if (status !== SUCCESS) throw new Temporary(`the call was not done (${status})`);
    return view.getUint32(at + WORD_BYTES);
  } catch (error) {
    if (error instanceof RangeError) throw new Temporary("the answer is cut off");
    throw error;
  }
}

/** One connection, one call at a time. */
class RpcConnection {
  readonly #connection: Connection;
  #lastId = Math.floor(Math.random() * 0x7fff_ffff);

  constructor(connection: Connection, timeoutMs: number) {
    this.#connection = connection;
    connection.setTimeout(timeoutMs);
  }

  /** The first number of the result. Throws Temporary, TimedOut. */
  async call(called: RpcProcedure, args: Uint8Array): Promise<number> {
    const id = ++this.#lastId;
    await this.#connection.write(formatCall(id, called, args));
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (let last = false; !last;) {
      const head = new DataView((await this.#read(WORD_BYTES)).buffer).getUint32(0);
      last = head >= LAST_FRAGMENT;
      const part = await this.#read(head % LAST_FRAGMENT);
      parts.push(part);
      bytes += part.length;
      if (bytes > ANSWER_BYTES_MAX || part.length === 0 && !last) throw new Temporary("the answer is too long");
    }
    return parseAnswer(concatBytes(...parts), id);
  }

  async #read(count: number): Promise<Uint8Array<ArrayBuffer>> {
    if (count > ANSWER_BYTES_MAX) throw new Temporary("the answer is too long");
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count;) {
      const got = await this.#connection.read(bytes.subarray(at));
      if (got === null) throw new Temporary("the connection was closed");
      at += got;
    }
    return bytes;
  }

  close(): void {
    this.#connection.close();
  }
}

/** A log server; connected at the first line. */
export class RpcLog {
  readonly #host: string;
  readonly #port: number | undefined;
  readonly #timeoutMs: number;
  #open: RpcConnection | undefined;

  /** `place` is `host`, or `host:port` where rpcbind is not to be asked. */
  constructor(place: string, timeoutMs: number) {
    const [, host = "", port] = /^(.*?)(?::(\d{1,5}))?$/.exec(place) ?? [];
    this.#host = host.replace(/^\[(.*)\]$/, "$1");
    this.#port = port === undefined ? undefined : Number(port);
    this.#timeoutMs = timeoutMs;
  }

  /** Sends a line with its end; resolves when the server has taken it. Throws Temporary naming the host. */
  async send(line: string): Promise<void> {
    try {
      this.#open ??= await this.#connect(this.#port ?? await this.#askPort());
      await this.#open.call(RPCLOG, formatXdrString(latin1Bytes(line)));
    } catch (error) {
      this.close();
      throw new Temporary(`unable to send to the log server ${this.#host}: ${errorText(error)}`);
    }
  }

  close(): void {
    this.#open?.close();
    this.#open = undefined;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async #connect(port: number): Promise<RpcConnection> {
    return new RpcConnection(
      await connectTcp({ host: this.#host, port, timeoutMs: this.#timeoutMs }),
      this.#timeoutMs,
    );
  }

  async #askPort(): Promise<number> {
    const rpcbind = await this.#connect(RPCBIND_PORT);
    try {
      const port = await rpcbind.call(RPCBIND, formatWords(RPCLOG.program, RPCLOG.version, TCP, 0));
      if (port === 0) throw new Temporary("rpclog has not told its port to rpcbind there");
      return port;
    } finally {
      rpcbind.close();
    }
  }
}
