/** serialqmtp: sends files by QMTP over the connection of a UCSPI client. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type ClientConnection, clientConnection, CONNECTION_ENV } from "./fd_connection.ts";
import { readNames, type Status, writeResult } from "./file_names.ts";
import { type MessageFile, openMessage } from "./message_file.ts";
import { NetstringReader } from "./netstring_reader.ts";

/** Messages that are on their way without an answer. */
const UNANSWERED_MAX = 20;
/** Longest answer. */
const ANSWER_BYTES_MAX = 10_000;

function isStatus(letter: string | undefined): letter is Status {
  return letter === "K" || letter === "Z" || letter === "D";
}

function netstring(text: string): string {
  return `${text.length}:${text},`;
}

/** One package: the message with LF line ends, sender, one recipient. */
async function sendPackage(connection: ClientConnection, message: MessageFile, recipient: string): Promise<void> {
  await connection.write(latin1Bytes(`${message.sizeBytes + 1}:\n`));
  for await (const chunk of message.chunks()) await connection.write(chunk);
  await connection.write(latin1Bytes(`,${netstring(message.envelope.sender)}${netstring(netstring(recipient))}`));
}

/** Sends ahead, and prints the answers in the order of the messages. */
class Sender {
  readonly #proc: Pick<Proc, "stdout">;
  readonly #connection: ClientConnection;
  readonly #answers: NetstringReader;
  readonly #waiting: { readonly name: string; readonly about: string }[] = [];

  constructor(proc: Pick<Proc, "stdout">, connection: ClientConnection) {
    this.#proc = proc;
    this.#connection = connection;
    this.#answers = new NetstringReader(connection, ANSWER_BYTES_MAX);
  }

  async send(name: string, message: MessageFile, recipient: string): Promise<void> {
    if (this.#waiting.length >= UNANSWERED_MAX) await this.answer();
    await sendPackage(this.#connection, message, recipient);
    const said = this.#connection.remote.host && `${this.#connection.remote.host} said: `;
    this.#waiting.push({ name, about: `MAIL from <${message.envelope.sender}> RCPT <${recipient}>, ${said}` });
  }

  /** Takes one answer. */
  async answer(): Promise<void> {
    const text = latin1Text(await this.#answers.next());
    const status = text[0];
    if (!isStatus(status)) throw new Temporary(`the server answered neither K nor Z nor D: ${text.slice(0, 100)}`);
    const waited = this.#waiting.shift();
    if (!waited) throw new Temporary("the server answered more than it was asked");
    await writeResult(this.#proc.stdout, { name: waited.name, status, text: waited.about + text.slice(1) });
  }

  async answerAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.answer();
  }
}

export const applet = defineApplet({
  names: ["serialqmtp"],
  section: 1,
  summary: "send files by QMTP",
  role: "tool",
  dialect: "qmail",
  options: {},
  operands: [{ name: "prefix", help: "beginning of the recipients whose messages are sent; it is removed" }],
  description:
    `serialqmtp runs under tcpclient: it reads from the server on descriptor 6 and writes to it on descriptor 7. On
standard input it reads names of files, each ended by a NUL; their first two lines, Return-Path and Delivered-To, are envelope
and are not sent.

For each file that was decided on it prints the name, a NUL, K (accepted), Z (rejected for now) or D (rejected for good), and the
server's words as a line. A file whose recipient does not begin with the prefix is passed over.`,
  env: CONNECTION_ENV,
  exits: { "111": "the connection was lost; files without result may be tried again" },
  examples: [{ command: "tcpclient -RHl0 mx.example.com 209 serialqmtp ''", help: "as maildirqmtp does" }],
  seeAlso: ["maildirqmtp(1)", "maildirserial(1)", "serialsmtp(1)", "tcpclient(1)"],
  source: ["[man serialqmtp.1]", "[spec formats 20]", "[spec formats 21]"],
  async run(proc) {
    const [prefix = ""] = proc.args;
    const sender = new Sender(proc, clientConnection(proc));
    for await (const file of readNames(proc.stdin)) {
      let message: MessageFile | undefined;
      try {
        message = openMessage(file);
      } catch (error) {
        throw new Temporary(`unable to open ${file}: ${errorText(error)}`);
      }
      if (!message) continue;
      try {
        const { recipient } = message.envelope;
        if (recipient.startsWith(prefix)) await sender.send(file, message, recipient.slice(prefix.length));
      } finally {
        message.close();
      }
    }
    await sender.answerAll();
  },
});
