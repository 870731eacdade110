/**
 * One SMTP session to a peer: connect, greeting, EHLO, TLS by policy, login; then messages, one after another, with the
 * report texts of the original [man qmail-remote.9].
 */
import { connectTcp } from "../../core/net/connect.ts";
import { errorText, Permanent, Temporary } from "../../core/errors.ts";
import type { Connection } from "../../core/stream.ts";
import { type ClientReply, replyText, SmtpClient, type TransactionReplies } from "../../mail/smtp/client.ts";
import type { RemoteContext, RemoteMessage } from "./deliver.ts";
import type { ExchangerAddress } from "./exchangers.ts";
import { failedEarly, type RecipientOutcome, type RemoteOutcome } from "./outcome.ts";
import { SMTP_PORT, type SmtpRoute } from "./routes.ts";

/** No session could be had with this peer. */
export class ConnectFailed extends Error {
  override name = "ConnectFailed";
  /** No other address will do better: the message bounces. */
  readonly permanent: boolean;

  constructor(message: string, options: { readonly cause?: unknown; readonly permanent?: boolean } = {}) {
    super(message, { cause: options.cause });
    this.permanent = options.permanent ?? false;
  }
}

/** What sending came to: the peer answered for the message, or the connection was lost. */
export type SendResult =
  | { readonly kind: "answered"; readonly outcome: RemoteOutcome }
  | { readonly kind: "lost"; readonly afterData: boolean; readonly outcome: RemoteOutcome };

const CONNECT_TIMEOUT_SECONDS = 60;
const REMOTE_TIMEOUT_SECONDS = 1200;

/** Where to, and how. */
export interface SessionTarget {
  readonly peer: ExchangerAddress;
  readonly route: SmtpRoute | undefined;
}

/** An open session. */
export class Session {
  readonly #client: SmtpClient;
  readonly #address: string;
  #messages = 0;
  #usable = true;

  constructor(client: SmtpClient, address: string) {
    this.#client = client;
    this.#address = address;
  }

  /** Messages sent so far. */
  get messages(): number {
    return this.#messages;
  }

  /** False when the peer asked to close, or a transaction went wrong. */
  get usable(): boolean {
    return this.#usable;
  }

  /** Sends a message; never throws. */
  async send(message: RemoteMessage): Promise<SendResult> {
    this.#messages++;
    try {
      const replies = await this.#client.transact(message);
      return { kind: "answered", outcome: this.#outcome(replies) };
    } catch (error) {
      this.#usable = false;
      if (error instanceof Permanent) return { kind: "answered", outcome: failedEarly("permanent", error.message) };
      const afterData = this.#client.undecided;
      const text = afterData
        ? `Connected to ${this.#address} but connection died. Possible duplicate! ${errorText(error)}. (#4.4.2)`
        : `Connected to ${this.#address} but connection died. ${errorText(error)}. (#4.4.2)`;
      return { kind: "lost", afterData, outcome: failedEarly("temporary", text) };
    }
  }

  quit(): void {
    this.#client.quit();
  }

  close(): void {
    this.#client.close();
  }

  #outcome(replies: TransactionReplies): RemoteOutcome {
    const host = this.#address;
    if (replies.mail.code >= 400) return this.#giveUp(replies.mail, `Connected to ${host} but sender was rejected`);
    const recipients = replies.recipients.map((reply): RecipientOutcome => ({
      kind: reply.code >= 500 ? "permanent" : reply.code >= 400 ? "temporary" : "accepted",
      text: reply.code < 400 ? "" : `${host} does not like recipient.\nRemote host said: ${replyText(reply)}\n`,
    }));
    if (!recipients.some(({ kind }) => kind === "accepted")) {
      return { recipients, message: { kind: "permanent", text: `Giving up on ${host}.` } };
    }
    if (!replies.message) return { ...this.#giveUp(replies.data!, `${host} failed on DATA command`), recipients };
    if (replies.message.code >= 400) {
      return { ...this.#giveUp(replies.message, `${host} failed after I sent the message`), recipients };
    }
    const text = `${host} accepted message.\nRemote host said: ${replyText(replies.message)}`;
    return { recipients, message: { kind: "done", text } };
  }

  #giveUp(reply: ClientReply, what: string): RemoteOutcome {
    if (reply.code === 421) this.#usable = false;
    return failedEarly(
      reply.code >= 500 ? "permanent" : "temporary",
      `${what}.\nRemote host said: ${replyText(reply)}`,
    );
  }
}

/** Opens a session. Throws ConnectFailed. */
export async function openSession(context: RemoteContext, target: SessionTarget): Promise<Session> {
  const policy = tlsPolicy(context, target.peer.name);
  try {
    return await negotiate(context, target, policy);
  } catch (error) {
    // a peer whose TLS is broken gets the message in plain text, on a new connection, where nothing demands TLS
    if (!(error instanceof TlsFailed)) throw error;
    if (policy.kind === "must") {
      const text = `TLS with ${target.peer.address} failed: ${errorText(error.cause)}. (#4.7.5)`;
      throw new ConnectFailed(text, { cause: error.cause });
    }
    context.log.line(`warning: TLS with ${target.peer.address} failed: ${errorText(error.cause)}; going on without`);
    return await negotiate(context, target, { kind: "never" });
  }
}

/** The handshake itself went wrong. */
class TlsFailed extends Error {
  override name = "TlsFailed";
}

type TlsPolicy = { readonly kind: "may" | "never" } | { readonly kind: "must"; readonly ca: string };

/** tlshosts/NAME.pem: must verify against it; notlshosts: never; else when offered. */
function tlsPolicy(context: RemoteContext, name: string): TlsPolicy {
  const ca = tryReadText(`${context.certs}/tlshosts/${name}.pem`);
  if (ca !== undefined) return { kind: "must", ca };
  if (tryReadText(`${context.certs}/notlshosts/${name}.pem`) !== undefined) return { kind: "never" };
  return { kind: context.control.lines("notlshosts")?.includes(name) ? "never" : "may" };
}

function tryReadText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`cannot read ${path}: ${errorText(error)}`);
  }
}

