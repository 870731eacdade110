/**
 * The SMTP server's session: one connection from greeting to end, for qmail-smtpd and its kin. Takes a chunk, handles all
 * its commands, writes their replies at once; streams DATA to the backend. Limits: limits.ts. State while idle: this
 * object and a command buffer of 1 KB.
 */
import { giveBuffer, takeBuffer } from "../../core/buffer_pool.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary, TimedOut } from "../../core/errors.ts";
import type { Connection } from "../../core/stream.ts";
import { serveAuth } from "./auth_exchange.ts";
import type { SmtpBackend, SmtpEnd, SmtpGreeting, SmtpMessage } from "./backend.ts";
import { DataReceiver } from "./data_receiver.ts";
import { formatReply } from "./format.ts";
import {
  AUTH_FAILURES_MAX,
  AUTH_LINE_BYTES_MAX,
  BAD_COMMANDS_MAX,
  COMMAND_BUFFER_BYTES,
  COMMAND_BYTES_MAX,
} from "./limits.ts";
import { LineReader } from "./line_reader.ts";
import { type MailCommand, parseCommandLine } from "./parse.ts";
import { isAccepted, REPLIES, type SmtpReply } from "./replies.ts";
import { findVerb, type SmtpActs, type SmtpOutcome, type SmtpState } from "./verbs.ts";

/** Replies of verbs that are refused for what the client is, not for what it says; these are no bad commands. */
const GOOD_MANNERS_CODES: ReadonlySet<number> = new Set([530, 538, 550, 551, 552, 553, 554]);

/** One session. */
export class SmtpSession implements SmtpActs {
  readonly #connection: Connection;
  readonly #backend: SmtpBackend;
  readonly #input: LineReader;
  #state: SmtpState = "start";
  #out = "";
  #badCommands = 0;
  #authFailures = 0;
  #end: SmtpEnd | undefined;
  #idle = false;
  #stopping = false;

  constructor(connection: Connection, backend: SmtpBackend) {
    this.#connection = connection;
    this.#backend = backend;
    this.#input = new LineReader(connection, COMMAND_BUFFER_BYTES);
  }

  /** Where the transaction is. */
  get state(): SmtpState {
    return this.#state;
  }

