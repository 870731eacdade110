/**
 * The IMAP4rev1 server session: greets, reads commands, refuses what the state does not allow, runs rows of the verb table,
 * answers, and ends cleanly. The connection and the store are given; it knows no files, sockets or clock.
 */
import { usableMechanisms } from "../sasl/server.ts";
import { errorText, Permanent } from "../../core/errors.ts";
import type { ImapAccount, ImapLogin } from "./backend.ts";
import { ALREADY_ANSWERED } from "./command_login.ts";
import { runAppend } from "./command_append.ts";
import { type Incoming, readCommand } from "./command_reader.ts";
import { Dialogue } from "./dialogue.ts";
import type { ImapInput } from "./input.ts";
import type { ImapOutput } from "./output.ts";
import { parseCommandStart } from "./parse.ts";
import { bad, type CapabilityState, capabilityText, type Completion, formatCompletion, no, ok } from "./replies.ts";
import type { SelectedMailbox } from "./selected.ts";
import type { CommandContext, ImapSettings, ImapState, ImapWire } from "./session_types.ts";
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

/** Serves one client until the end; closes the connection and the account. Never throws for what a client does. */
export async function serveImapSession(wire: ImapWire, settings: ImapSettings): Promise<void> {
  await new ImapSession(wire, settings).run();
}

class ImapSession implements CommandContext {
  readonly settings: ImapSettings;
  readonly wire: ImapWire;
  readonly input: ImapInput;
  readonly out: ImapOutput;
  readonly #dialogue: Dialogue<"logout">;
  tag = "*";
  state: ImapState = "not-authenticated";
  selected: SelectedMailbox | undefined;
  #account: ImapAccount | undefined;
  #user = "";
  #plainTextAllowed: boolean;
  #badCommands = 0;
  #loginFailures = 0;
  readonly #startedMs: number;

  constructor(wire: ImapWire, settings: ImapSettings) {
    this.wire = wire;
    this.settings = settings;
    this.#plainTextAllowed = settings.plainTextAllowed || wire.tls !== undefined;
    this.#startedMs = settings.clock.nowMs();
    this.#dialogue = new Dialogue({
      wire,
      stopping: settings.stopping,
      farewell: (text) => `* BYE ${text}`,
      refused: "that is enough",
      surprise: (reason) => settings.note({ kind: "error", verb: "session", reason }),
    });
    this.input = this.#dialogue.input;
    this.out = this.#dialogue.out;
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
    await this.#dialogue.run(() => this.#greet(), () => this.#command());
    await this.#close();
  }

  capabilities(): CapabilityState {
    const { authenticator, tls } = this.settings;
    return {
      authenticated: this.state !== "not-authenticated",
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
    this.#dialogue.endReason = reason;
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
      this.#dialogue.rethrowIfOver(error);
      if (error instanceof Permanent) return bad(error.message);
      this.settings.note({ kind: "error", verb, reason: errorText(error) });
      return no("the mailbox is not available now, try again later", "UNAVAILABLE");
    }
  }

  /** Tells of changes in the open folder before a command completes; after BYE nobody wants to know. */
  async #sync(options: { readonly expunges: boolean }): Promise<void> {
    if (!this.selected || this.state === "logout") return;
    const refreshed = this.selected.mailbox.refresh();
    if (refreshed) await refreshed;
    this.selected?.sync(this.out, options);
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
      reason: this.#dialogue.endReason ?? "disconnected",
      receivedBytes: this.#dialogue.receivedBytes,
      sentBytes: this.#dialogue.sentBytes,
      durationMs: clock.nowMs() - this.#startedMs,
    });
  }
}