async function negotiate(context: RemoteContext, target: SessionTarget, policy: TlsPolicy): Promise<Session> {
  const { peer, route } = target;
  const connection = await connect(context, target);
  const client = new SmtpClient(connection);
  try {
    if (route?.implicitTls) await takeTls(() => connection.connectTls!(clientTls(peer, policy)));
    const greeting = await client.greeting();
    if (greeting.code !== 220) {
      throw new ConnectFailed(
        `Connected to ${peer.address} but greeting failed.\nRemote host said: ${replyText(greeting)}`,
      );
    }
    await hello(context, client, peer);
    if (!route?.implicitTls && policy.kind !== "never" && connection.connectTls) {
      const offered = client.extensions.has("STARTTLS");
      const state = offered ? await takeTls(() => client.startTls(clientTls(peer, policy))) : undefined;
      if (state) await hello(context, client, peer);
      else if (policy.kind === "must") {
        throw new ConnectFailed(`${peer.address} does not offer TLS, which it must. (#4.7.5)`);
      }
    }
    if (route?.login) {
      const reply = await client.authenticate({
        ...route.login,
        host: peer.name,
        ...(context.loginMechanism && { mechanism: context.loginMechanism }),
      });
      if (reply.code !== 235) {
        throw new ConnectFailed(`${peer.address} refused the login.\nRemote host said: ${replyText(reply)}`);
      }
    }
    return new Session(client, peer.address);
  } catch (error) {
    client.close();
    if (error instanceof ConnectFailed || error instanceof TlsFailed) throw error;
    const text = `Connected to ${peer.address} but connection died. ${errorText(error)}. (#4.4.2)`;
    throw new ConnectFailed(text, { cause: error });
  }
}

async function connect(context: RemoteContext, { peer, route }: SessionTarget): Promise<Connection> {
  const { control } = context;
  const localHost = control.line("outgoingip");
  try {
    const connection = await connectTcp({
      host: peer.address,
      port: route?.port ?? SMTP_PORT,
      timeoutMs: control.number("timeoutconnect", CONNECT_TIMEOUT_SECONDS) * 1000,
      ...(localHost ? { localHost } : {}),
    });
    connection.setTimeout(control.number("timeoutremote", REMOTE_TIMEOUT_SECONDS) * 1000);
    return connection;
  } catch (error) {
    const text = `Sorry, I wasn't able to establish an SMTP connection: ${errorText(error)}. (#4.4.1)`;
    throw new ConnectFailed(text, { cause: error });
  }
}

async function hello(context: RemoteContext, client: SmtpClient, peer: ExchangerAddress): Promise<void> {
  const reply = await client.hello(context.control.lineOrMe("helohost"));
  if (reply.code === 250) return;
  throw new ConnectFailed(
    `Connected to ${peer.address} but my name was rejected.\nRemote host said: ${replyText(reply)}`,
  );
}

function clientTls(peer: ExchangerAddress, policy: TlsPolicy) {
  return policy.kind === "must"
    ? { serverName: peer.name, verify: true, ca: policy.ca }
    : { serverName: peer.name, verify: false };
}

async function takeTls<T>(handshake: () => Promise<T>): Promise<T> {
  try {
    return await handshake();
  } catch (error) {
    throw new TlsFailed("TLS handshake failed", { cause: error });
  }
}