  /** Serves until the client or the server ends the session. Never throws for what the peer does. */
  async run(): Promise<void> {
    let reason: string | undefined;
    try {
      this.#connection.setTimeout(this.#backend.timeoutMs);
      const greeting = await this.#guarded(this.#backend.connected());
      this.#reply(greeting);
      if (!isAccepted(greeting)) this.#end = "refused";
      await this.#loop();
    } catch (error) {
      reason = errorText(error);
      await this.#lost(error);
    }
    if (this.#end === "quit") this.#input.release();
    this.#backend.ended(this.#end ?? "lost", reason);
  }

  /** Ends the session with 421: at once when it waits for a command, else after the message it is receiving. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    if (!this.#idle) return;
    this.#end = "stopped";
    this.#connection.write(utf8Bytes(formatReply(REPLIES.shuttingDown)))
      .catch(() => {}) // it may be gone already
      .finally(() => this.#connection.close());
  }

  async #loop(): Promise<void> {
    for (;;) {
      for (;;) {
        if (this.#end) return await this.#flush();
        const next = this.#input.next(AUTH_LINE_BYTES_MAX);
        if (next === "fill") break;
        const pending = next === "too-long" || isTooLong(next.line)
          ? this.#bad(REPLIES.lineTooLong, "")
          : this.#command(next.line);
        if (pending) await pending;
      }
      if (this.#stopping) {
        this.#end = "stopped";
        this.#reply(REPLIES.shuttingDown);
        return await this.#flush();
      }
      if (this.#out !== "") await this.#flush();
      this.#idle = true;
      const more = await this.#input.fill();
      this.#idle = false;
      if (!more) return;
    }
  }

  /** The connection failed: a timeout is told to the client, if it still listens. */
  async #lost(error: unknown): Promise<void> {
    this.#backend.reset();
    if (this.#end) return;
    if (!(error instanceof Temporary)) this.#backend.surprise(error);
    if (!(error instanceof TimedOut)) return;
    this.#end = "timeout";
    this.#out = formatReply(REPLIES.timeout);
    try {
      await this.#flush();
    } catch (failure) {
      if (!(failure instanceof Temporary)) throw failure;
    }
  }

  #command(line: string): void | Promise<void> {
    const { verb, argument } = parseCommandLine(line);
    const entry = findVerb(verb);
    if (!entry) return this.#bad(REPLIES.unknown, line);
    if (!entry.states.includes(this.#state)) return this.#bad(entry.otherwise[this.#state] ?? REPLIES.unknown, line);
    let outcome: SmtpOutcome;
    try {
      outcome = entry.run(this, argument);
    } catch (error) {
      outcome = this.#failed(error);
    }
    if (outcome instanceof Promise) return this.#later(outcome, line, entry.flush);
    this.#answer(outcome, line);
    if (entry.flush) return this.#flush();
  }

  async #later(outcome: Promise<SmtpReply | undefined>, line: string, flush: boolean): Promise<void> {
    this.#answer(await outcome, line);
    if (flush && this.#out !== "") await this.#flush();
  }

  #answer(reply: SmtpReply | undefined, line: string): void {
    if (!reply) return;
    if (isAccepted(reply)) {
      this.#reply(reply);
      return;
    }
    this.#backend.refused(reply, line);
    if (reply.code === 421) this.#end ??= "refused";
    if (reply.code >= 500 && !GOOD_MANNERS_CODES.has(reply.code)) this.#badCommands++;
    this.#reply(reply);
    this.#checkManners();
  }

  #bad(reply: SmtpReply, line: string): void {
    this.#badCommands++;
    this.#backend.refused(reply, line);
    this.#reply(reply);
    this.#checkManners();
  }

  #checkManners(): void {
    if (this.#badCommands <= BAD_COMMANDS_MAX || this.#end) return;
    this.#reply(REPLIES.tooManyBadCommands);
    this.#end = "refused";
  }

