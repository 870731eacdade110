/**
 * One message to one host: route, exchangers, connection (a kept one where there is), session, outcome
 * [man qmail-remote.9].
 */
import type { SaslMechanism } from "../../mail/sasl/mechanisms.ts";
import type { Resolver } from "../../core/dns/answer.ts";
import { errorText, TimedOut } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import { type ExchangerAddress, type Exchangers, findExchangers, findRelay } from "./exchangers.ts";
import { failedEarly, type RemoteOutcome } from "./outcome.ts";
import type { Penalties } from "./penalties.ts";
import type { SessionPool } from "./pool.ts";
import { parseRoute, SMTP_PORT, type SmtpRoute, type SmtpRoutes } from "./routes.ts";
import { ConnectFailed, openSession, type Session } from "./session.ts";

/** What deliveries share. */
export interface RemoteContext {
  readonly control: ControlFiles;
  readonly resolver: Resolver;
  readonly routes: () => SmtpRoutes;
  readonly penalties: Penalties;
  readonly pool: SessionPool;
  readonly log: Logger;
  /** Folder of certificates: tlshosts/, notlshosts/. */
  readonly certs: string;
  /** How to log in where a route says to; undefined: as the server offers. */
  readonly loginMechanism?: SaslMechanism | undefined;
  isOwnAddress(address: string): boolean;
  random(): number;
}

/** A message to send. Addresses are latin1. */
export interface RemoteMessage {
  readonly host: string;
  /** `host:port` in place of all routes. */
  readonly route?: string | undefined;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly sizeBytes: number;
  /** The message with LF line ends, from the beginning at each call. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** Addresses tried for one delivery; the next attempt begins again. */
const ADDRESSES_TRIED_MAX = 10;

/** Sends a message; never throws. */
export async function deliverRemote(context: RemoteContext, message: RemoteMessage): Promise<RemoteOutcome> {
  try {
    return await deliver(context, message);
  } catch (error) {
    return failedEarly("temporary", `Sorry, something of this system failed: ${errorText(error)}. (#4.3.0)`);
  }
}

async function deliver(context: RemoteContext, message: RemoteMessage): Promise<RemoteOutcome> {
  const route: SmtpRoute | undefined = message.route !== undefined
    ? parseRoute(message.route)
    : context.routes().find(message.host, message.sender);
  const found: Exchangers = route && route.relay !== ""
    ? await findRelay(route.relay, context.resolver)
    : await findExchangers(message.host, context);
  if (found.kind !== "found") return failedEarly(found.kind, found.text);
  const candidates = found.addresses.filter(({ address }) => !context.penalties.isDown(address));
  if (candidates.length === 0) {
    return failedEarly(
      "temporary",
      "Sorry, I wasn't able to establish an SMTP connection: all hosts are down. (#4.4.1)",
    );
  }
  let failure: RemoteOutcome | undefined;
  for (const peer of candidates.slice(0, ADDRESSES_TRIED_MAX)) {
    const attempt = await tryPeer(context, message, { peer, route });
    if (attempt.kind === "end") return attempt.outcome;
    failure = attempt.outcome;
  }
  return failure!;
}

/** "end": the peer has said something about the message; "next": another address may do better. */
type Attempt = { readonly kind: "end" | "next"; readonly outcome: RemoteOutcome };

async function tryPeer(
  context: RemoteContext,
  message: RemoteMessage,
  to: { readonly peer: ExchangerAddress; readonly route: SmtpRoute | undefined },
): Promise<Attempt> {
  const key = `${to.peer.address} ${to.route?.port ?? SMTP_PORT} ${to.peer.name} ${to.route?.login?.user ?? ""}`;
  const kept = context.pool.take(key);
  if (kept) {
    const result = await kept.send(message);
    if (result.kind === "answered") {
      context.pool.give(key, kept);
      return { kind: "end", outcome: result.outcome };
    }
    kept.close();
    // a kept connection may have been closed by the peer meanwhile: nothing was said of this message yet
    if (result.afterData) return { kind: "end", outcome: result.outcome };
  }
  const opened = await openPeer(context, to);
  if ("outcome" in opened) return opened;
  const result = await opened.session.send(message);
  if (result.kind === "answered") {
    context.pool.give(key, opened.session);
    return { kind: "end", outcome: result.outcome };
  }
  opened.session.close();
  return { kind: result.afterData ? "end" : "next", outcome: result.outcome };
}

async function openPeer(
  context: RemoteContext,
  to: { readonly peer: ExchangerAddress; readonly route: SmtpRoute | undefined },
): Promise<{ readonly session: Session } | Attempt> {
  try {
    const session = await openSession(context, to);
    context.penalties.succeeded(to.peer.address);
    return { session };
  } catch (error) {
    if (!(error instanceof ConnectFailed)) throw error;
    if (error.cause instanceof TimedOut) context.penalties.failed(to.peer.address);
    return {
      kind: error.permanent ? "end" : "next",
      outcome: failedEarly(error.permanent ? "permanent" : "temporary", error.message),
    };
  }
}
