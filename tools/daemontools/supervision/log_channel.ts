/**
 * What svscan and its process for the logs of an account say to each other: one JSON value a packet, checked on arrival,
 * since the other end may belong to another account [decision 0051].
 */
import { utf8Bytes } from "../../../core/bytes.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { closeFds, tryReceivePacket, trySendPacket } from "../../../core/libc/packets.ts";
import type { Poller } from "../../../core/libc/poll.ts";

/** A packet that finds no room is tried again after this. Milliseconds. */
const RETRY_MS = 20;
/** Packets that wait for room: more than services, each with a few signals. */
const OUTBOX_MAX = 10_000;

/** svscan to the process. `open` comes with two descriptors: the pipe and the folder of log/run. */
export type LogOrder =
  | { readonly kind: "open"; readonly id: number; readonly script: readonly string[]; readonly sync: boolean }
  | { readonly kind: "signal"; readonly id: number; readonly signal: string };

/** The process to svscan. */
export type LogReport =
  | { readonly kind: "opened"; readonly id: number }
  | { readonly kind: "failed"; readonly id: number; readonly text: string }
  | { readonly kind: "warning"; readonly id: number; readonly text: string }
  | { readonly kind: "ended"; readonly id: number; readonly code: number };

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An order; undefined when it is none. */
export function tryParseOrder(value: unknown): LogOrder | undefined {
  if (!isRecord(value) || typeof value.id !== "number") return undefined;
  const { kind, id, script, sync, signal } = value;
  if (kind === "signal" && typeof signal === "string") return { kind, id, signal };
  if (kind !== "open" || typeof sync !== "boolean" || !Array.isArray(script)) return undefined;
  const words = script.filter((word) => typeof word === "string");
  return words.length === script.length ? { kind, id, script: words, sync } : undefined;
}

/** A report; undefined when it is none. */
export function tryParseReport(value: unknown): LogReport | undefined {
  if (!isRecord(value) || typeof value.id !== "number") return undefined;
  const { kind, id, text, code } = value;
  if (kind === "opened") return { kind, id };
  if ((kind === "failed" || kind === "warning") && typeof text === "string") return { kind, id, text };
  return kind === "ended" && typeof code === "number" ? { kind, id, code } : undefined;
}

/** Who hears what arrives. */
export interface ChannelEvents {
  readonly poller: Poller;
  /** Owns the descriptors from then on. */
  message(value: unknown, fds: readonly number[]): void;
  /** The other end is closed. */
  ended(): void;
}

/** One end of a pair of packet sockets, which it owns. */
export class PacketChannel {
  readonly #fd: number;
  readonly #events: ChannelEvents;
  readonly #watch: number;
  readonly #outbox: Uint8Array<ArrayBuffer>[] = [];
  #retry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(fd: number, events: ChannelEvents) {
    this.#fd = fd;
    this.#events = events;
    this.#watch = events.poller.watch(fd, () => this.#receive());
  }

  #receive(): void {
    while (!this.#closed) {
      let packet: ReturnType<typeof tryReceivePacket>;
      try {
        packet = tryReceivePacket(this.#fd);
      } catch {
        return this.#end(); // reset by the other end
      }
      if (!packet) return;
      if (packet.bytes.length === 0) return this.#end();
      let value: unknown;
      try {
        value = JSON.parse(new TextDecoder().decode(packet.bytes));
      } catch {
        closeFds(packet.fds); // no message of ours
        continue;
      }
      this.#events.message(value, packet.fds);
    }
  }

  #end(): void {
    if (this.#closed) return;
    this.close();
    this.#events.ended();
  }

  /** Sends a message, now or as soon as there is room; nothing once the channel is closed. */
  send(message: LogOrder | LogReport): void {
    if (this.#closed) return;
    if (this.#outbox.length >= OUTBOX_MAX) throw new Temporary(`${OUTBOX_MAX} messages wait for a process of logs`);
    this.#outbox.push(utf8Bytes(JSON.stringify(message)));
    this.#flush();
  }

  /** Sends a message with descriptors at once. Throws Temporary when there is no room. */
  sendWith(message: LogOrder, fds: readonly number[]): void {
    if (this.#closed) throw new Temporary("the process of this account's logs has ended");
    this.#flush();
    let sent = false;
    try {
      sent = this.#outbox.length === 0 && trySendPacket(this.#fd, utf8Bytes(JSON.stringify(message)), fds);
    } catch (error) {
      throw new Temporary(errorText(error));
    }
    if (!sent) throw new Temporary("the process of this account's logs is busy");
  }

  #flush(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    try {
      while (this.#outbox[0] && trySendPacket(this.#fd, this.#outbox[0])) this.#outbox.shift();
    } catch {
      this.#outbox.length = 0; // the other end has gone, which is heard by reading
    }
    if (this.#outbox.length > 0) this.#retry = setTimeout(() => this.#flush(), RETRY_MS);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#events.poller.unwatch(this.#watch);
    closeFd(this.#fd);
  }
}
