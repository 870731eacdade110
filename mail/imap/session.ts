/**
 * The IMAP4rev1 server session: greets, reads commands, refuses what the state does not allow, runs rows of the verb table,
 * answers, and ends cleanly. The connection and the store are given; it knows no files, sockets or clock.
 */
import { errorText, Permanent, Temporary, TimedOut } from "../../core/errors.ts";
import type { ImapAccount, ImapLogin } from "./backend.ts";
import { ALREADY_ANSWERED } from "./command_login.ts";
import { runAppend } from "./command_append.ts";
import { type Incoming, readCommand } from "./command_reader.ts";
import { ImapInput, LineTooLong } from "./input.ts";
import { ImapOutput } from "./output.ts";
import { parseCommandStart } from "./parse.ts";
import { bad, type CapabilityState, capabilityText, type Completion, formatCompletion, no, ok } from "./replies.ts";
import type { SelectedMailbox } from "./selected.ts";
import type { CommandContext, ImapEvent, ImapSettings, ImapState, ImapWire } from "./session_types.ts";
import { VERBS } from "./verbs.ts";

/** How long a client may be silent before login. Ours, as Dovecot's. */
export const LOGIN_TIMEOUT_MS = 60_000;
/** How long a client may be silent after login; at least 30 minutes [rfc3501 5.4]. */
export const SESSION_TIMEOUT_MS = 30 * 60_000;
/** Commands in a row that are BAD before the session ends. Ours. */
export const BAD_COMMANDS_MAX = 20;
/** Failed logins before the session ends. Ours. */
export const LOGIN_FAILURES_MAX = 5;
/** How long a failed login waits for its answer. Ours: slows guessing. */
export const LOGIN_FAILURE_WAIT_MS = 1000;

const STOPPING = "the server is going down";

type EndReason = Extract<ImapEvent, { kind: "end" }>["reason"];

/** Serves one client until the end; closes the connection and the account. Never throws for what a client does. */
export async function serveImapSession(wire: ImapWire, settings: ImapSettings): Promise<void> {
  await new ImapSession(wire, settings).run();
}

class ImapSession implements CommandContext {
  readonly settings: ImapSettings;
  readonly wire: ImapWire;
  readonly input: ImapInput;
  readonly out: ImapOutput;
  tag = "*";
  state: ImapState = "not-authenticated";
  selected: SelectedMailbox | undefined;
  #account: ImapAccount | undefined;
  #user = "";
  #plainTextAllowed: boolean;
  #endReason: EndReason | undefined;
  #lost: { readonly error: unknown } | undefined;
  #flushing: Promise<void> | undefined;
  #waiting = false;
  #saidBye = false;
  #badCommands = 0;
  #loginFailures = 0;
  #receivedBytes = 0;
  #sentBytes = 0;
  readonly #startedMs: number;

  constructor(wire: ImapWire, settings: ImapSettings) {
    this.wire = wire;
    this.settings = settings;
    this.#plainTextAllowed = settings.plainTextAllowed || wire.tls !== undefined;
    this.#startedMs = settings.clock.nowMs();
    this.out = new ImapOutput(wire);
    const reader = {
      read: async (into: Uint8Array) => {
        const count = await this.#waitFor(() => wire.read(into));
        this.#receivedBytes += count ?? 0;
        return count;
      },
      readable: () => this.#waitFor(() => wire.readable()),
    };
    this.input = new ImapInput(reader, () => this.flush());
  }

