/** The page of zoverall --html: what the log tells of messages and deliveries, to look at. */
import type { ByteReader } from "../../../core/stream.ts";
import { OverallTally } from "../overall.ts";
import { readRecords } from "../read_records.ts";
import { byteCount, type DeliveryRecord, secondsBetween, timeMicros } from "../records.ts";
import { largestFirst } from "../reports/report.ts";
import { hostOf, NumberList, reasonTally } from "../reports/tallies.ts";
import { bytesText, durationText, exactCount, momentText, percentText, shortCount } from "./axis.ts";
import { histogram, lines, namedBars, restartPlotIds, type Series, stackedBars } from "./charts.ts";
import { type Figure, pageText, type Tile } from "./html.ts";
import { TimeSeries } from "./time_series.ts";
import { ownText } from "../lines.ts";

const NAMES_SHOWN = 10;
/** Upper ends of the classes of delays, in seconds. */
const DELAY_CLASSES = [0.1, 0.3, 1, 3, 10, 30, 60, 300, 900, 3600, 14_400, 86_400];
const OUTCOMES: readonly Series[] = [
  { name: "success", kind: "good" },
  { name: "deferral", kind: "wait" },
  { name: "failure", kind: "bad" },
];
const OUTCOME_AT = { k: 0, z: 1, d: 2 } as const;

/** Everything that the page shows, gathered in one reading. */
class Gathered {
  readonly sums = new OverallTally();
  readonly attempts = new TimeSeries(3);
  readonly bytes = new TimeSeries(1);
  readonly underWay = new TimeSeries(2);
  readonly delays = new NumberList();
  readonly hosts = new Map<string, [number, number, number]>();
  readonly deferrals = reasonTally("z");
  readonly failures = reasonTally("d");

  delivery(record: DeliveryRecord): void {
    this.sums.delivery(record);
    this.deferrals.delivery(record);
    this.failures.delivery(record);
    const start = timeMicros(record.start) / 1e6;
    const done = timeMicros(record.done) / 1e6;
    this.attempts.add(done, OUTCOME_AT[record.result], 1);
    this.bytes.add(done, 0, record.result === "k" ? byteCount(record.bytes) : 0);
    this.underWay.addSpan(start, done, record.recipient.startsWith("local.") ? 0 : 1);
    if (record.result === "k") this.delays.add(secondsBetween(record.birth, record.done));
    const host = hostOf(record.recipient);
    let counts = this.hosts.get(host);
    if (!counts) this.hosts.set(ownText(host), counts = [0, 0, 0]);
    counts[OUTCOME_AT[record.result]]++;
  }
}

/** Reads records or a log and makes the page. */
export async function overallPage(input: ByteReader, title: string): Promise<string> {
  const gathered = new Gathered();
  await readRecords(input, {
    message: (record) => gathered.sums.message(record),
    delivery: (record) => gathered.delivery(record),
  });
  restartPlotIds();
  const { sums } = gathered;
  const delays = gathered.delays.sorted();
  const buckets = gathered.attempts.buckets();
  const [first, last] = [buckets[0], buckets.at(-1)];
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const subtitle = first && last
    ? `${momentText(first.start)} to ${momentText(last.start + gathered.attempts.width)}, ${zone}`
    : "The log holds no finished delivery attempt.";
  return pageText({
    title,
    subtitle,
    tiles: tiles(sums, delays),
    figures: first
      ? [
        attemptsFigure(gathered),
        bytesFigure(gathered),
        underWayFigure(gathered),
        delaysFigure(delays),
        hostsFigure(gathered),
        reasonsFigure("Why deliveries were deferred", gathered.deferrals.rows(), OUTCOMES[1]),
        reasonsFigure("Why deliveries failed", gathered.failures.rows(), OUTCOMES[2]),
      ]
      : [],
    footer: "An attempt counts when it ends. Messages that are still in the queue are not counted.",
  });
}

/** The number below which that part of sorted numbers lies. */
export function quantile(sorted: Float64Array, part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
}

function tiles(sums: OverallTally, delays: Float64Array): Tile[] {
  const share = (part: number) => percentText(part, sums.deliveries);
  return [
    { label: "Messages finished", value: exactCount(sums.messages), note: `${bytesText(sums.bytes)} in all` },
    {
      label: "Delivery attempts",
      value: exactCount(sums.deliveries),
      note: `${exactCount(sums.recipients)} recipients`,
    },
    { label: "Success", value: share(sums.successes), note: exactCount(sums.successes) },
    { label: "Deferral", value: share(sums.deferrals), note: exactCount(sums.deferrals) },
    { label: "Failure", value: share(sums.failures), note: exactCount(sums.failures) },
    {
      label: "Half delivered within",
      value: delays.length === 0 ? "-" : durationText(quantile(delays, 0.5)),
      note: "of arrival",
    },
    { label: "Delivered", value: bytesText(sums.successBytes), note: "each recipient's copy counts" },
    { label: "Deliveries under way", value: sums.concurrency.toFixed(2), note: "on average" },
  ];
}

