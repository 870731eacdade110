/** Asks a peer's host who it is that connects [rfc1413]: TCPREMOTEINFO of tcpserver, tcpclient and tcp-env. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { Temporary } from "../../../core/errors.ts";
import { connectTcp } from "../../../core/net/connect.ts";
import type { Connection, PeerAddress } from "../../../core/stream.ts";

const IDENT_PORT = 113;
/** Longest answer that is read. */
const ANSWER_BYTES_MAX = 1024;
const LF = 10;

/** The two ends of the connection that is asked about. */
export interface IdentQuestion {
  readonly local: PeerAddress;
  readonly remote: PeerAddress;
  /** For connecting, asking and the answer together. */
  readonly timeoutMs: number;
  /** For tests. */
  readonly port?: number;
}

/** The user name of the answer, empty when there is none in it; undefined when nothing answers in time. Never throws. */
export async function askIdent(question: IdentQuestion): Promise<string | undefined> {
  const { local, remote, timeoutMs } = question;
  const startedMs = performance.now();
  let connection: Connection | undefined;
  try {
    connection = await connectTcp({
      host: remote.host,
      port: question.port ?? IDENT_PORT,
      localHost: local.host,
      timeoutMs: Math.max(1, timeoutMs),
    });
    connection.setTimeout(Math.max(1, timeoutMs - (performance.now() - startedMs)));
    await connection.write(latin1Bytes(`${remote.port} , ${local.port}\r\n`));
    return userOf(await readAnswer(connection));
  } catch (error) {
    if (error instanceof Temporary) return undefined;
    throw error;
  } finally {
    connection?.close();
  }
}

async function readAnswer(connection: Connection): Promise<string> {
  const buffer = new Uint8Array(ANSWER_BYTES_MAX);
  let length = 0;
  while (length < buffer.length) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
    if (buffer.subarray(0, length).includes(LF)) break;
  }
  return latin1Text(buffer.subarray(0, length)).replace(/\n[^]*/, "");
}

/** What stands after the third colon, without blanks. */
function userOf(answer: string): string {
  return /^[^:]*:[^:]*:[^:]*:(.*)/.exec(answer)?.[1]?.replace(/[ \t\r]/g, "") ?? "";
}
