/**
 * The client's side of an SMTP session over a Connection: greeting, EHLO, STARTTLS, AUTH, and transactions with
 * pipelining. What a reply means for the mail is the caller's [rfc5321, rfc2920, rfc3207, rfc4954].
 */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import type { ClientTls, Connection, TlsState } from "../../core/stream.ts";
import { formatBase64, parseBase64 } from "../sasl/base64.ts";
import { chooseMechanism, startSaslClient } from "../sasl/client.ts";
import type { SaslMechanism } from "../sasl/mechanisms.ts";
import { DotStuffer } from "./dot_stuffing.ts";
import { formatPath } from "./path.ts";

/** A reply of the server. */
export interface ClientReply {
  readonly code: number;
  /** All lines as they came, without their ends. */
  readonly lines: readonly string[];
}

/** Text of a reply, lines joined by LF: what a report quotes. */
export function replyText(reply: ClientReply): string {
  return reply.lines.join("\n");
}

/** A message to hand over. */
export interface Transaction {
  /** latin1, empty for the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  /** The message has bytes above 127; undefined: not known, so it may. */
  readonly eightBit?: boolean | undefined;
  /** LF line ends. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** What the server said to a transaction; what is undefined was never reached. */
export interface TransactionReplies {
  readonly mail: ClientReply;
  readonly recipients: readonly ClientReply[];
  readonly data: ClientReply | undefined;
  /** After the final dot. */
  readonly message: ClientReply | undefined;
}

/** Bytes of one reply above which the server is given up. */
export const REPLY_BYTES_MAX = 64 * 1024;
const READ_BYTES = 4096;
/** Chunks up to this size go out together with the final dot. */
const JOIN_BYTES_MAX = 512 * 1024;
/** Challenges of one AUTH. */
const CHALLENGES_MAX = 8;

/** Whom to log in as. */
export interface SmtpLogin {
  readonly user: string;
  /** The password, or the token of the mechanisms that take one. */
  readonly password: string;
  /** The server's name, for DIGEST-MD5. */
  readonly host?: string;
  /** Only this one; also one that `chooseMechanism` never takes. */
  readonly mechanism?: SaslMechanism;
}

/** A session. Every method throws Temporary (TimedOut) when the connection is lost or the server talks nonsense. */
export class SmtpClient {
  readonly #connection: Connection;
  #extensions = new Map<string, string>();
  #unread = new Uint8Array(0);
  /** True once the final dot was sent and no reply has come. */
  #undecided = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** True when the connection was lost after the message was sent: it may have been taken. */
  get undecided(): boolean {
    return this.#undecided;
  }

  /** What EHLO offered, by upper-case keyword with its parameters. */
  get extensions(): ReadonlyMap<string, string> {
    return this.#extensions;
  }

  /** Reads the server's greeting. */
  async greeting(): Promise<ClientReply> {
    return await this.#reply();
  }

  /** EHLO, or HELO for a server that does not know it. */
  async hello(name: string): Promise<ClientReply> {
    this.#extensions = new Map();
    const reply = await this.#command(`EHLO ${name}`);
    if (reply.code !== 250) return reply.code >= 500 ? await this.#command(`HELO ${name}`) : reply;
    for (const line of reply.lines.slice(1)) {
      const [keyword = "", ...parameters] = line.slice(4).trim().split(/[ =]/);
      this.#extensions.set(keyword.toUpperCase(), parameters.join(" "));
    }
    return reply;
  }

