/**
 * The POP3 server session: greets, reads commands, refuses what the state does not allow, runs rows of the verb table,
 * answers (one write for all commands that came together), and ends cleanly. Messages are removed by QUIT only.
 */
import { usableMechanisms } from "../sasl/server.ts";
import { errorText, Permanent } from "../../core/errors.ts";
import { Dialogue } from "../imap/dialogue.ts";
import type { ImapInput } from "../imap/input.ts";
import type { ImapOutput } from "../imap/output.ts";
import type { Pop3Login, Pop3Maildrop } from "./backend.ts";
import { SASL_LINE_BYTES_MAX } from "../sasl/lines.ts";
import { COMMAND_BYTES_MAX, parseCommand } from "./parse.ts";
import { accept, type CapabilityState, formatReply, type Pop3Reply, reject } from "./replies.ts";
import type { Pop3Context, Pop3EndReason, Pop3Settings, Pop3State, Pop3Wire } from "./session_types.ts";
import { VERBS } from "./verbs.ts";

/** How long a client may be silent before login. Ours. */
export const LOGIN_TIMEOUT_MS = 60_000;
/** How long a client may be silent after login; at least 10 minutes [rfc1939 3]. */
export const SESSION_TIMEOUT_MS = 10 * 60_000;
/** Commands in a row that fail for their form before the session ends. Ours. */
export const BAD_COMMANDS_MAX = 20;
/** Failed logins before the session ends. Ours. */
export const LOGIN_FAILURES_MAX = 5;
/** How long a failed login waits for its answer. Ours: slows guessing. */
export const LOGIN_FAILURE_WAIT_MS = 1000;

/** Serves one client until the end; closes the connection and the maildrop. Never throws for what a client does. */
export async function servePop3Session(wire: Pop3Wire, settings: Pop3Settings): Promise<void> {
  await new Pop3Session(wire, settings).run();
}

class Pop3Session implements Pop3Context {
  readonly settings: Pop3Settings;
  readonly wire: Pop3Wire;
  readonly input: ImapInput;
  readonly out: ImapOutput;
  readonly #dialogue: Dialogue<"quit">;
  readonly deleted = new Set<number>();
  user: string | undefined;
  last = 0;
  retrieved = 0;
  #state: Pop3State = "authorization";
  #maildrop: Pop3Maildrop | undefined;
  #name = "";
  #plainTextAllowed: boolean;
  #badCommands = 0;
  #loginFailures = 0;
  #removed = 0;
  readonly #startedMs: number;

  constructor(wire: Pop3Wire, settings: Pop3Settings) {
    this.wire = wire;
    this.settings = settings;
    this.#plainTextAllowed = settings.plainTextAllowed || wire.tls !== undefined;
    this.#startedMs = settings.clock.nowMs();
    this.#dialogue = new Dialogue({
      wire,
      stopping: settings.stopping,
      farewell: (text) => formatReply(reject(text, "SYS/TEMP")),
      surprise: (reason) => settings.note({ kind: "error", verb: "session", reason }),
    });
    this.input = this.#dialogue.input;
    this.out = this.#dialogue.out;
  }

  get maildrop(): Pop3Maildrop {
    if (!this.#maildrop) throw new Error("no maildrop before login");
    return this.#maildrop;
  }

  async run(): Promise<void> {
    await this.#dialogue.run(() => this.#greet(), () => this.#command());
    await this.#close();
  }

  capabilities(): CapabilityState {
    const { authenticator, tls } = this.settings;
    return {
      authenticated: this.#state === "transaction",
      canStartTls: tls !== undefined && this.wire.startTls !== undefined && this.wire.tls === undefined,
      plainTextAllowed: this.#plainTextAllowed,
      mechanisms: usableMechanisms(authenticator.mechanisms, {
        tls: this.wire.tls,
        plainTextAllowed: this.#plainTextAllowed,
      }),
    };
  }

  flush(): Promise<void> {
    return this.#dialogue.flush();
  }

  async login(login: Pop3Login, mechanism: string): Promise<Pop3Reply> {
    const { clock, note, stopping } = this.settings;
    if (login.kind !== "ok") {
      const reason = login.kind === "denied" ? "wrong user or password" : login.reason;
      note({ kind: "login-failed", mechanism, reason });
      await clock.sleep(LOGIN_FAILURE_WAIT_MS, stopping);
      if (++this.#loginFailures >= LOGIN_FAILURES_MAX) this.finish("refused");
      return reject(reason, "AUTH");
    }
    await this.#enter(login.user, login);
    note({ kind: "login", user: login.user, mechanism });
    return accept("logged in");
  }

  finish(reason: Pop3EndReason): void {
    this.#dialogue.endReason = reason;
  }

  secured(): void {
    this.#plainTextAllowed = true;
  }

  async #enter(user: string, source: { open(): Promise<Pop3Maildrop> }): Promise<void> {
    this.#maildrop = await source.open();
    this.#name = user;
    this.#state = "transaction";
    this.wire.setTimeout(SESSION_TIMEOUT_MS);
  }

  async #greet(): Promise<void> {
    this.wire.setTimeout(LOGIN_TIMEOUT_MS);
    const { preauthenticated, hostName } = this.settings;
    if (preauthenticated) await this.#enter(preauthenticated.user, preauthenticated);
    this.out.line(`+OK ${hostName} POP3 ready`);
  }

  async #command(): Promise<void> {
    const authorization = this.#state === "authorization";
    const line = await this.input.line(authorization ? SASL_LINE_BYTES_MAX + COMMAND_BYTES_MAX : COMMAND_BYTES_MAX);
    if (line === undefined) return this.finish("disconnected");
    const reply = await this.#execute(line);
    if (reply) this.out.line(formatReply(reply));
    if (this.#badCommands >= BAD_COMMANDS_MAX) this.finish("refused");
    if (this.out.full) await this.flush();
  }

  async #execute(line: string): Promise<Pop3Reply | undefined> {
    let verb = "";
    try {
      const command = parseCommand(line);
      verb = command.verb;
      const row = VERBS.get(verb);
      if (!row) throw new Permanent(`unknown command ${verb}`);
      if (line.length > COMMAND_BYTES_MAX && verb !== "AUTH") throw new Permanent("the line is too long");
      const act = row[this.#state];
      if (!act) {
        throw new Permanent(`${verb} is not possible ${this.#state === "transaction" ? "now" : "before login"}`);
      }
      const reply = await act(this, command.rest);
      this.#badCommands = 0;
      return reply;
    } catch (error) {
      this.#dialogue.rethrowIfOver(error);
      if (error instanceof Permanent) {
        this.#badCommands++;
        return reject(error.message);
      }
      this.settings.note({ kind: "error", verb, reason: errorText(error) });
      return reject("the maildrop is not available now, try again later", "SYS/TEMP");
    }
  }

  async #close(): Promise<void> {
    const { clock, note } = this.settings;
    if (this.#dialogue.endReason === "quit") this.#removed = this.deleted.size;
    try {
      await this.#maildrop?.close();
    } catch (error) {
      note({ kind: "error", verb: "close", reason: errorText(error) });
    }
    this.wire.close();
    note({
      kind: "end",
      user: this.#name,
      reason: this.#dialogue.endReason ?? "disconnected",
      retrieved: this.retrieved,
      removed: this.#removed,
      receivedBytes: this.#dialogue.receivedBytes,
      sentBytes: this.#dialogue.sentBytes,
      durationMs: clock.nowMs() - this.#startedMs,
    });
  }
}
