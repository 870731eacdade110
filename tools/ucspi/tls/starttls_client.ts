/** The client's words that lead to TLS on an open connection, for -s smtp, pop3 and imap [rfc3207, rfc2595]. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { Temporary } from "../../../core/errors.ts";
import type { Connection } from "../../../core/stream.ts";

/** Protocols in which TLS can begin later. */
export const STARTTLS_PROTOCOLS = ["smtp", "pop3", "imap"] as const;

/** One of them. */
export type StarttlsProtocol = typeof STARTTLS_PROTOCOLS[number];

/** Bytes of all answers together. */
const ANSWER_BYTES_MAX = 64 * 1024;
const LF = 10;

/** One of the protocols; undefined for another text. */
export function tryProtocol(text: string): StarttlsProtocol | undefined {
  return STARTTLS_PROTOCOLS.find((known) => known === text);
}

/** Reads lines byte by byte, so that nothing beyond the last one is taken. */
async function readLine(connection: Connection): Promise<string> {
  const line: number[] = [];
  const byte = new Uint8Array(1);
  while (line.length < ANSWER_BYTES_MAX) {
    if (await connection.read(byte) === null) throw new Temporary("the server closed the connection before TLS");
    if (byte[0] === LF) return latin1Text(Uint8Array.from(line)).replace(/\r$/, "");
    line.push(byte[0]!);
  }
  throw new Temporary("the server's answer is too long");
}

/** Lines of one SMTP reply. */
async function readReply(connection: Connection): Promise<string> {
  let line: string;
  do line = await readLine(connection); while (/^\d{3}-/.test(line));
  return line;
}

/** Speaks until the server is ready for TLS. Throws Temporary when it refuses. */
export async function askForTls(connection: Connection, protocol: StarttlsProtocol): Promise<void> {
  const say = (text: string) => connection.write(latin1Bytes(text));
  const refused = (line: string) => new Temporary(`the server does not begin TLS: ${line}`);
  if (protocol === "smtp") {
    const greeting = await readReply(connection);
    if (!greeting.startsWith("220")) throw refused(greeting);
    await say("EHLO localhost\r\n");
    const hello = await readReply(connection);
    if (!hello.startsWith("250")) throw refused(hello);
    await say("STARTTLS\r\n");
    const answer = await readReply(connection);
    if (!answer.startsWith("220")) throw refused(answer);
    return;
  }
  const greeting = await readLine(connection);
  if (!/^(\+OK|\* (OK|PREAUTH))/i.test(greeting)) throw refused(greeting);
  await say(protocol === "pop3" ? "STLS\r\n" : "a STARTTLS\r\n");
  let answer = await readLine(connection);
  while (protocol === "imap" && answer.startsWith("* ")) answer = await readLine(connection);
  if (!/^(\+OK|a OK)/i.test(answer)) throw refused(answer);
}
