/**
 * The SMTP backend of one connection: policy from the settings, recipients and logins from the lookup daemon, messages to
 * the queue daemon, a log line for each message and refusal.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText } from "../../core/errors.ts";
import { isLoopback } from "../../core/net/listener.ts";
import type { CertificateFolder } from "../../core/net/tls_server.ts";
import type { Logger } from "../../core/log.ts";
import type { Connection } from "../../core/stream.ts";
import { formatSmtpReceived } from "../../mail/received.ts";
import { type SaslMechanism, tryParseMechanism, usableMechanisms } from "../../mail/sasl/server.ts";
import type {
  SmtpAnswer,
  SmtpAuthExchange,
  SmtpBackend,
  SmtpEnd,
  SmtpFeatures,
  SmtpGreeting,
  SmtpMessage,
} from "../../mail/smtp/backend.ts";
import type { MailCommand } from "../../mail/smtp/parse.ts";
import { REPLIES, type SmtpReply } from "../../mail/smtp/replies.ts";
import type { Lookup } from "../../storage/accounts/lookup_types.ts";
import type { SubmissionClient } from "../../storage/queue/submission.ts";
import { type Login, startSmtpAuth } from "./auth.ts";
import { IncomingMessage } from "./incoming_message.ts";
import { acceptedLine, endedLine, refusedLine, type SessionFacts } from "./log_lines.ts";
import {
  badSender,
  RECIPIENT_OK,
  type RecipientCheck,
  type RecipientVerdict,
  tooManyRecipients,
} from "./recipients.ts";
import type { SmtpSettings } from "./settings.ts";

/** What all sessions of a process share. */
export interface SmtpServer {
  /** The settings as they are now. */
  settings(): SmtpSettings;
  readonly lookup: Lookup;
  readonly recipients: RecipientCheck;
  readonly queue: SubmissionClient;
  /** Certificates; undefined: STARTTLS is not offered. */
  readonly certificates: CertificateFolder | undefined;
  readonly log: Logger;
  readonly nowMs: () => number;
  readonly sleep: (durationMs: number) => Promise<void>;
  /** A new id for a message, for log and Received line. */
  readonly nextId: () => string;
  /** Name in log lines. */
  readonly name: string;
  readonly pid: number;
  readonly uid: number;
}

/** What is known of one client beside its connection. */
export interface SmtpClientFacts {
  /** Its name by DNS; undefined when not known. */
  readonly remoteHost?: string | undefined;
  /** What ident told. */
  readonly remoteInfo?: string | undefined;
  /** Submission: mail only after AUTH. */
  readonly submission: boolean;
  /** AUTH can be offered: there is somebody to ask. */
  readonly offersAuth: boolean;
}

const AUTH_REQUIRED: SmtpReply = { code: 530, enhanced: "5.7.0", text: "authentication required" };
const TLS_REQUIRED: SmtpReply = { code: 530, enhanced: "5.7.0", text: "say STARTTLS first" };

/** The backend of one connection. */
export class SmtpdBackend implements SmtpBackend {
  readonly #server: SmtpServer;
  readonly #connection: Connection;
  readonly #client: SmtpClientFacts;
  /** The settings as they were when the client came. */
  readonly #settings: SmtpSettings;
  #features: SmtpFeatures | undefined;
  #helo: SmtpGreeting | undefined;
  #login: Login | undefined;
  #sender: string | undefined;
  #recipients: string[] = [];
  #recipientCount = 0;
  #isGranted: boolean | undefined;

  constructor(server: SmtpServer, connection: Connection, client: SmtpClientFacts) {
    this.#server = server;
    this.#connection = connection;
    this.#client = client;
    this.#settings = server.settings();
  }

  get hostName(): string {
    return this.#settings.hostName;
  }

  get timeoutMs(): number {
    return this.#settings.timeoutMs;
  }

  get hopsMax(): number {
    return this.#settings.hopsMax;
  }

