/**
 * What qmailmrtg counts: for each letter the lines that matter and which of two numbers they move, the in and out of an
 * MRTG graph. Lines are those of multilog folders [man qmailmrtg.9].
 */

/** How lines add up: counted (shown an hour), summed as bytes (shown as bits a second), the largest, or as they are. */
export type MrtgScale = "hourly" | "bits" | "largest" | "plain";

/** Takes the two amounts of a line. */
export type MrtgAdd = (first: number, second: number) => void;

/** One letter. */
export interface MrtgKind {
  readonly title: string;
  readonly names: readonly [string, string];
  readonly scale: MrtgScale;
  /** Finds what a line tells. */
  count(line: string, add: MrtgAdd): void;
}

/** Counts lines with the first text in one number, with one of the others in the second. */
function words(first: readonly string[], second: readonly string[]): MrtgKind["count"] {
  return (line, add) => {
    if (first.some((word) => line.includes(word))) add(1, 0);
    else if (second.some((word) => line.includes(word))) add(0, 1);
  };
}

const hourly = (title: string, names: readonly [string, string], count: MrtgKind["count"]): MrtgKind => ({
  title,
  names,
  scale: "hourly",
  count,
});

/** The letters that read logs; q and Q look at a queue. */
export const MRTG_KINDS: Readonly<Record<string, MrtgKind>> = {
  t: {
    title: "Connections of tcpserver",
    names: ["current", "configured"],
    scale: "largest",
    count(line, add) {
      const match = /\bstatus:\s*(\d+)\/(\d+)/.exec(line);
      if (match) add(Number(match[1]), Number(match[2]));
    },
  },
  a: hourly("Connections allowed and denied", ["allowed", "denied"], words([" ok "], [" deny ", " rblsmtpd:"])),
  s: hourly("Deliveries: success and failure", ["success", "failure"], words([" success:"], [" failure:"])),
  m: hourly("Messages: delivered and tried", ["delivered", "tried"], (line, add) => {
    if (line.includes(" success:")) add(1, 1);
    else if (line.includes(" deferral:")) add(0, 1);
  }),
  c: {
    title: "Deliveries under way",
    names: ["local", "remote"],
    scale: "largest",
    count(line, add) {
      const match = / status: local (\d+)\/\d+ remote (\d+)\//.exec(line);
      if (match) add(Number(match[1]), Number(match[2]));
    },
  },
  b: {
    title: "Bits of messages that arrived",
    names: ["bits", "bits"],
    scale: "bits",
    count(line, add) {
      const match = /: bytes (\d+)/.exec(line);
      if (match) add(Number(match[1]), Number(match[1]));
    },
  },
  l: hourly("Lines of the log", ["lines", "lines"], (_line, add) => add(1, 1)),
  u: hourly("Unsubscriptions", ["unsubscribed", "unsubscribed"], (line, add) => {
    if (line.includes("unsub:")) add(1, 1);
  }),
  v: hourly("Pages viewed and clicked", ["viewed", "clicked"], words(["viewed:"], ["clicked:"])),
  S: hourly("Ham and spam", ["ham", "spam"], (line, add) => {
    if (line.includes("X-Bogosity: Yes")) add(0, 1);
    else if (line.includes("X-Bogosity: No")) add(1, 0);
  }),
  C: hourly("Virus scans", ["found", "errors"], words(["FOUND"], ["ERROR"])),
  d: hourly("Requests to dnscache", ["cached", "all"], (line, add) => {
    const cached = line.includes("cached") ? 1 : 0;
    const query = line.includes("query") ? 1 : 0;
    if (cached + query > 0) add(cached, query);
  }),
};

const INLOOKUP_STATISTICS = /User:Relay:Password:Limit:Alias:Host:Domain +((?:\d+ +){7})Cached Nodes (\d+)/;
const INLOOKUP_QUERY = /Query \['(?:User|Relay|Password|Host|Alias|Domain|Domain Limits) Query'\]/;

/** The letters behind -i, in the order of inlookup's line of statistics; c is the cached nodes, C the cache's hits. */
export const INLOOKUP_LETTERS = ["u", "r", "p", "l", "a", "h", "d", "c", "C"] as const;
const INLOOKUP_NAMES = ["user", "relay", "password", "limit", "alias", "host", "domain", "cached", "cache hits"];

/** What -i counts, by the letter behind it; undefined for another one. */
export function inlookupKind(letter: string): MrtgKind | undefined {
  const at = INLOOKUP_LETTERS.findIndex((known) => known === letter);
  if (at < 0) return undefined;
  const title = "Queries to inlookup";
  const names = [INLOOKUP_NAMES[at] ?? "", "all queries"] as const;
  if (letter === "C") {
    return hourly(title, names, (line, add) => {
      if (INLOOKUP_QUERY.test(line)) add(0, 1);
      else if (line.includes("cache hit")) add(1, 0);
    });
  }
  return {
    title,
    names,
    scale: "plain",
    count(line, add) {
      const match = INLOOKUP_STATISTICS.exec(line);
      if (!match) return;
      const counts = (match[1] ?? "").trim().split(/ +/).map(Number);
      const all = counts.reduce((sum, count) => sum + count, 0);
      add(letter === "c" ? Number(match[2]) : counts[at] ?? 0, all);
    },
  };
}

const SECONDS_AN_HOUR = 3600;

/** A number as it is shown, of what was gathered in an interval of that many seconds. */
export function scaled(scale: MrtgScale, amount: number, intervalSeconds: number): number {
  if (scale === "hourly") return Math.round((amount * SECONDS_AN_HOUR) / intervalSeconds);
  return scale === "bits" ? Math.round((amount * 8) / intervalSeconds) : amount;
}
