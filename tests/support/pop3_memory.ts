/** What the tests of the POP3 session share: a maildrop in memory and a client that is a list of lines. */
import type { Clock } from "../../core/applet.ts";
import type { ServerTls, TlsState } from "../../core/stream.ts";
import type { Pop3Authenticator, Pop3Login, Pop3Maildrop, Pop3Message } from "../../mail/pop3/backend.ts";
import { servePop3Session } from "../../mail/pop3/session.ts";
import type { Pop3Event, Pop3Settings, Pop3Wire } from "../../mail/pop3/session_types.ts";

/** Messages of the maildrop, CRLF line ends. */
export const MESSAGES: readonly string[] = [
  "Subject: one\r\n\r\nfirst\r\n.hidden\r\n..\r\nlast\r\n",
  "Subject: two\r\n\r\n",
  "Subject: three\r\n\r\nno line end",
];

/** A maildrop in memory. */
export class MemoryMaildrop implements Pop3Maildrop {
  readonly sizesBytes = Float64Array.from(MESSAGES, (text) => text.length);
  readonly removed: number[] = [];
  closed = 0;
  /** What `remove` throws. */
  failure: Error | undefined;
  /** Hand messages over in pieces of so many bytes. */
  pieceBytes = 0;

  uniqueIds(): readonly string[] {
    return MESSAGES.map((_, index) => `UID${index + 1}-77`);
  }

  message(index: number): Promise<Pop3Message | undefined> {
    if (this.removed.includes(index)) return Promise.resolve(undefined);
    const bytes = new TextEncoder().encode(MESSAGES[index]);
    const { pieceBytes } = this;
    return Promise.resolve({
      sizeBytes: bytes.length,
      ...(pieceBytes === 0 ? { whole: bytes } : {}),
      async *pieces(from, to) {
        for (let at = from; at < to; at += pieceBytes) {
          yield await Promise.resolve(bytes.subarray(at, Math.min(to, at + pieceBytes)));
        }
      },
      close() {},
    });
  }

  remove(indexes: readonly number[]): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    this.removed.push(...indexes);
    return Promise.resolve();
  }

  close(): void {
    this.closed++;
  }
}

/** A client whose bytes are known beforehand. */
export class ScriptWire implements Pop3Wire {
  tls: TlsState | undefined;
  readonly startTls: ((tls: ServerTls) => Promise<TlsState>) | undefined;
  readonly writes: string[] = [];
  closed = false;
  readonly #chunks: string[];

  constructor(chunks: readonly string[], options: { readonly canStartTls?: boolean } = {}) {
    this.#chunks = [...chunks];
    if (options.canStartTls) {
      this.startTls = () => {
        this.tls = { protocol: "TLSv1.3", cipher: "x" };
        return Promise.resolve(this.tls);
      };
    }
  }

  read(into: Uint8Array): Promise<number | null> {
    const chunk = this.#chunks.shift();
    if (chunk === undefined || this.closed) return Promise.resolve(null);
    const bytes = Uint8Array.from(chunk, (letter) => letter.charCodeAt(0));
    into.set(bytes.subarray(0, into.length));
    if (bytes.length > into.length) this.#chunks.unshift(chunk.slice(into.length));
    return Promise.resolve(Math.min(bytes.length, into.length));
  }

  readable(): Promise<void> {
    return Promise.resolve();
  }

  write(bytes: Uint8Array): Promise<void> {
    this.writes.push(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    return Promise.resolve();
  }

  setTimeout(): void {}

  close(): void {
    this.closed = true;
  }
}

/** A clock that stands still; `slept` counts what was waited for. */
export class StillClock implements Clock {
  sleptMs = 0;

  nowMs(): number {
    return 1_700_000_000_000;
  }

  sleep(durationMs: number): Promise<void> {
    this.sleptMs += durationMs;
    return Promise.resolve();
  }
}

/** What a session did. */
export interface SessionResult {
  readonly text: string;
  readonly writes: readonly string[];
  readonly events: readonly Pop3Event[];
  readonly maildrop: MemoryMaildrop;
  readonly clock: StillClock;
}

/** How a session of a test differs from the usual. */
export interface SessionOptions {
  readonly plainTextAllowed?: boolean;
  readonly canStartTls?: boolean;
  readonly maildrop?: MemoryMaildrop;
  readonly loggedIn?: boolean;
  readonly stopping?: AbortSignal;
  readonly login?: Pop3Login;
}

/** Runs a session over chunks of what the client sends. The user is `u` with password `p w`. */
export async function runSession(chunks: readonly string[], options: SessionOptions = {}): Promise<SessionResult> {
  const wire = new ScriptWire(chunks, options);
  const maildrop = options.maildrop ?? new MemoryMaildrop();
  const events: Pop3Event[] = [];
  const clock = new StillClock();
  const good: Pop3Login = options.login ?? { kind: "ok", user: "u@x", open: () => Promise.resolve(maildrop) };
  const authenticator: Pop3Authenticator = {
    mechanisms: ["CRAM-MD5", "PLAIN", "LOGIN"],
    verifier: {
      verifyPassword: (user, password) =>
        Promise.resolve(user === "u" && password === "p w" ? good : { kind: "denied" }),
      verifyCram: () => Promise.resolve({ kind: "denied" }),
      verifyDigest: () => Promise.resolve({ result: { kind: "denied" }, rspauth: "" }),
      verifyToken: () => Promise.resolve({ kind: "denied" }),
      scramParameters: () => Promise.resolve({ saltBase64: "", iterations: 4096 }),
      verifyScram: () => Promise.resolve({ result: { kind: "denied" }, serverSignatureBase64: "" }),
      succeeded: (login) => login.kind === "ok",
    },
  };
  const settings: Pop3Settings = {
    hostName: "mail.example",
    authenticator,
    clock,
    nonce: () => "abcdefghijklmnopqrst",
    tls: options.canStartTls ? { certificate: () => ({ cert: "", key: "" }) } : undefined,
    plainTextAllowed: options.plainTextAllowed ?? true,
    stopping: options.stopping ?? new AbortController().signal,
    note: (event) => events.push(event),
    ...(options.loggedIn ? { preauthenticated: { user: "u@x", open: () => Promise.resolve(maildrop) } } : {}),
  };
  await servePop3Session(wire, settings);
  return { text: wire.writes.join(""), writes: wire.writes, events, maildrop, clock };
}
