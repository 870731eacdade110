/**
 * The poppassd dialogue: user, old and new password, one reply a command [man qmail-poppass.9]. Who checks and who sets
 * passwords is given; so is the wait after a failure.
 */
import { escapedText } from "../../core/environment.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Temporary, TimedOut } from "../../core/errors.ts";
import type { Connection, ServerTls } from "../../core/stream.ts";
import { LineReader } from "../../mail/smtp/line_reader.ts";

/** Longest command, bytes; the interface of checkpassword takes 512 for all. */
export const COMMAND_BYTES_MAX = 512;
/** How long a client may be silent. Ours. */
export const IDLE_TIMEOUT_MS = 60_000;
/** How long a failure waits for its answer [man qmail-poppass.9]. */
export const FAILURE_WAIT_MS = 5000;
/** Failures before the session ends. Ours. */
export const FAILURES_MAX = 3;

/** What a session needs. */
export interface PoppassSettings {
  readonly hostName: string;
  /** The certificate for STARTTLS; undefined: it is not offered. */
  readonly tls: ServerTls | undefined;
  /** Whether the old password is right. Throws Temporary when nobody can tell. */
  check(user: string, password: string): Promise<boolean>;
  /** Sets the new password; false when it is refused. Throws Temporary. */
  change(user: string, passwords: { readonly old: string; readonly new: string }): Promise<boolean>;
  sleep(durationMs: number): Promise<void>;
  log(line: string): void;
}

interface Step {
  readonly reply: string;
  readonly state?: "user" | "pass" | "newpass" | "end";
  /** A failure, which the client waits for. */
  readonly failed?: boolean;
}

/** Serves one client until it quits, fails too often or is silent. */
export class PoppassSession {
  readonly #connection: Connection;
  readonly #settings: PoppassSettings;
  #lines: LineReader;
  #state: "user" | "pass" | "newpass" | "end" = "user";
  #user = "";
  #old = "";
  #failures = 0;

  constructor(connection: Connection, settings: PoppassSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.#lines = new LineReader(connection, COMMAND_BYTES_MAX + 2);
  }

  /** The dialogue. Throws only what the connection throws. */
  async run(): Promise<void> {
    this.#connection.setTimeout(IDLE_TIMEOUT_MS);
    await this.#send(`200 ${this.#settings.hostName} hello, who are you?`);
    try {
      while (this.#state !== "end") {
        const line = await this.#line();
        if (line === undefined) return;
        await this.#answer(line);
      }
    } catch (error) {
      if (!(error instanceof TimedOut)) throw error;
      await this.#send("500 silent for too long");
    }
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const next = this.#lines.next(COMMAND_BYTES_MAX);
      if (next === "too-long") await this.#send("500 line too long");
      else if (next !== "fill") return next.line;
      else if (!(await this.#lines.fill())) return undefined;
    }
  }

  async #answer(line: string): Promise<void> {
    const [, verb = "", rest = ""] = /^(\S*)(?: ([^]*))?$/.exec(line) ?? [];
    if (/^(?:starttls|stls)$/i.test(verb)) return await this.#startTls();
    const step = await this.#step(verb.toLowerCase(), escapedText(latin1Bytes(rest)));
    if (step.failed) {
      await this.#settings.sleep(FAILURE_WAIT_MS);
      if (++this.#failures >= FAILURES_MAX) this.#state = "end";
    }
    if (this.#state !== "end") this.#state = step.state ?? this.#state;
    await this.#send(step.reply);
  }

  async #step(verb: string, argument: string): Promise<Step> {
    try {
      if (verb === "quit") return { reply: "200 Bye-bye", state: "end" };
      switch (this.#state) {
        case "pass":
          return verb === "pass" ? await this.#check(argument) : { reply: "500 Password required.", state: "user" };
        case "newpass":
          return verb === "newpass"
            ? await this.#change(argument)
            : { reply: "500 New Password required.", state: "user" };
        default:
          if (verb !== "user" || argument === "") return { reply: "500 Username required." };
          this.#user = argument;
          return { reply: "300 your password please.", state: "pass" };
      }
    } catch (error) {
      if (!(error instanceof Temporary)) throw error;
      this.#settings.log(`${this.#named()}: ${error.message}`);
      return { reply: "400 not possible now, try again later", state: "user" };
    }
  }

  async #check(password: string): Promise<Step> {
    if (password !== "" && await this.#settings.check(this.#user, password)) {
      this.#old = password;
      return { reply: "300 your new password please.", state: "newpass" };
    }
    this.#settings.log(`${this.#named()}: user or old password wrong`);
    return { reply: "500 Old password is incorrect or user not found.", state: "user", failed: true };
  }

  async #change(password: string): Promise<Step> {
    const passwords = { old: this.#old, new: password };
    this.#old = "";
    if (password !== "" && await this.#settings.change(this.#user, passwords)) {
      this.#settings.log(`${this.#named()}: password changed`);
      return { reply: `200 Password changed for ${this.#user}, thank-you.`, state: "user" };
    }
    this.#settings.log(`${this.#named()}: password not changed`);
    return { reply: "500 Password change failed.", state: "user", failed: true };
  }

  /** What came before in plain text does not count [rfc3207 4.2]. */
  async #startTls(): Promise<void> {
    const { tls } = this.#settings;
    const { startTls } = this.#connection;
    if (!tls || !startTls || this.#connection.tls) return await this.#send("500 STARTTLS is not possible here");
    await this.#send("200 begin TLS now");
    await startTls.call(this.#connection, tls);
    this.#lines = new LineReader(this.#connection, COMMAND_BYTES_MAX + 2);
    this.#state = "user";
  }

  #named(): string {
    return JSON.stringify(this.#user);
  }

  #send(reply: string): Promise<void> {
    return this.#connection.write(new TextEncoder().encode(`${reply}\r\n`));
  }
}