  #reply(reply: SmtpReply): void {
    this.#out += formatReply(reply);
  }

  async #flush(): Promise<void> {
    if (this.#out === "") return;
    const bytes = utf8Bytes(this.#out);
    this.#out = "";
    await this.#connection.write(bytes);
  }

  /** The backend's answer, or 451 when it throws. */
  async #guarded(answer: SmtpReply | Promise<SmtpReply>): Promise<SmtpReply> {
    try {
      return await answer;
    } catch (error) {
      return this.#failed(error);
    }
  }

  #failed(error: unknown): SmtpReply {
    if (error instanceof Temporary) return { code: 451, enhanced: "4.3.0", text: errorText(error) };
    this.#backend.surprise(error);
    return REPLIES.bug;
  }

  /** Answers of the backend, with `accepted` done when they accept. */
  #ask(ask: () => SmtpReply | Promise<SmtpReply>, accepted: () => void): SmtpOutcome {
    const answer = ask();
    if (!(answer instanceof Promise)) {
      if (isAccepted(answer)) accepted();
      return answer;
    }
    return this.#guarded(answer).then((reply) => {
      if (isAccepted(reply)) accepted();
      return reply;
    });
  }

  hello(greeting: SmtpGreeting): SmtpOutcome {
    if (this.#state === "mail" || this.#state === "rcpt") this.#backend.reset();
    this.#state = "start";
    const answer = this.#ask(() => this.#backend.hello(greeting), () => this.#state = "ready");
    if (!greeting.extended) return answer;
    return answer instanceof Promise ? answer.then((reply) => this.#ehlo(reply)) : this.#ehlo(answer);
  }

  /** Adds the extensions to an accepting reply [rfc5321 4.1.1.1]. */
  #ehlo(reply: SmtpReply | undefined): SmtpReply | undefined {
    if (!reply || !isAccepted(reply)) return reply;
    const { sizeBytesMax, mechanisms, tls } = this.#backend.features();
    const before = [reply.text, "PIPELINING", "8BITMIME", `SIZE ${sizeBytesMax}`, "ENHANCEDSTATUSCODES"];
    if (tls && !this.#connection.tls && this.#connection.startTls) before.push("STARTTLS");
    if (mechanisms.length > 0) before.push(`AUTH ${mechanisms.join(" ")}`);
    return { code: reply.code, before, text: "HELP" };
  }

  mail(command: MailCommand): SmtpOutcome {
    const { sizeBytesMax } = this.#backend.features();
    if (sizeBytesMax > 0 && (command.sizeBytes ?? 0) > sizeBytesMax) return REPLIES.messageTooLarge;
    return this.#ask(() => this.#backend.mail(command), () => this.#state = "mail");
  }

  recipient(address: string): SmtpOutcome {
    return this.#ask(() => this.#backend.recipient(address), () => this.#state = "rcpt");
  }

  reset(): SmtpOutcome {
    this.#backend.reset();
    if (this.#state !== "start") this.#state = "ready";
    return REPLIES.reset;
  }

  quit(): SmtpOutcome {
    this.#end = "quit";
    return REPLIES.quit;
  }

  async data(): Promise<SmtpReply | undefined> {
    let message: SmtpMessage | SmtpReply;
    try {
      message = await this.#backend.message();
    } catch (error) {
      return this.#failed(error);
    }
    if ("code" in message) return message;
    this.#reply(REPLIES.goAhead);
    try {
      await this.#flush();
      return await this.#receive(message);
    } catch (error) {
      message.abort(undefined);
      throw error;
    } finally {
      this.#backend.reset();
      this.#state = "ready";
    }
  }

  async #receive(message: SmtpMessage): Promise<SmtpReply> {
    const buffer = takeBuffer();
    try {
      const { hopsMax } = this.#backend;
      const { sizeBytesMax } = this.#backend.features();
      const receiver = new DataReceiver(this.#connection, { message, buffer, hopsMax, sizeBytesMax });
      const received = await receiver.receive(this.#input.takeRest());
      if (received.kind === "lost") throw new Temporary("connection lost during DATA");
      this.#input.putBack(received.rest);
      if (received.kind === "whole") return await this.#guarded(message.commit(received.sizeBytes));
      message.abort(received.reply);
      if (!received.inStep) this.#end = "refused";
      return received.reply;
    } finally {
      giveBuffer(buffer);
    }
  }

  async startTls(): Promise<SmtpReply | undefined> {
    const { tls } = this.#backend.features();
    if (this.#connection.tls) return REPLIES.tlsActive;
    if (!tls) return REPLIES.tlsNotOffered;
    const startTls = this.#connection.startTls;
    if (!startTls) return REPLIES.tlsUnavailable;
    this.#input.takeRest(); // plain text pipelined behind STARTTLS is thrown away [rfc3207 4.2]
    this.#reply(REPLIES.startTls);
    await this.#flush();
    await startTls(tls);
    this.#state = "start";
    this.#backend.tlsStarted();
    return undefined;
  }

  async auth(request: { readonly mechanism: string; readonly initial?: string }): Promise<SmtpReply> {
    let exchange;
    try {
      exchange = this.#backend.authenticate(request.mechanism);
    } catch (error) {
      return this.#failed(error);
    }
    if ("code" in exchange) return exchange;
    const reply = await serveAuth(exchange, request.initial, {
      send: (text) => {
        this.#out += text;
        return this.#flush();
      },
      input: this.#input,
      failed: (error) => this.#failed(error),
    });
    if (reply.code !== 535 || ++this.#authFailures < AUTH_FAILURES_MAX) return reply;
    this.#reply(reply);
    return REPLIES.tooManyAuthFailures;
  }
}

/** AUTH may bring a token along [rfc4954 4]. */
function isTooLong(line: string): boolean {
  return line.length >= COMMAND_BYTES_MAX && !/^auth /i.test(line);
}
