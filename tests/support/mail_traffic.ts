/**
 * Steady traffic on an installation under faults: messages by SMTP, logins by IMAP and POP3, each with what the server said.
 * The ledger tells afterwards whether anything was lost, doubled, bounced, or refused for good.
 */
import { errorText } from "../../core/errors.ts";
import { command, type Installation, pause } from "./installation.ts";
import { LineClient } from "./line_client.ts";
import { sendMessage } from "./smtp_client.ts";

/** What came of one message or login. */
export interface TrafficEvent {
  readonly kind: "mail" | "imap" | "pop3";
  readonly outcome: "ok" | "refused";
  /** The subject of a message that was taken, or what the server said. */
  readonly text: string;
  readonly atMs: number;
}

/** How traffic is made. */
export interface TrafficOptions {
  /** Local parts of the users, whose password is `secret`; the first sends, and gets what bounces. */
  readonly users: readonly string[];
  /** Senders of each kind at once. */
  readonly width: number;
  /** Pause after each event, milliseconds. */
  readonly pauseMs: number;
}

/** Traffic that goes on until it is stopped. */
export class MailTraffic {
  readonly events: TrafficEvent[] = [];
  readonly #installation: Installation;
  readonly #options: TrafficOptions;
  readonly #loops: Promise<void>[] = [];
  #number = 0;
  #stopped = false;

  constructor(installation: Installation, options: TrafficOptions) {
    this.#installation = installation;
    this.#options = options;
    for (let count = 0; count < options.width; count++) {
      this.#loops.push(this.#loop(() => this.#mail()), this.#loop(() => this.#imap()), this.#loop(() => this.#pop3()));
    }
  }

  /** Ends it; throws what no client expects. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  /** The events since a time. */
  since(atMs: number): readonly TrafficEvent[] {
    return this.events.filter((event) => event.atMs >= atMs);
  }

  /** Subjects of all messages that were taken. */
  get taken(): readonly string[] {
    return this.events.filter(({ kind, outcome }) => kind === "mail" && outcome === "ok").map(({ text }) => text);
  }

  async #loop(step: () => Promise<Omit<TrafficEvent, "atMs">>): Promise<void> {
    while (!this.#stopped) {
      const atMs = Date.now();
      this.events.push({ ...await step(), atMs });
      await pause(this.#options.pauseMs);
    }
  }

  #user(): string {
    const { users } = this.#options;
    return users[1 + this.#number++ % (users.length - 1)]!;
  }

  async #mail(): Promise<Omit<TrafficEvent, "atMs">> {
    const { ports, domain } = this.#installation;
    const recipient = `${this.#user()}@${domain}`;
    const subject = `traffic-${this.#number}-${recipient.slice(0, recipient.indexOf("@"))}`;
    const sender = `${this.#options.users[0]}@${domain}`;
    const text = `From: ${sender}\nTo: ${recipient}\nSubject: ${subject}\n\nbody\n`;
    const end = await sendMessage({ port: ports.smtp, sender, recipient, text });
    if (end.kind === "accepted") return { kind: "mail", outcome: "ok", text: subject };
    return { kind: "mail", outcome: "refused", text: end.kind === "refused" ? end.text : "the connection was lost" };
  }

  async #imap(): Promise<Omit<TrafficEvent, "atMs">> {
    const { ports, domain } = this.#installation;
    return await attempt("imap", async () => {
      using client = await LineClient.connect(ports.imap);
      await client.ask("", /^\* OK.*\r\n/);
      const said = await client.ask(`a LOGIN ${this.#user()}@${domain} secret`, /^a .*\r\n|^\* BYE.*\r\n/m);
      return { ok: /^a OK/m.test(said), said };
    });
  }

  async #pop3(): Promise<Omit<TrafficEvent, "atMs">> {
    const { ports, domain } = this.#installation;
    return await attempt("pop3", async () => {
      using client = await LineClient.connect(ports.pop3);
      await client.ask("", /^\+OK.*\r\n/);
      await client.ask(`USER ${this.#user()}@${domain}`, /^\+OK.*\r\n/);
      const said = await client.ask("PASS secret", /\r\n/);
      const ok = said.startsWith("+OK");
      if (ok) await client.ask("QUIT", /\r\n/);
      return { ok, said };
    });
  }
}

async function attempt(
  kind: "imap" | "pop3",
  login: () => Promise<{ readonly ok: boolean; readonly said: string }>,
): Promise<Omit<TrafficEvent, "atMs">> {
  try {
    const { ok, said } = await login();
    return { kind, outcome: ok ? "ok" : "refused", text: said.trim() };
  } catch (error) {
    return { kind, outcome: "refused", text: errorText(error) };
  }
}

/** What was said to refuse, that is not temporary in the words of its protocol. */
export function notTemporary(events: readonly TrafficEvent[]): readonly TrafficEvent[] {
  const temporary = { mail: /^4\d\d |^451 /, imap: /^a NO \[UNAVAILABLE\]/m, pop3: /^-ERR \[SYS\/TEMP\]/ };
  return events.filter(({ kind, outcome, text }) => outcome === "refused" && !temporary[kind].test(text));
}

/** The subjects of all mail in a user's mailbox, by files. */
export async function subjectsOf(installation: Installation, user: string): Promise<readonly string[]> {
  const home = (await installation.must("vuserinfo", ["-d", `${user}@${installation.domain}`])).trim();
  const all = await command("sh", ["-c", `cat ${home}/Maildir/new/* ${home}/Maildir/cur/* 2>/dev/null || true`]);
  return [...all.stdout.matchAll(/^Subject: (.*)$/gm)].map(([, subject]) => subject!.trim());
}
