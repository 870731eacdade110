/**
 * A stub resolver: several servers, several tries, TCP on truncation, a cache by TTL, and one question on the wire for
 * however many that ask it at the same time.
 */
import { errorText } from "../errors.ts";
import type { DnsAnswer, DnsType, Resolver } from "./answer.ts";
import { formatQuestion, parseReply } from "./packet.ts";
import type { DnsServer, DnsTransport } from "./transport.ts";

/** How a resolver is made. */
export interface ResolverOptions {
  readonly servers: readonly DnsServer[];
  readonly transport: DnsTransport;
  /** Wait for one reply; doubled at each round over the servers. Milliseconds, default 3000. */
  readonly timeoutMs?: number;
  /** Rounds over all servers, default 2. */
  readonly attempts?: number;
  readonly nowMs?: () => number;
}

/** Answers kept. */
const CACHE_ENTRIES_MAX = 10_000;
/** A longer TTL is cut to this, seconds. */
const CACHE_SECONDS_MAX = 3600;
/** A negative answer is kept no longer, seconds. */
const NEGATIVE_SECONDS_MAX = 300;
/** Steps from reply to reply along CNAMEs. */
const FOLLOW_MAX = 8;
/** Longest name [rfc1035 2.3.4]. */
const NAME_BYTES_MAX = 253;

/** Makes a resolver. */
export function createResolver(options: ResolverOptions): Resolver {
  return new StubResolver(options);
}

class StubResolver implements Resolver {
  readonly #options: Required<ResolverOptions>;
  readonly #cache = new Map<string, { readonly answer: DnsAnswer<DnsType>; readonly untilMs: number }>();
  readonly #asking = new Map<string, Promise<DnsAnswer<DnsType>>>();

  constructor(options: ResolverOptions) {
    this.#options = { timeoutMs: 3000, attempts: 2, nowMs: Date.now, ...options };
  }

  async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
    const plain = name.toLowerCase().replace(/\.$/, "");
    if (!isPossibleName(plain)) return { kind: "none", nameExists: false, authentic: false };
    const key = `${type} ${plain}`;
    const kept = this.#cache.get(key);
    if (kept && kept.untilMs > this.#options.nowMs()) return kept.answer as DnsAnswer<T>;
    let asking = this.#asking.get(key);
    if (!asking) {
      asking = this.#ask(plain, type).finally(() => this.#asking.delete(key));
      this.#asking.set(key, asking);
    }
    return await asking as DnsAnswer<T>;
  }

  async #ask<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>> {
    let current = name;
    for (let step = 0; step < FOLLOW_MAX; step++) {
      const reply = await this.#askServers(current, type);
      if (reply.kind === "follow") {
        current = reply.name;
        continue;
      }
      this.#keep(`${type} ${name}`, reply.answer, reply.negativeTtlSeconds);
      return reply.answer;
    }
    return { kind: "failed", text: `${name}: CNAME chain of more than ${FOLLOW_MAX} steps` };
  }

  #keep(key: string, answer: DnsAnswer<DnsType>, negativeTtlSeconds: number): void {
    if (answer.kind === "failed") return;
    const seconds = answer.kind === "found"
      ? Math.min(answer.ttlSeconds, CACHE_SECONDS_MAX)
      : Math.min(negativeTtlSeconds, NEGATIVE_SECONDS_MAX);
    if (seconds <= 0) return;
    if (this.#cache.size >= CACHE_ENTRIES_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, { answer, untilMs: this.#options.nowMs() + seconds * 1000 });
  }

  /** Asks one server after another until one knows; what is left when none does is the last failure. */
  async #askServers<T extends DnsType>(name: string, type: T) {
    let failure = "no resolver is configured";
    for (let round = 0; round < this.#options.attempts; round++) {
      for (const server of this.#options.servers) {
        try {
          const reply = await this.#askServer(name, type, { server, timeoutMs: this.#options.timeoutMs << round });
          if (reply.kind === "follow") return reply;
          if (reply.kind === "answer" && reply.answer.kind !== "failed") return reply;
          if (reply.kind === "answer" && reply.answer.kind === "failed") {
            failure = `${server.host}: ${reply.answer.text}`;
          }
        } catch (error) {
          failure = errorText(error);
        }
      }
    }
    const answer = { kind: "failed", text: `${type} of ${name}: ${failure}` } as const;
    return { kind: "answer", answer, negativeTtlSeconds: 0 } as const;
  }

  async #askServer<T extends DnsType>(
    name: string,
    type: T,
    to: { readonly server: DnsServer; readonly timeoutMs: number },
  ) {
    const [id] = crypto.getRandomValues(new Uint16Array(1));
    const query = formatQuestion(name, type, id!);
    const { transport } = this.#options;
    const reply = parseReply(
      await transport(query, to.server, { protocol: "udp", timeoutMs: to.timeoutMs }),
      name,
      type,
    );
    if (reply.kind !== "truncated") return reply;
    const whole = await transport(query, to.server, { protocol: "tcp", timeoutMs: to.timeoutMs });
    const again = parseReply(whole, name, type);
    if (again.kind === "truncated") throw new Error(`${to.server.host}: truncated reply by TCP`);
    return again;
  }
}

/** False for names that no server can know: too long, empty labels, odd bytes. */
function isPossibleName(name: string): boolean {
  return name.length <= NAME_BYTES_MAX && /^(?:[!-\-/-~]{1,63}\.)*[!-\-/-~]{1,63}$/.test(name);
}
