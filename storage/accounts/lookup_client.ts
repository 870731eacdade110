/**
 * The lookup daemon as its clients see it: one connection, many questions in flight, opened again when lost. A question
 * that gets no answer in time, or has no daemon to go to, throws Temporary.
 */
import type { FilterRule } from "../../mail/filter/rules.ts";
import { connectChannel, type Frame, type FrameChannel } from "../../core/channel.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import type { ControlFiles } from "../control/control.ts";
import type { LoginGuardStatus } from "./logins/login_bans.ts";
import { formatLookup, LOOKUP_ANSWER, type LookupMethod, parseLookup, requestType } from "./lookup_protocol.ts";
import type {
  Account,
  AuthContext,
  AuthResult,
  CramExchange,
  DeliveryTarget,
  DigestExchange,
  Lookup,
  RecipientStatus,
  ScramExchange,
  ScramHash,
  ScramParameters,
  WaitingBulletin,
} from "./lookup_types.ts";

/** Questions in flight; above it they fail at once. */
export const LOOKUP_REQUESTS_MAX = 8192;
/** How long an answer may take: control/timeoutread of the original [man inlookup.9]. */
export const LOOKUP_TIMEOUT_SECONDS = 4;
const SWEEP_MS = 250;
/** Delivery targets kept; then all are forgotten. */
const TARGETS_KEPT_MAX = 10_000;
const ID_MAX = 0xffffffff;
/** Pause before a patient question looks for the daemon again. */
const PATIENCE_PAUSE_MS = 100;

/** How a client is made. */
export interface LookupClientOptions {
  /** The daemon's socket. */
  readonly path: string;
  /** How long an answer may take, milliseconds. */
  readonly timeoutMs?: number;
  /** How long a delivery target that was found is kept; an absent or inactive one never is: that would bounce mail. */
  readonly keepTargetsMs?: number;
  /** How long a question waits for a daemon that is not there, being started again; not at all unless given. */
  readonly patienceMs?: number;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly deadlineMs: number;
}

/** A connection and what waits for answers on it. */
interface Line {
  readonly channel: FrameChannel;
  readonly waiting: Map<number, Waiting>;
}

const decoder = new TextDecoder();

/** A client for an installation's daemon, with its control files' timeout. */
export function openLookup(
  paths: Paths,
  control: ControlFiles,
  options: Pick<LookupClientOptions, "keepTargetsMs" | "patienceMs"> = {},
): LookupClient {
  const timeoutMs = 1000 * control.number("timeoutread", LOOKUP_TIMEOUT_SECONDS);
  return new LookupClient({ path: socketPath(paths, "lookup"), timeoutMs, ...options });
}

/** The client. The connection opens at the first question. */
export class LookupClient implements Lookup {
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #keepTargetsMs: number;
  readonly #patienceMs: number;
  readonly #targets = new Map<string, { readonly target: DeliveryTarget; readonly untilMs: number }>();
  #line: Line | undefined;
  #connecting: Promise<Line> | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #lastId = 0;
  #inFlight = 0;
  #closed = false;

  constructor(options: LookupClientOptions) {
    this.#path = options.path;
    this.#timeoutMs = options.timeoutMs ?? LOOKUP_TIMEOUT_SECONDS * 1000;
    this.#keepTargetsMs = options.keepTargetsMs ?? 0;
    this.#patienceMs = options.patienceMs ?? 0;
  }

  async recipient(address: string): Promise<RecipientStatus> {
    return await this.#ask("recipient", [address]) as RecipientStatus;
  }