  features(): SmtpFeatures {
    return this.#features ??= {
      sizeBytesMax: this.#settings.sizeBytesMax,
      mechanisms: this.#authRefusal() ? [] : this.#usableMechanisms(),
      tls: this.#server.certificates?.available() ? this.#server.certificates : undefined,
    };
  }

  connected(): SmtpReply {
    return { code: 220, text: `${this.#settings.greeting} ESMTP` };
  }

  hello(greeting: SmtpGreeting): SmtpReply {
    this.#helo = greeting;
    this.#features = undefined;
    return { code: 250, text: this.#settings.hostName };
  }

  tlsStarted(): void {
    this.#helo = undefined;
    this.#login = undefined;
    this.#features = undefined;
  }

  /** Why AUTH is not possible now; undefined when it is. */
  #authRefusal(): SmtpReply | undefined {
    if (!this.#client.offersAuth || this.#settings.mechanisms.length === 0) return REPLIES.authNotOffered;
    if (this.#login) return REPLIES.authDone;
    if (this.#connection.tls) return undefined;
    const { plainAuth, forceTls } = this.#settings;
    const plain = plainAuth === "everybody" || (plainAuth === "loopback" && isLoopback(this.#connection.remote.host));
    return plain && !forceTls ? undefined : REPLIES.authNeedsTls;
  }

  /** Where AUTH is possible at all, passwords may be sent as they are. */
  #usableMechanisms(): readonly SaslMechanism[] {
    return usableMechanisms(this.#settings.mechanisms, { tls: this.#connection.tls, plainTextAllowed: true });
  }

  authenticate(mechanism: string): SmtpAuthExchange | SmtpReply {
    const refusal = this.#authRefusal();
    if (refusal) return refusal;
    const known = tryParseMechanism(mechanism);
    const offered = this.#usableMechanisms();
    if (!known || !offered.includes(known)) return REPLIES.authMechanism;
    return startSmtpAuth(known, {
      lookup: this.#server.lookup,
      hostName: this.#settings.hostName,
      remoteIp: this.#connection.remote.host,
      localIp: this.#connection.local.host,
      nowMs: this.#server.nowMs(),
      tls: this.#connection.tls,
      offered,
      accepted: (login) => {
        this.#login = login;
        this.#features = undefined;
      },
    });
  }

  mail(command: MailCommand): SmtpReply {
    const { forceTls, requireAuth } = this.#settings;
    if (forceTls && !this.#connection.tls) return TLS_REQUIRED;
    if ((requireAuth || this.#client.submission) && !this.#login) return AUTH_REQUIRED;
    this.#sender = command.sender;
    return REPLIES.senderOk;
  }

  recipient(recipient: string): SmtpAnswer {
    const settings = this.#settings;
    const sender = this.#sender ?? "";
    if (settings.recipientsMax > 0 && this.#recipients.length >= settings.recipientsMax) {
      return tooManyRecipients(settings.recipientsMax);
    }
    if (sender !== "" && settings.badMailFrom.hasAddress(sender)) return badSender(sender);
    const rights = {
      relay: this.#relay(sender),
      authenticated: this.#login !== undefined,
      askGrant: settings.checkRelay && sender !== "" && !this.#login ? () => this.#askGrant(sender) : undefined,
      localIp: this.#connection.local.host,
    };
    const verdict = this.#server.recipients.check(recipient, rights, settings);
    this.#recipientCount++;
    if (settings.tarpitCount > 0 && this.#recipientCount > settings.tarpitCount) return this.#tarpit(verdict);
    return verdict instanceof Promise ? verdict.then((settled) => this.#take(settled)) : this.#take(verdict);
  }

  /** POP before SMTP: asked once for a message [man qmail-smtpd.8, CHECKRELAY]. */
  async #askGrant(sender: string): Promise<boolean> {
    return this.#isGranted ??= await this.#server.lookup.relayGranted(sender, this.#connection.remote.host);
  }

  async #tarpit(verdict: RecipientVerdict | Promise<RecipientVerdict>): Promise<SmtpReply> {
    const [settled] = await Promise.all([verdict, this.#server.sleep(this.#settings.tarpitDelayMs)]);
    return this.#take(settled);
  }

  #take(verdict: RecipientVerdict): SmtpReply {
    if (verdict.kind === "refused") return verdict.reply;
    this.#recipients.push(verdict.address);
    return RECIPIENT_OK;
  }

  /** What is appended to recipients when the client may relay; undefined when it may not. */
  #relay(sender: string): string | undefined {
    const { relayClient, relayClients, relayDomains, relayMailFrom } = this.#settings;
    if (relayClient !== undefined) return relayClient;
    if (this.#login?.mayRelay) return "";
    const { remoteHost } = this.#client;
    return relayClients.ofAddress(this.#connection.remote.host) ??
      (remoteHost === undefined ? undefined : relayDomains.ofHost(remoteHost)) ??
      (sender !== "" && relayMailFrom.hasAddress(sender) ? "" : undefined);
  }

  async message(): Promise<SmtpMessage | SmtpReply> {
    const { queue, uid, pid, log } = this.#server;
    const submission = await queue.open({ uid, pid });
    const envelope = { sender: this.#sender ?? "", recipients: this.#recipients };
    const id = this.#server.nextId();
    return new IncomingMessage(submission, envelope, {
      head: latin1Bytes(this.#received(id)),
      accepted: (sizeBytes, queueId) => log.line(acceptedLine(this.#facts(), { ...envelope, sizeBytes, id, queueId })),
    });
  }

  #received(id: string): string {
    const { tls, remote } = this.#connection;
    const { hideHost, hostName } = this.#settings;
    const base = this.#helo?.extended ? `ESMTP${tls ? "S" : ""}${this.#login ? "A" : ""}` : "SMTP";
    const atMs = this.#server.nowMs();
    return formatSmtpReceived({
      remoteHost: hideHost ? "unknown" : this.#client.remoteHost ?? "unknown",
      remoteIp: hideHost ? "hidden" : remote.host,
      remoteInfo: this.#login?.address ?? this.#client.remoteInfo,
      helo: this.#helo?.name ?? "",
      localHost: hostName,
      protocol: base,
      tls: tls && `${tls.protocol} ${tls.cipher}`,
      id,
      atMs,
      zoneMinutes: -new Date(atMs).getTimezoneOffset(),
    });
  }

  #facts(): SessionFacts {
    return {
      name: this.#server.name,
      pid: this.#server.pid,
      remoteIp: this.#connection.remote.host,
      helo: this.#helo?.name,
      sender: this.#sender,
      login: this.#login?.address,
    };
  }

  reset(): void {
    this.#sender = undefined;
    this.#recipients = [];
    this.#recipientCount = 0;
    this.#isGranted = undefined;
  }

  refused(reply: SmtpReply, command: string): void {
    this.#server.log.line(refusedLine(this.#facts(), reply, command));
  }

  surprise(error: unknown): void {
    const text = error instanceof Error ? error.stack ?? errorText(error) : errorText(error);
    this.#server.log.line(`${this.#server.name}: pid ${this.#server.pid} bug: ${text}`);
  }

  ended(how: SmtpEnd, reason?: string): void {
    if (reason !== undefined && how !== "stopped") this.#server.log.line(endedLine(this.#facts(), how, reason));
  }
}
