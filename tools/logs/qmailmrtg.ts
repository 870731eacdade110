/** qmailmrtg: numbers of the last minutes for MRTG, from multilog folders; or a page with plots [man qmailmrtg.9]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Usage } from "../../core/errors.ts";
import { INLOOKUP_LETTERS, inlookupKind, MRTG_KINDS, type MrtgKind, scaled } from "./mrtg_counts.ts";
import { forEachLabelled, forEachLabelledOf, logFiles, type TimeRange } from "./mrtg_logs.ts";
import { queueCounts } from "./mrtg_queue.ts";
import { writeLines } from "./reports/report.ts";
import { serviceLines } from "./service_status.ts";

const INTERVAL_SECONDS = 300;
const PAGE_INTERVAL_SECONDS = 86_400;
const SPLIT = 23;

const OPTIONS = {
  debug: { flag: "D", help: "print each line that counts to standard error" },
  end: { flag: "E", value: "time", default: "now", help: "last second to count, in seconds since 1970" },
  interval: { flag: "I", value: "seconds", default: "300; 86400 with --html", help: "how long before that to begin" },
  full: { flag: "f", help: "count all lines, whatever their time" },
  t: { flag: "t", help: "most connections of tcpserver at a time, and its limit" },
  a: { flag: "a", help: "connections that tcpserver allowed and denied, an hour" },
  s: { flag: "s", help: "successful and failed deliveries, an hour" },
  m: { flag: "m", help: "messages delivered, and tried (delivered or deferred), an hour" },
  c: { flag: "c", help: "most local and remote deliveries at a time" },
  b: { flag: "b", help: "bits of messages that arrived, a second" },
  q: { flag: "q", help: "messages in the queue, and those not yet preprocessed; logdir is the folder of the queues" },
  Q: { flag: "Q", help: "messages with local and with remote recipients; logdir is the folder of the queues" },
  l: { flag: "l", help: "lines of the log, an hour" },
  u: { flag: "u", help: "unsubscriptions, an hour" },
  v: { flag: "v", help: "pages viewed and clicked, an hour" },
  S: { flag: "S", help: "ham and spam, an hour" },
  C: { flag: "C", help: "viruses found, and scans that failed, an hour" },
  d: { flag: "d", help: "requests that dnscache answered from its cache, and all, an hour" },
  inlookup: {
    flag: "i",
    value: "letter",
    help: "queries to inlookup: u users, r relay, p passwords, l limits, a aliases, h hosts, d domains, c cached, " +
      "C hits of the cache; and all queries",
  },
  split: { flag: "p", value: "count", default: "23", help: "folders into which the queue is split" },
  bigTodo: { flag: "B", help: "todo/ is split too" },
  html: { long: "html", help: "write a page with a plot for each letter" },
} as const;

type MrtgProc = Proc<typeof OPTIONS>;

export const applet = defineApplet({
  names: ["qmailmrtg"],
  section: 1,
  summary: "count what logs tell, for MRTG or as a page",
  role: "text",
  dialect: "chain",
  options: OPTIONS,
  operands: [
    { name: "logdir", help: "folder of multilog, or - for standard input" },
    { name: "servicedir", optional: true, help: "service whose time up is told" },
  ],
  description:
    `qmailmrtg reads the log in logdir, counts what one of the letters says, and prints four lines as MRTG wants them: two
numbers, how long the service in servicedir is up, and its state (two empty lines without servicedir).

Lines count that have a TAI64N time of the last five minutes, to the second; -I, -E and -f change that. Of old files those are
read whose name says that they may hold such lines. Rates are for the interval of -I.

With --html it writes a page with a plot over time for each letter given, by default of the last day. The page is one file
without scripts and without anything from elsewhere.`,
  examples: [
    { command: "qmailmrtg -m /var/log/svc/deliver.25 /service/qmail-send.25", help: "messages an hour, for MRTG" },
    { command: "qmailmrtg -t /var/log/svc/smtpd.25", help: "connections at a time" },
    { command: "qmailmrtg --html -msbc /var/log/svc/deliver.25 >mail.html", help: "the last day to look at" },
  ],
  seeAlso: ["mrtg(1)", "multilog(8)", "zoverall(1)", "svstat(8)"],
  source: ["[man qmailmrtg.9]", "[spec formats 18]"],
  async run(proc) {
    const range = timeRange(proc);
    const lines = proc.options.html ? await page(proc, range) : await numbers(proc, range);
    await writeLines(proc.stdout, lines);
  },
});

function positive(text: string | undefined, absent: number, what: string): number {
  const value = text === undefined ? absent : Number(text);
  if (!Number.isInteger(value) || value <= 0) throw new Usage(`${what} must be a number above 0, not ${text}`);
  return value;
}

interface CountedRange extends TimeRange {
  readonly interval: number;
}

function timeRange({ options, clock }: MrtgProc): CountedRange {
  const interval = positive(options.interval, options.html ? PAGE_INTERVAL_SECONDS : INTERVAL_SECONDS, "-I");
  if (options.full) return { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, interval };
  const to = positive(options.end, Math.floor(clock.nowMs() / 1000), "-E");
  return { from: to - interval, to, interval };
}

/** The kinds asked for. Throws Usage. */
function chosenKinds({ options }: MrtgProc): MrtgKind[] {
  const given: Readonly<Record<string, unknown>> = options;
  const kinds = Object.entries(MRTG_KINDS).filter(([letter]) => given[letter] === true).map(([, kind]) => kind);
  if (options.inlookup === undefined) return kinds;
  const kind = inlookupKind(options.inlookup);
  if (!kind) throw new Usage(`-i takes one of ${INLOOKUP_LETTERS.join(" ")}`);
  return [...kinds, kind];
}

