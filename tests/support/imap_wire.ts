/** A connection in memory for IMAP sessions: the test is the client. Time is a number that the test sets. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary, TimedOut } from "../../core/errors.ts";
import type { TlsState } from "../../core/stream.ts";
import type { ImapLogin } from "../../mail/imap/backend.ts";
import type { ImapEvent, ImapSettings, ImapWire } from "../../mail/imap/session_types.ts";
import { serveImapSession } from "../../mail/imap/session.ts";
import type { SaslVerifier } from "../../mail/sasl/server.ts";
import { MemoryAccount } from "./imap_memory.ts";

/** The client's end. */
export class TestWire implements ImapWire {
  tls: TlsState | undefined;
  startTls: ImapWire["startTls"];
  closed = false;
  timeoutMs = 0;
  /** Writes so far. */
  writes = 0;
  #input: Uint8Array[] = [];
  #output = "";
  #ended = false;
  #failure: Error | undefined;
  #wake: (() => void)[] = [];
  #seen: (() => void)[] = [];

  /** Sends text as the client. */
  send(text: string): void {
    this.#input.push(latin1Bytes(text));
    this.#wakeAll();
  }

  /** The client closes its half. */
  end(): void {
    this.#ended = true;
    this.#wakeAll();
  }

  /** Reads fail as after a timeout. */
  timeOut(): void {
    this.fail(new TimedOut("too long"));
  }

  /** Reads and writes fail. */
  fail(error: Error): void {
    this.#failure = error;
    this.#wakeAll();
  }

  /** What the server has sent so far and no call has taken yet. */
  take(): string {
    const text = this.#output;
    this.#output = "";
    return text;
  }

  /** Waits until the server's text matches; gives all of it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#output)) {
      if (this.closed) throw new Error(`closed before ${pattern}: ${JSON.stringify(this.#output)}`);
      await new Promise<void>((resolve) => this.#seen.push(resolve));
    }
    return this.take();
  }

  async readable(): Promise<void> {
    while (this.#input.length === 0 && !this.#ended && !this.closed && !this.#failure) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    if (this.#failure) throw this.#failure;
  }

  async read(into: Uint8Array): Promise<number | null> {
    await this.readable();
    if (this.closed) throw new Temporary("closed");
    const first = this.#input[0];
    if (!first) return null;
    const count = Math.min(first.length, into.length);
    into.set(first.subarray(0, count));
    if (count === first.length) this.#input.shift();
    else this.#input[0] = first.subarray(count);
    return count;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.closed) return Promise.reject(new Temporary("closed"));
    this.writes++;
    this.#output += latin1Text(bytes);
    for (const seen of this.#seen.splice(0)) seen();
    return Promise.resolve();
  }

  setTimeout(timeoutMs: number): void {
    this.timeoutMs = timeoutMs;
  }

  close(): void {
    this.closed = true;
    this.#wakeAll();
    for (const seen of this.#seen.splice(0)) seen();
  }

  #wakeAll(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Settings of a test session. */
export type TestOptions = Partial<ImapSettings> & { readonly account?: MemoryAccount };

/** A session with its client: user `alice`, password `secret`. */
export interface TestSession {
  readonly wire: TestWire;
  readonly account: MemoryAccount;
  readonly events: ImapEvent[];
  readonly ended: Promise<void>;
  /** Sends a command under a tag of its own and gives the reply up to its completion. */
  run(command: string): Promise<string>;
}

/** Starts a session. */
export function startSession(options: TestOptions = {}): TestSession {
  const wire = new TestWire();
  const account = options.account ?? new MemoryAccount();
  const events: ImapEvent[] = [];
  const settings: ImapSettings = {
    hostName: "mail.example",
    authenticator: { verifier: testVerifier(account), mechanisms: ["CRAM-MD5", "PLAIN", "LOGIN"] },
    clock: { nowMs: () => 1_000_000, sleep: () => Promise.resolve() },
    nonce: () => "nonce0123456789abcdef",
    plainTextAllowed: true,
    stopping: new AbortController().signal,
    note: (event) => events.push(event),
    serverId: { name: "IndiMail" },
    ...options,
  };
  const ended = serveImapSession(wire, settings);
  let count = 0;
  return {
    wire,
    account,
    events,
    ended,
    async run(command) {
      const tag = `t${++count}`;
      wire.send(`${tag} ${command}\r\n`);
      return (await wire.until(new RegExp(`^${tag} .*\r\n`, "m"))).replace(/^\* OK \[CAPABILITY.*ready\r\n/, "");
    },
  };
}

/** A session that is logged in, and with INBOX open where asked. */
export async function startLoggedIn(options: TestOptions & { readonly select?: string } = {}): Promise<TestSession> {
  const session = startSession(options);
  await session.run("LOGIN alice secret");
  if (options.select !== undefined) await session.run(`SELECT ${options.select}`);
  return session;
}

/** Ends a session and waits for it. */
export async function endSession(session: TestSession): Promise<void> {
  session.wire.end();
  await session.ended;
}

function testVerifier(account: MemoryAccount): SaslVerifier<ImapLogin> {
  const login = (right: boolean): ImapLogin =>
    right ? { kind: "ok", user: "alice", open: () => account } : { kind: "denied" };
  return {
    verifyPassword(user, password) {
      if (user === "down") return Promise.reject(new Temporary("lookup is down"));
      if (user === "closed") return Promise.resolve({ kind: "forbidden", reason: "IMAP is switched off" });
      return Promise.resolve(login(user === "alice" && password === "secret"));
    },
    verifyCram: (user) => Promise.resolve(login(user === "alice")),
    verifyDigest: () => Promise.resolve({ result: login(false), rspauth: "" }),
    verifyToken: () => Promise.resolve(login(false)),
    scramParameters: () => Promise.resolve({ saltBase64: "c2FsdA==", iterations: 4096 }),
    verifyScram: () => Promise.resolve({ result: login(false), serverSignatureBase64: "" }),
    succeeded: (result) => result.kind === "ok",
  };
}