  get account(): ImapAccount {
    if (!this.#account) throw new Error("no account before login");
    return this.#account;
  }

  get folder(): SelectedMailbox {
    if (!this.selected) throw new Error("no folder is open");
    return this.selected;
  }

  async run(): Promise<void> {
    const { settings } = this;
    const stop = () => this.#stop();
    settings.stopping.addEventListener("abort", stop, { once: true });
    try {
      this.#greet();
      while (this.#endReason === undefined) await this.#command();
      if (this.#endReason === "refused") await this.#farewell("that is enough");
      if (this.#endReason === "stopped") await this.#farewell(STOPPING);
      await this.flush();
    } catch (error) {
      await this.#ended(error);
    } finally {
      settings.stopping.removeEventListener("abort", stop);
      await this.#close();
    }
  }

  capabilities(): CapabilityState {
    const { authenticator, tls } = this.settings;
    return {
      authenticated: this.state !== "not-authenticated",
      canStartTls: tls !== undefined && this.wire.startTls !== undefined && this.wire.tls === undefined,
      plainTextAllowed: this.#plainTextAllowed,
      mechanisms: authenticator.mechanisms,
    };
  }

  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
    if (this.out.length === 0) return;
    this.#sentBytes += this.out.length;
    this.#flushing = this.#guard(this.out.flush());
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  async login(login: ImapLogin, mechanism: string): Promise<Completion> {
    const { clock, note } = this.settings;
    if (login.kind !== "ok") {
      const reason = login.kind === "denied" ? "wrong user or password" : login.reason;
      note({ kind: "login-failed", mechanism, reason });
      await clock.sleep(LOGIN_FAILURE_WAIT_MS, this.settings.stopping);
      if (++this.#loginFailures >= LOGIN_FAILURES_MAX) this.finish("refused");
      return no(reason, login.kind === "denied" ? "AUTHENTICATIONFAILED" : "AUTHORIZATIONFAILED");
    }
    this.#account = await login.open();
    this.#user = login.user;
    this.state = "authenticated";
    this.wire.setTimeout(SESSION_TIMEOUT_MS);
    note({ kind: "login", user: login.user, mechanism });
    return ok("logged in", `CAPABILITY ${capabilityText(this.capabilities())}`);
  }

  async changeFolder(folder: SelectedMailbox | undefined): Promise<void> {
    const before = this.selected;
    this.selected = folder;
    this.state = folder ? "selected" : "authenticated";
    if (before) await before.mailbox.release();
  }

  finish(reason: "logout" | "refused" | "disconnected"): void {
    this.#endReason = reason;
    if (reason !== "refused") this.state = "logout";
  }

  secured(): void {
    this.#plainTextAllowed = true;
  }

  #greet(): void {
    const preauthenticated = this.settings.preauthenticated;
    if (preauthenticated) {
      this.#account = preauthenticated.account;
      this.#user = preauthenticated.user;
      this.state = "authenticated";
    }
    this.wire.setTimeout(preauthenticated ? SESSION_TIMEOUT_MS : LOGIN_TIMEOUT_MS);
    const code = `CAPABILITY ${capabilityText(this.capabilities())}`;
    const greeting = ok(`${this.settings.hostName} IMAP4rev1 ready`, code);
    const line = formatCompletion(preauthenticated?.tag ?? "*", greeting);
    this.out.line(preauthenticated && preauthenticated.tag === undefined ? line.replace("* OK", "* PREAUTH") : line);
  }

  async #command(): Promise<void> {
    const incoming = await readCommand(this.input, this.out, { authenticated: this.state !== "not-authenticated" });
    if (incoming.kind === "end") return this.finish("disconnected");
    this.tag = incoming.tag;
    const completion = await this.#execute(incoming);
    if (completion !== ALREADY_ANSWERED) this.out.line(formatCompletion(this.tag, completion));
    this.#badCommands = completion.status === "BAD" ? this.#badCommands + 1 : 0;
    if (this.#badCommands >= BAD_COMMANDS_MAX) this.finish("refused");
    if (this.out.full) await this.flush();
  }

  async #execute(incoming: Exclude<Incoming, { kind: "end" }>): Promise<Completion> {
    let verb = "APPEND";
    try {
      if (incoming.kind === "refused") return incoming.completion;
      if (incoming.kind === "append") {
        const completion = await runAppend(this, incoming);
        await this.#sync({ expunges: true });
        return completion;
      }
      const start = parseCommandStart(incoming.text, incoming.tag);
      verb = start.verb;
      const row = VERBS.get(verb);
      if (!row) return bad(`unknown command ${verb}`);
      if (!row.states.includes(this.state)) return bad(`${verb} is not possible in the state ${this.state}`);
      const completion = await row.prepare(start.scanner)(this);
      await this.#sync(row);
      return completion;
    } catch (error) {
      if (this.#lost) throw this.#lost.error;
      if (error instanceof LineTooLong) throw error;
      if (error instanceof Permanent) return bad(error.message);
      this.settings.note({ kind: "error", verb, reason: errorText(error) });
      return no("the mailbox is not available now, try again later", "UNAVAILABLE");
    }
  }

  /** Tells of changes in the open folder before a command completes. */
  async #sync(options: { readonly expunges: boolean }): Promise<void> {
    if (!this.selected) return;
    const refreshed = this.selected.mailbox.refresh();
    if (refreshed) await refreshed;
    this.selected?.sync(this.out, options);
  }

  /** Waits for the client, unless the server stops. */
  async #waitFor<T>(read: () => Promise<T>): Promise<T> {
    if (this.#endReason === "stopped") await this.#guard(Promise.reject(new Temporary("the server is going down")));
    this.#waiting = true;
    try {
      return await this.#guard(read());
    } finally {
      this.#waiting = false;
    }
  }

  /** Remembers that it was the connection that failed, not the store. */
  async #guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#lost ??= { error };
      throw error;
    }
  }

  /** The server stops: a command that runs is finished first, one that waits for the client is cut off. */
  #stop(): void {
    this.#endReason ??= "stopped";
    if (this.#waiting) this.#farewell(STOPPING).finally(() => this.wire.close());
  }

  /** The last words, by what ended the session. */
  async #ended(error: unknown): Promise<void> {
    if (this.#endReason === "stopped") return await this.#farewell(STOPPING);
    if (this.#endReason !== undefined) return;
    if (error instanceof TimedOut || error instanceof LineTooLong) {
      this.#endReason = error instanceof TimedOut ? "timeout" : "refused";
      return await this.#farewell(error instanceof TimedOut ? "silent for too long" : error.message);
    }
    this.#endReason = "disconnected";
    if (!this.#lost) this.settings.note({ kind: "error", verb: "session", reason: errorText(error) });
  }

  /** Says BYE once; a client that is gone needs none. */
  async #farewell(text: string): Promise<void> {
    if (this.#saidBye) return;
    this.#saidBye = true;
    this.out.line(`* BYE ${text}`);
    await this.flush().catch((error) => this.#lost ??= { error });
  }

  async #close(): Promise<void> {
    const { clock, note } = this.settings;
    try {
      await this.changeFolder(undefined);
      await this.#account?.close();
    } catch (error) {
      note({ kind: "error", verb: "close", reason: errorText(error) });
    }
    this.wire.close();
    note({
      kind: "end",
      user: this.#user,
      reason: this.#endReason ?? "disconnected",
      receivedBytes: this.#receivedBytes,
      sentBytes: this.#sentBytes,
      durationMs: clock.nowMs() - this.#startedMs,
    });
  }
}