/** Calls `onLine` with each line of the range. */
async function readLogs(
  proc: MrtgProc,
  range: TimeRange,
  onLine: (line: string, seconds: number) => void,
): Promise<void> {
  const [folder = ""] = proc.args;
  if (folder === "-") return await forEachLabelled(proc.stdin, range, onLine);
  for (const path of logFiles(folder, range.from)) await forEachLabelledOf(path, range, onLine);
}

/** The four lines for MRTG. */
async function numbers(proc: MrtgProc, range: CountedRange): Promise<string[]> {
  const { options } = proc;
  const [folder = "", service] = proc.args;
  const kinds = chosenKinds(proc);
  const looks = [options.q, options.Q].filter(Boolean).length;
  if (kinds.length + looks !== 1) throw new Usage("give one letter that says what to count");
  const status = () =>
    service === undefined ? ["", ""] : serviceLines(service, proc.clock.nowMs()) ?? missing(proc, service);
  const kind = kinds[0];
  if (!kind) {
    const split = positive(options.split, SPLIT, "-p");
    const counts = queueCounts(folder, { local: options.Q, split, bigTodo: options.bigTodo });
    return [...counts.map(String), ...status()];
  }
  const sums: [number, number] = [0, 0];
  const add = kind.scale === "largest"
    ? (first: number, second: number) => sums.splice(0, 2, Math.max(sums[0], first), Math.max(sums[1], second))
    : (first: number, second: number) => sums.splice(0, 2, sums[0] + first, sums[1] + second);
  await readLogs(proc, range, (line) =>
    kind.count(line, (first, second) => {
      add(first, second);
      if (options.debug) proc.log.line(`${first} ${second}: ${line}`);
    }));
  return [...sums.map((sum) => String(scaled(kind.scale, sum, range.interval))), ...status()];
}

function missing(proc: MrtgProc, service: string): string[] {
  proc.log.line(`${proc.name}: warning: no supervise runs in ${service}`);
  return ["", ""];
}

async function page(proc: MrtgProc, range: CountedRange): Promise<string[]> {
  const kinds = chosenKinds(proc);
  if (kinds.length === 0) throw new Usage("give the letters that say what to plot");
  const { MrtgPage } = await import("./page/mrtg_page.ts");
  const plots = new MrtgPage(kinds, range.interval);
  await readLogs(proc, range, (line, seconds) => plots.add(line, seconds));
  return [plots.text(proc.args[0] ?? "", range)];
}