  async account(address: string): Promise<Account | undefined> {
    return (await this.#ask("account", [address]) as Account | null) ?? undefined;
  }

  async delivery(address: string): Promise<DeliveryTarget> {
    const kept = this.#targets.get(address);
    if (kept && performance.now() < kept.untilMs) return kept.target;
    const target = await this.#ask("delivery", [address]) as DeliveryTarget;
    this.#targets.delete(address);
    const bounces = target.kind === "absent" || target.account?.inactive;
    if (bounces || this.#keepTargetsMs === 0) return target;
    if (this.#targets.size >= TARGETS_KEPT_MAX) this.#targets.clear();
    this.#targets.set(address, { target, untilMs: performance.now() + this.#keepTargetsMs });
    return target;
  }

  async realDomain(domain: string): Promise<string | undefined> {
    return (await this.#ask("realDomain", [domain]) as string | null) ?? undefined;
  }

  async verifyPassword(user: string, password: string, context: AuthContext): Promise<AuthResult> {
    return await this.#ask("verifyPassword", [user, password, context]) as AuthResult;
  }

  async verifyCram(user: string, exchange: CramExchange, context: AuthContext): Promise<AuthResult> {
    return await this.#ask("verifyCram", [user, exchange, context]) as AuthResult;
  }

  async verifyDigest(
    user: string,
    exchange: DigestExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly rspauth: string }> {
    const answer = await this.#ask("verifyDigest", [user, exchange, context]);
    return answer as { readonly result: AuthResult; readonly rspauth: string };
  }

  async verifyToken(user: string, token: string, context: AuthContext): Promise<AuthResult> {
    return await this.#ask("verifyToken", [user, token, context]) as AuthResult;
  }

  async scramParameters(user: string, hash: ScramHash, localHost?: string): Promise<ScramParameters> {
    return await this.#ask("scramParameters", [user, hash, localHost]) as ScramParameters;
  }

  async verifyScram(
    user: string,
    exchange: ScramExchange,
    context: AuthContext,
  ): Promise<{ readonly result: AuthResult; readonly serverSignatureBase64: string }> {
    const answer = await this.#ask("verifyScram", [user, exchange, context]);
    return answer as { readonly result: AuthResult; readonly serverSignatureBase64: string };
  }

  async filterRules(address: string): Promise<readonly FilterRule[]> {
    return await this.#ask("filterRules", [address]) as readonly FilterRule[];
  }

  async bulletins(address: string): Promise<readonly WaitingBulletin[]> {
    return await this.#ask("bulletins", [address]) as readonly WaitingBulletin[];
  }

  async bulletinGiven(address: string, name: string): Promise<void> {
    await this.#ask("bulletinGiven", [address, name]);
  }

  async noteQuota(address: string, usedBytes: number): Promise<void> {
    await this.#ask("noteQuota", [address, usedBytes]);
  }

  /** Has the daemon drop what it keeps of an address, a domain or (no argument) everything. */
  async forget(key?: string): Promise<void> {
    await this.#ask("forget", key === undefined ? [] : [key]);
  }

  async relayGranted(sender: string, remoteIp: string): Promise<boolean> {
    return await this.#ask("relayGranted", [sender, remoteIp]) as boolean;
  }

  /** The logins that are refused; only on the privileged socket. */
  async bans(): Promise<LoginGuardStatus> {
    return await this.#ask("bans", []) as LoginGuardStatus;
  }

  /** Lifts the bans of an address, an account, or (no argument) all; how many they were. Only on the privileged socket. */
  async unban(key?: string): Promise<number> {
    return await this.#ask("unban", key === undefined ? [] : [key]) as number;
  }

  /** Ends the connection; questions in flight throw Temporary. */
  close(): void {
    this.#closed = true;
    if (this.#line) this.#lose(this.#line, "closed");
    this.#stopTimer();
  }

  async #ask(method: LookupMethod, args: readonly unknown[]): Promise<unknown> {
    if (this.#inFlight >= LOOKUP_REQUESTS_MAX) {
      throw new Temporary(`more than ${LOOKUP_REQUESTS_MAX} questions to the lookup daemon at once`);
    }
    this.#inFlight++;
    try {
      return await this.#askUntilGone(method, formatLookup(args));
    } finally {
      this.#inFlight--;
    }
  }

  /** Asks, and when the daemon goes away or is not there, asks the new one: once, or for as long as patience lasts. */
  async #askUntilGone(method: LookupMethod, payload: Uint8Array): Promise<unknown> {
    const patientUntilMs = Date.now() + this.#patienceMs;
    for (let first = true;; first = false) {
      const kept = this.#line;
      let line = kept;
      try {
        line ??= await this.#connect();
        return await this.#send(line, method, payload);
      } catch (error) {
        const isGone = line === undefined || error instanceof LineLost;
        if (!isGone || this.#closed) throw error;
        if (first && kept) continue; // it was started again since the last question
        if (Date.now() >= patientUntilMs) throw error;
        await new Promise((resolve) => setTimeout(resolve, PATIENCE_PAUSE_MS));
      }
    }
  }

  #send(line: Line, method: LookupMethod, payload: Uint8Array): Promise<unknown> {
    if (line.channel.closed) {
      this.#lose(line, "the lookup daemon is gone");
      return Promise.reject(new LineLost("the lookup daemon is gone"));
    }
    do this.#lastId = this.#lastId >= ID_MAX ? 1 : this.#lastId + 1; while (line.waiting.has(this.#lastId));
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      line.waiting.set(id, { resolve, reject, deadlineMs: Date.now() + this.#timeoutMs });
      line.channel.send(requestType(method), id, payload);
      this.#timer ??= setInterval(() => this.#sweep(), SWEEP_MS);
    });
  }

  async #connect(): Promise<Line> {
    if (this.#closed) throw new Temporary("the connection to the lookup daemon is closed");
    this.#connecting ??= this.#open().finally(() => this.#connecting = undefined);
    return await this.#connecting;
  }

  async #open(): Promise<Line> {
    const channel = await connectChannel(this.#path);
    if (this.#closed) {
      channel.close();
      throw new Temporary("the connection to the lookup daemon is closed");
    }
    const line: Line = { channel, waiting: new Map() };
    this.#line = line;
    channel.receive((frame) => answer(line, frame)).then(
      () => this.#lose(line, "the lookup daemon ended the connection"),
      (error) => this.#lose(line, errorText(error)),
    );
    return line;
  }

  #lose(line: Line, reason: string): void {
    line.channel.close();
    if (this.#line === line) this.#line = undefined;
    for (const waiting of line.waiting.values()) waiting.reject(new LineLost(reason));
    line.waiting.clear();
    if (!this.#line) this.#stopTimer();
  }

  #stopTimer(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Fails what waits too long; questions wait in the order of their deadlines. */
  #sweep(): void {
    const nowMs = Date.now();
    for (const [id, waiting] of this.#line?.waiting ?? []) {
      if (waiting.deadlineMs > nowMs) break;
      this.#line?.waiting.delete(id);
      waiting.reject(new Temporary(`the lookup daemon gave no answer within ${this.#timeoutMs} ms`));
    }
    if ((this.#line?.waiting.size ?? 0) === 0) this.#stopTimer();
  }
}

class LineLost extends Temporary {
  override name = "LineLost";
}

/** An answer to a question that is no longer waited for is dropped. */
function answer(line: Line, frame: Frame): void {
  const waiting = line.waiting.get(frame.id);
  if (!waiting) return;
  line.waiting.delete(frame.id);
  if (frame.type === LOOKUP_ANSWER.answer) waiting.resolve(parseLookup(frame.payload));
  else waiting.reject(new Temporary(decoder.decode(frame.payload)));
}