  /** STARTTLS; undefined when the server refuses it. EHLO must follow. Throws when the handshake fails. */
  async startTls(tls: ClientTls): Promise<TlsState | undefined> {
    const { connectTls } = this.#connection;
    if (!connectTls) throw new Temporary("this connection cannot be taken to TLS");
    const reply = await this.#command("STARTTLS");
    if (reply.code !== 220) return undefined;
    if (this.#unread.length > 0) throw new Temporary("the server said more than 220 before TLS began");
    this.#extensions = new Map();
    return await connectTls.call(this.#connection, tls);
  }

  /** Logs in by the mechanism given, or the best that both know. Throws Permanent when there is none. */
  async authenticate(login: SmtpLogin): Promise<ClientReply> {
    const offered = new Set((this.#extensions.get("AUTH") ?? "").toUpperCase().split(/\s+/));
    const mechanism = login.mechanism ?? chooseMechanism(offered);
    if (!mechanism || !offered.has(mechanism)) {
      throw new Permanent("the server offers no way to log in that is known here");
    }
    const exchange = startSaslClient(mechanism, {
      user: login.user,
      password: login.password,
      nonce: () => crypto.randomUUID().replaceAll("-", ""),
      tls: this.#connection.tls,
      ...(login.host !== undefined && { target: `smtp/${login.host}` }),
    });
    const initial = exchange.initialResponse;
    let reply = await this.#command(`AUTH ${mechanism}${initial ? ` ${formatBase64(initial) || "="}` : ""}`);
    for (let challenge = 0; reply.code === 334 && challenge < CHALLENGES_MAX; challenge++) {
      const bytes = parseBase64(reply.lines[0]!.slice(4));
      if (!bytes) throw new Temporary("the server's challenge is not base64");
      reply = await this.#command(formatBase64(await exchange.answer(bytes)));
    }
    if (reply.code === 235 && !exchange.complete) {
      throw new Permanent("the server did not prove that it knows the password");
    }
    return reply;
  }

  /** Hands a message over. After 4xx or 5xx to any command the session can be used for the next. */
  async transact(transaction: Transaction): Promise<TransactionReplies> {
    const commands = this.#envelopeCommands(transaction);
    if (!this.#extensions.has("PIPELINING")) return await this.#transactInSteps(transaction, commands);
    await this.#connection.write(latin1Bytes([...commands, "DATA", ""].join("\r\n")));
    const mail = await this.#reply();
    const recipients: ClientReply[] = [];
    for (let at = 1; at < commands.length; at++) recipients.push(await this.#reply());
    const data = await this.#reply();
    if (data.code !== 354) {
      await this.#reset();
      return { mail, recipients, data, message: undefined };
    }
    if (!recipients.some(isPositive)) {
      await this.#connection.write(latin1Bytes(".\r\n")); // the server waits for a message that nobody is to get
      await this.#reply();
      return { mail, recipients, data, message: undefined };
    }
    return { mail, recipients, data, message: await this.#sendMessage(transaction) };
  }

  async #transactInSteps(transaction: Transaction, commands: readonly string[]): Promise<TransactionReplies> {
    const mail = await this.#command(commands[0]!);
    const recipients: ClientReply[] = [];
    if (isPositive(mail)) {
      for (const command of commands.slice(1)) recipients.push(await this.#command(command));
    }
    if (!recipients.some(isPositive)) {
      await this.#reset();
      return { mail, recipients, data: undefined, message: undefined };
    }
    const data = await this.#command("DATA");
    if (data.code !== 354) {
      await this.#reset();
      return { mail, recipients, data, message: undefined };
    }
    return { mail, recipients, data, message: await this.#sendMessage(transaction) };
  }

  /** QUIT; whatever comes of it, the connection is closed. */
  quit(): void {
    this.#connection.write(latin1Bytes("QUIT\r\n")).then(
      () => this.#connection.close(),
      () => this.#connection.close(),
    );
  }

  /** Closes without a word. */
  close(): void {
    this.#connection.close();
  }

  #envelopeCommands(transaction: Transaction): string[] {
    const size = this.#extensions.has("SIZE") ? ` SIZE=${transaction.sizeBytes}` : "";
    const body = this.#extensions.has("8BITMIME") && transaction.eightBit !== false ? " BODY=8BITMIME" : "";
    return [
      `MAIL FROM:<${checkedAddress(transaction.sender)}>${size}${body}`,
      ...transaction.recipients.map((recipient) => `RCPT TO:<${checkedAddress(recipient)}>`),
    ];
  }

  async #sendMessage(transaction: Transaction): Promise<ClientReply> {
    const stuffer = new DotStuffer();
    let waiting: Uint8Array = new Uint8Array(0);
    for await (const chunk of transaction.chunks()) {
      if (waiting.length > 0) await this.#connection.write(waiting);
      waiting = stuffer.transform(chunk);
    }
    const end = stuffer.end();
    // until here the server cannot have taken it; from here on it may
    if (waiting.length > JOIN_BYTES_MAX) {
      await this.#connection.write(waiting);
      waiting = new Uint8Array(0);
    }
    this.#undecided = true;
    await this.#connection.write(waiting.length > 0 ? concatBytes(waiting, end) : end);
    const reply = await this.#reply();
    this.#undecided = false;
    return reply;
  }

  async #reset(): Promise<void> {
    await this.#command("RSET");
  }

  async #command(line: string): Promise<ClientReply> {
    await this.#connection.write(latin1Bytes(`${line}\r\n`));
    return await this.#reply();
  }

  async #reply(): Promise<ClientReply> {
    const lines: string[] = [];
    let bytes = 0;
    for (;;) {
      const line = await this.#line();
      bytes += line.length;
      if (bytes > REPLY_BYTES_MAX) throw new Temporary(`the server's reply is longer than ${REPLY_BYTES_MAX} bytes`);
      const [, code, separator] = /^([2-5]\d\d)([ -]|$)/.exec(line) ?? [];
      if (code === undefined) throw new Temporary(`the server said something that is no reply: ${line.slice(0, 100)}`);
      lines.push(line);
      if (separator !== "-") return { code: Number(code), lines };
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#unread.indexOf(10);
      if (end >= 0) {
        const line = latin1Text(this.#unread.subarray(0, end));
        this.#unread = this.#unread.subarray(end + 1);
        return line.replace(/\r$/, "");
      }
      if (this.#unread.length > REPLY_BYTES_MAX) throw new Temporary("the server's reply line has no end");
      const buffer = new Uint8Array(READ_BYTES);
      const count = await this.#connection.read(buffer);
      if (count === null) throw new Temporary("the server closed the connection");
      const got = buffer.subarray(0, count);
      this.#unread = this.#unread.length === 0 ? got : concatBytes(this.#unread, got);
    }
  }
}

function isPositive(reply: ClientReply): boolean {
  return reply.code >= 200 && reply.code < 300;
}

/** An address, quoted where it has to be, that cannot end its command early. */
function checkedAddress(address: string): string {
  if (/[\r\n\0]/.test(address)) throw new Permanent("the address holds a line end and cannot be sent by SMTP (#5.1.3)");
  return formatPath(address);
}
