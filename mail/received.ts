/**
 * The Received lines that this system puts in front of a message: qmail-queue's and the SMTP server's. What a peer said
 * is made harmless first, so that it can neither end the line nor open a comment [spec formats 1.2, rfc5321 4.4].
 */
import { formatDate } from "./date.ts";

/** How a message came to qmail-queue. */
export type QueueOrigin =
  /** A user of this system. */
  | { readonly kind: "uid"; readonly uid: number }
  /** The forward of an address without a mailbox, to one recipient. */
  | { readonly kind: "alias" }
  /** The network, through a server of ours; the peer's IP address. */
  | { readonly kind: "network"; readonly remoteIp: string; readonly uid: number }
  /** The queue itself. */
  | { readonly kind: "bounce" };

/** What qmail-queue's line tells. */
export interface QueueReceived {
  readonly pid: number;
  readonly origin: QueueOrigin;
  /** This host's name; left out (HIDE_HOST) when undefined. */
  readonly host?: string | undefined;
  readonly atMs: number;
  readonly zoneMinutes: number;
}

/** The line that qmail-queue puts in front of every message, LF-ended latin1 text [man qmail-queue.9]. */
export function formatQueueReceived(received: QueueReceived): string {
  const host = received.host === undefined ? "" : ` by host ${harmless(received.host)}\n`;
  const date = formatDate(received.atMs, received.zoneMinutes);
  return `Received: indimail-mta queue ${received.pid}${host} (invoked ${originText(received.origin)}); ${date}\n`;
}

function originText(origin: QueueOrigin): string {
  switch (origin.kind) {
    case "uid":
      return `by uid ${origin.uid}`;
    case "alias":
      return "by alias";
    case "network":
      return `from network ${harmless(origin.remoteIp)} by uid ${origin.uid}`;
    case "bounce":
      return "for bounce";
  }
}

/** What the SMTP server's line tells. */
export interface SmtpReceived {
  /** The peer's name by DNS; `unknown` when it has none. */
  readonly remoteHost: string;
  readonly remoteIp: string;
  /** What ident or authentication told of the peer. */
  readonly remoteInfo?: string | undefined;
  /** What it said in HELO or EHLO; shown when it differs from its name. */
  readonly helo: string;
  readonly localHost: string;
  /** SMTP, ESMTP, ESMTPS, ESMTPSA … [rfc3848]. */
  readonly protocol: string;
  /** TLS version and cipher, for the comment. */
  readonly tls?: string | undefined;
  /** The id under which the server's log knows the message. */
  readonly id?: string | undefined;
  readonly atMs: number;
  readonly zoneMinutes: number;
}

/** The line that the SMTP server puts in front of a message it accepts, LF-ended latin1 text [rfc5321 4.4]. */
export function formatSmtpReceived(received: SmtpReceived): string {
  const helo = received.helo.toLowerCase() === received.remoteHost.toLowerCase()
    ? ""
    : ` (HELO ${harmless(received.helo)})`;
  const info = received.remoteInfo ? `${harmless(received.remoteInfo)}@` : "";
  const tls = received.tls ? ` (${harmless(received.tls)})` : "";
  const id = received.id ? ` id ${harmless(received.id)}` : "";
  return `Received: from ${harmless(received.remoteHost)}${helo} (${info}${harmless(received.remoteIp)})\n` +
    `  by ${harmless(received.localHost)} with ${harmless(received.protocol)}${tls}${id}; ` +
    `${formatDate(received.atMs, received.zoneMinutes)}\n`;
}

/** Bytes of a peer's text that are kept in a line. */
const SHOWN_CHARS_MAX = 256;

function harmless(text: string): string {
  const shown = text.length > SHOWN_CHARS_MAX ? text.slice(0, SHOWN_CHARS_MAX) : text;
  return /[^\w.@%+/=:\-\[\] ]/.test(shown) ? shown.replace(/[^\w.@%+/=:\-\[\] ]/g, "?") : shown;
}