function attemptsFigure({ attempts }: Gathered): Figure {
  const buckets = attempts.buckets();
  const chart = {
    title: "Delivery attempts by how they ended",
    description: "Bars of successes, deferrals and failures over time, one upon the other.",
    buckets,
    width: attempts.width,
    series: OUTCOMES,
    unit: `attempts in ${durationText(attempts.width)}`,
    format: shortCount,
    whole: true,
  };
  return {
    title: chart.title,
    caption: `Each bar is ${durationText(attempts.width)}.`,
    svg: stackedBars(chart),
    legend: OUTCOMES,
    table: {
      columns: ["from", ...OUTCOMES.map(({ name }) => name)],
      rows: buckets.map(({ start, sums }) => [momentText(start), ...sums.map(exactCount)]),
    },
  };
}

function bytesFigure({ bytes }: Gathered): Figure {
  const buckets = bytes.buckets();
  const chart = {
    title: "Bytes delivered",
    description: "Bars of the bytes of successful deliveries over time.",
    buckets,
    width: bytes.width,
    series: [{ name: "bytes", kind: "first" }] satisfies Series[],
    unit: `bytes in ${durationText(bytes.width)}`,
    format: bytesText,
  };
  return {
    title: chart.title,
    caption: "A message counts once for each recipient who got it.",
    svg: stackedBars(chart),
    table: {
      columns: ["from", "bytes"],
      rows: buckets.map(({ start, sums }) => [momentText(start), ...sums.map(exactCount)]),
    },
  };
}

function underWayFigure({ underWay }: Gathered): Figure {
  const buckets = underWay.buckets().map(({ start, sums }) => ({
    start,
    sums: [sums[0]!, sums[1]!].map((seconds) => seconds / underWay.width),
  }));
  const series: Series[] = [{ name: "local", kind: "first" }, { name: "remote", kind: "second" }];
  const chart = {
    title: "Deliveries under way",
    description: "Lines of the local and remote deliveries that were under way at the same time, on average.",
    buckets,
    width: underWay.width,
    series,
    unit: "deliveries",
    format: shortCount,
  };
  return {
    title: chart.title,
    caption: `Average of ${durationText(underWay.width)}. Where it stays at the limit, mail waits for its turn.`,
    svg: lines(chart),
    legend: series,
    table: {
      columns: ["from", "local", "remote"],
      rows: buckets.map(({ start, sums }) => [momentText(start), ...sums.map((value) => value.toFixed(2))]),
    },
  };
}

function delaysFigure(delays: Float64Array): Figure {
  const classes = DELAY_CLASSES.map((end, at) => {
    const from = DELAY_CLASSES[at - 1] ?? Number.NEGATIVE_INFINITY;
    return { label: `to ${durationText(end)}`, count: delays.filter((delay) => delay > from && delay <= end).length };
  });
  const last = DELAY_CLASSES.at(-1) ?? 0;
  classes.push({ label: "longer", count: delays.filter((delay) => delay > last).length });
  while (classes.length > 1 && classes.at(-1)?.count === 0) classes.pop();
  const chart = {
    title: "How long deliveries took",
    description: "Bars that count successful deliveries by the time since their message arrived.",
    unit: "successful deliveries",
    classes,
    format: shortCount,
  };
  const within = [0.5, 0.9, 0.99].map((part) => `${part * 100} % within ${durationText(quantile(delays, part))}`);
  return {
    title: chart.title,
    caption: delays.length === 0 ? "No delivery succeeded." : `From arrival to success: ${within.join(", ")}.`,
    svg: delays.length === 0 ? "" : histogram(chart),
    table: { columns: ["time", "deliveries"], rows: classes.map(({ label, count }) => [label, exactCount(count)]) },
  };
}

function hostsFigure({ hosts }: Gathered): Figure {
  const all = [...hosts].map(([name, counts]) => ({ name, counts, sum: counts[0] + counts[1] + counts[2] }))
    .sort((a, b) => b.sum - a.sum || (a.name < b.name ? -1 : 1));
  const chart = {
    title: "Recipients' hosts with the most attempts",
    description: "Bars of successes, deferrals and failures for each host.",
    series: OUTCOMES,
    rows: all.slice(0, NAMES_SHOWN).map(({ name, counts, sum }) => ({ name, values: counts, text: exactCount(sum) })),
  };
  return {
    title: chart.title,
    caption: `${Math.min(NAMES_SHOWN, all.length)} of ${exactCount(all.length)} hosts.`,
    svg: namedBars(chart),
    legend: OUTCOMES,
    table: {
      columns: ["host", ...OUTCOMES.map(({ name }) => name)],
      rows: all.map(({ name, counts }) => [name, ...counts.map(exactCount)]),
    },
  };
}

function reasonsFigure(title: string, rows: readonly string[][], series = OUTCOMES[0]!): Figure {
  const all = largestFirst(rows, [0, 1]);
  const named = all.slice(0, NAMES_SHOWN).map(([count = "", , reason = ""]) => ({
    name: reason.replaceAll("_", " "),
    values: [Number(count)],
    text: exactCount(Number(count)),
  }));
  const description = "Bars that count the attempts which ended with the same words.";
  return {
    title,
    caption: all.length === 0
      ? "None."
      : `${Math.min(NAMES_SHOWN, all.length)} of ${exactCount(all.length)} reasons; the table has them in full.`,
    svg: all.length === 0 ? "" : namedBars({ title, description, series: [series], rows: named }),
    table: {
      columns: ["reason", "attempts", "seconds"],
      rows: all.map(([count = "", seconds = "", reason = ""]) => [reason.replaceAll("_", " "), count, seconds]),
    },
  };
}
