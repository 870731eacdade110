/**
 * A made log of qmail-send, the same for the same seed: messages with one to four recipients, local and remote, most
 * delivered, some deferred once and delivered later, some failed; several queues, lines interleaved.
 */

/** What kind of log. */
export interface MailLogOptions {
  readonly lines: number;
  readonly seed: number;
  /** 0: stock qmail, no queue's name at the end. */
  readonly queues: number;
  /** Seconds since 1970 of the first line. */
  readonly startSeconds?: number;
  /** Mean seconds between two lines. */
  readonly stepSeconds?: number;
}

/** Numbers from 0 to 1 that follow from the seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** The TAI64N label of a time. */
export function taiLabel(seconds: number, nanoseconds: number): string {
  const whole = (BigInt(seconds) + 10n + (1n << 62n)).toString(16);
  return `@${whole}${nanoseconds.toString(16).padStart(8, "0")}`;
}

const HOSTS = ["example.org", "mail.example.net", "lists.example.com", "far.example", "slow.example", "gone.example"];
const DEFERRALS = ["Connected_to_192.0.2.7_but_greeting_failed./", "CNAME_lookup_failed_temporarily._(#4.4.3)/"];
const FAILURES = [
  "192.0.2.9_does_not_like_recipient./Remote_host_said:_550_no_such_user/Giving_up./",
  "Sorry,_no_mailbox_here_by_that_name._(#5.1.1)/",
];

interface Open {
  readonly id: number;
  readonly queue: string;
  /** Recipients that wait, and how often they may be deferred. */
  readonly waiting: { readonly to: string; deferrals: number }[];
  readonly running: Map<string, { readonly to: string; deferrals: number }>;
}

/** The text of the log. */
export function makeLog(options: MailLogOptions): string {
  const { lines, seed, queues, startSeconds = 1_700_000_000, stepSeconds = 0.05 } = options;
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const out: string[] = [];
  const open: Open[] = [];
  let timeMicros = 0;
  let nextId = 100_000;
  let nextDelivery = 1;
  const add = (text: string, queue: string) => {
    timeMicros += Math.ceil(random() * 2 * stepSeconds * 1e6);
    const label = taiLabel(startSeconds + Math.floor(timeMicros / 1e6), (timeMicros % 1e6) * 1000);
    out.push(`${label} ${text}${queue === "" ? "" : ` ${queue}`}\n`);
  };
  const arrive = () => {
    const id = nextId++;
    const queue = queues === 0 ? "" : `queue${1 + (id % queues)}`;
    const from = random() < 0.1 ? "" : `User${Math.floor(random() * 500)}@${pick(HOSTS)}`;
    const bytes = 400 + Math.floor(random() ** 4 * 2_000_000);
    add(`new msg ${id}`, queue);
    add(`info msg ${id}: bytes ${bytes} from <${from}> qp ${1000 + id % 30000} uid ${pick([500, 1000, 1001])}`, queue);
    const waiting = Array.from({ length: 1 + Math.floor(random() * 4) }, () => {
      const host = pick(HOSTS);
      const to = `${host === "example.org" ? "local" : "remote"} user${Math.floor(random() * 3000)}@${host}`;
      return { to, deferrals: host === "slow.example" ? 2 : random() < 0.05 ? 1 : 0 };
    });
    open.push({ id, queue, waiting, running: new Map() });
  };
  const step = (message: Open, at: number) => {
    const next = message.waiting.pop();
    if (next) {
      const delivery = `${nextDelivery++}`;
      message.running.set(delivery, next);
      add(`starting delivery ${delivery}: msg ${message.id} to ${next.to}`, message.queue);
      return;
    }
    const [delivery, recipient] = [...message.running][0] ?? [];
    if (delivery === undefined || recipient === undefined) {
      add(`end msg ${message.id}${message.queue && " qmail-send:"}`, message.queue);
      open.splice(at, 1);
      return;
    }
    message.running.delete(delivery);
    if (recipient.deferrals > 0) {
      recipient.deferrals--;
      message.waiting.push(recipient);
      add(`delivery ${delivery}: deferral: ${pick(DEFERRALS)}`, message.queue);
    } else if (recipient.to.endsWith("gone.example")) {
      add(`delivery ${delivery}: failure: ${pick(FAILURES)}`, message.queue);
    } else add(`delivery ${delivery}: success: did_0+0+1/`, message.queue);
  };
  while (out.length < lines) {
    if (open.length < 20 || random() < 0.1 && open.length < 400) arrive();
    const at = Math.floor(random() * open.length);
    const message = open[at];
    if (message) step(message, at);
    if (random() < 0.02) {
      add(`status: local ${Math.floor(random() * 10)}/10 remote ${Math.floor(random() * 20)}/20`, "queue1");
    }
  }
  return out.slice(0, lines).join("");
}
