/**
 * What dotls and sslerator do: speak TLS on inherited descriptors and let a program have the plain text by pipes, from the
 * first byte on or after STARTTLS.
 */
import type { Proc } from "../../../core/applet.ts";
import { utf8Bytes } from "../../../core/bytes.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { EXIT_DIALECTS } from "../../../core/exits.ts";
import { LibcError } from "../../../core/libc/libc.ts";
import { childEnd, polledPipe } from "../../../core/libc/children.ts";
import type { Descriptor } from "../../../core/libc/fd.ts";
import { Poller } from "../../../core/libc/poll.ts";
import { localName, peerName, shutdownWrite } from "../../../core/libc/socket.ts";
import { SocketConnection } from "../../../core/net/connection.ts";
import type { Transport } from "../../../core/net/transport.ts";
import type { ClientTls, ServerTls } from "../../../core/stream.ts";
import { startWithPipes } from "./piped_program.ts";
import { relayStreams, sayFarewell } from "./relay.ts";
import type { StarttlsProxy } from "./starttls_proxy.ts";
import { providerText } from "./tls_files.ts";

/** Longest command or reply before TLS. */
const LINE_BYTES_MAX = 64 * 1024;
const LF = 10;

/** What to wrap. */
export interface WrapRequest {
  readonly argv: readonly string[];
  /** Descriptors of the network. */
  readonly network: { readonly reading: number; readonly writing: number };
  /** Descriptors of the program. */
  readonly program: { readonly reading: number; readonly writing: number };
  readonly side: { readonly server: ServerTls } | { readonly client: ClientTls };
  /** Said in plain text before anything else. */
  readonly banner: string;
  readonly idleMs: number;
  readonly handshakeMs: number;
  readonly tellProvider: boolean;
  /** TLS begins when the client asks for it. */
  readonly starttls?: StarttlsProxy | undefined;
}

function networkTransport(proc: Proc, { reading, writing }: WrapRequest["network"]): Transport {
  const [input, output] = [proc.fd(reading), proc.fd(writing)];
  return {
    read: (into) => input.read(into),
    write: (bytes) => output.write(bytes).then(() => bytes.length),
    closeWrite: () => Promise.resolve(shutdownWrite(writing)),
    close: () => shutdownWrite(writing),
  };
}

async function beginTls(connection: SocketConnection, request: WrapRequest): Promise<void> {
  connection.setTimeout(request.handshakeMs);
  const { side } = request;
  const { startTls, connectTls } = connection;
  if (!startTls || !connectTls) throw new Temporary("this runtime cannot begin TLS on an open connection");
  if ("server" in side) await startTls(side.server);
  else await connectTls(side.client);
  connection.setTimeout(0);
}

/** Runs the program to its end; its exit code. Throws Temporary when TLS cannot be had. */
export async function wrapProgram(proc: Proc, request: WrapRequest): Promise<number> {
  const nowhere = { host: "the peer", port: 0 };
  const connection = new SocketConnection(networkTransport(proc, request.network), {
    local: localName(request.network.reading) ?? nowhere,
    remote: peerName(request.network.reading) ?? nowhere,
  });
  if (request.banner !== "") await connection.write(utf8Bytes(request.banner));
  const env = { ...proc.env.all() };
  if (!request.starttls) {
    await beginTls(connection, request);
    if (request.tellProvider && connection.tls) env.TLS_PROVIDER = providerText(proc.name, connection.tls);
  }
  const poller = new Poller();
  const { reading: input, writing: output } = request.program;
  const child = await startWithPipes(proc, { argv: request.argv, env, input, output });
  const ended = childEnd(poller, child.pid);
  const [toProgram, fromProgram] = [polledPipe(poller, child.input), polledPipe(poller, child.output)];
  try {
    if (!request.starttls) await relayStreams(connection, { toProgram, fromProgram, idleMs: request.idleMs });
    else await relayWithStarttls(connection, { request, proxy: request.starttls, toProgram, fromProgram });
  } catch (error) {
    if (!(error instanceof Temporary)) throw error;
    proc.log.line(`${proc.name}: ${errorText(error)}`);
  } finally {
    toProgram.close();
    fromProgram.close();
    connection.close();
  }
  const { code, signal } = await ended;
  return signal === 0 ? code : EXIT_DIALECTS.chain.temporary;
}

interface Offered {
  readonly request: WrapRequest;
  readonly proxy: StarttlsProxy;
  readonly toProgram: Descriptor;
  readonly fromProgram: Descriptor;
}

/** Lines until TLS begins or can no more begin, then bytes. */
async function relayWithStarttls(connection: SocketConnection, offered: Offered): Promise<void> {
  const { request, proxy, toProgram, fromProgram } = offered;
  let encrypted = false;
  const outward = async () => {
    const lines = new LineCutter();
    const buffer = new Uint8Array(LINE_BYTES_MAX);
    for (;;) {
      const count = await fromProgram.read(buffer);
      if (count === null) return;
      const piece = buffer.slice(0, count);
      if (encrypted || proxy.done) await connection.write(lines.rest(piece));
      else for (const line of lines.cut(piece)) await connection.write(proxy.program(line));
    }
  };
  const inward = async () => {
    connection.setTimeout(request.idleMs);
    const lines = new LineCutter();
    const buffer = new Uint8Array(LINE_BYTES_MAX);
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      const piece = buffer.slice(0, count);
      if (encrypted || proxy.done) {
        await toProgram.write(lines.rest(piece));
        continue;
      }
      for (const line of lines.cut(piece)) {
        const verdict = proxy.done ? { kind: "pass" as const } : proxy.client(line);
        if (verdict.kind === "pass") await toProgram.write(line);
        else await connection.write(verdict.answer);
        if (verdict.kind !== "tls") continue;
        lines.forget(); // plain text behind the command is an attack [rfc3207 4.2]
        await beginTls(connection, request);
        connection.setTimeout(request.idleMs);
        encrypted = true;
        break;
      }
    }
    toProgram.close();
  };
  const said = inward().catch(async (error) => {
    if (!(error instanceof LibcError)) throw error; // a program that reads no more may still write
    const buffer = new Uint8Array(LINE_BYTES_MAX);
    while (await connection.read(buffer) !== null);
  });
  const heard = outward();
  await Promise.race([heard, said.then(() => heard)]);
  await sayFarewell(connection, said);
}

/** Cuts bytes into lines with their line ends. */
class LineCutter {
  #held = new Uint8Array(0);

  *cut(bytes: Uint8Array): Generator<Uint8Array> {
    let left = this.rest(bytes);
    for (let at = left.indexOf(LF); at >= 0; at = left.indexOf(LF)) {
      const line = left.subarray(0, at + 1);
      left = left.subarray(at + 1);
      this.#held = left.slice();
      yield line;
    }
    if (left.length > LINE_BYTES_MAX) throw new Temporary(`a line before TLS is longer than ${LINE_BYTES_MAX} bytes`);
    this.#held = left.slice();
  }

  /** What is held, and these bytes. */
  rest(bytes: Uint8Array): Uint8Array {
    if (this.#held.length === 0) return bytes;
    const whole = new Uint8Array(this.#held.length + bytes.length);
    whole.set(this.#held);
    whole.set(bytes, this.#held.length);
    this.forget();
    return whole;
  }

  forget(): void {
    this.#held = new Uint8Array(0);
  }
}
