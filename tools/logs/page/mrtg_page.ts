/** The page of qmailmrtg --html: a plot over time for each thing that was counted. */
import { type MrtgKind, scaled } from "../mrtg_counts.ts";
import type { TimeRange } from "../mrtg_logs.ts";
import { bitRateText, durationText, exactCount, momentText, shortCount } from "./axis.ts";
import { lines, restartPlotIds, type Series } from "./charts.ts";
import { type Figure, pageText, type Tile } from "./html.ts";
import { TimeSeries } from "./time_series.ts";

/** Seconds of a bucket at least, as MRTG counts. */
const BUCKET_SECONDS = 300;

interface Plot {
  readonly kind: MrtgKind;
  readonly series: TimeSeries;
}

/** Gathers lines, then makes the page. */
export class MrtgPage {
  readonly #plots: readonly Plot[];

  /** `intervalSeconds`: how much time the page is to show; short ones have short buckets. */
  constructor(kinds: readonly MrtgKind[], intervalSeconds: number) {
    const width = intervalSeconds >= 12 * BUCKET_SECONDS ? BUCKET_SECONDS : 15;
    this.#plots = kinds.map((kind) => ({
      kind,
      series: new TimeSeries(2, { width, largest: kind.scale === "largest" || kind.scale === "plain" }),
    }));
  }

  add(line: string, seconds: number): void {
    for (const { kind, series } of this.#plots) {
      kind.count(line, (first, second) => {
        series.add(seconds, 0, first);
        series.add(seconds, 1, second);
      });
    }
  }

  /** The whole document. */
  text(folder: string, range: TimeRange): string {
    restartPlotIds();
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const whole = Number.isFinite(range.from)
      ? `${momentText(range.from)} to ${momentText(range.to)}, ${zone}`
      : `All of the log, ${zone}`;
    return pageText({
      title: `Mail statistics of ${folder === "-" ? "standard input" : folder}`,
      subtitle: whole,
      tiles: this.#plots.flatMap((plot) => tile(plot, range)),
      figures: this.#plots.map((plot) => figure(plot, range)),
      footer: "Rates are averages of each bucket; what is said to be at a time is the largest of it.",
    });
  }
}

function isSame({ names }: MrtgKind): boolean {
  return names[0] === names[1];
}

function formatOf({ scale }: MrtgKind): (value: number) => string {
  return scale === "bits" ? bitRateText : shortCount;
}

function unitOf({ scale }: MrtgKind): string {
  return { hourly: "an hour", bits: "a second", largest: "at a time", plain: "largest" }[scale];
}

/** Buckets with what is shown, and empty ones up to the ends of the range, so that quiet times are seen. */
function shownBuckets({ kind, series }: Plot, range: TimeRange): { start: number; sums: number[] }[] {
  const { width } = series;
  if (Number.isFinite(range.from)) {
    series.add(range.from, 0, 0);
    series.add(range.to, 0, 0);
  }
  const fields = isSame(kind) ? [0] : [0, 1];
  return series.buckets().map(({ start, sums }) => ({
    start,
    sums: fields.map((field) => scaled(kind.scale, sums[field] ?? 0, series.width || width)),
  }));
}

function tile(plot: Plot, range: TimeRange): Tile[] {
  const { kind } = plot;
  const buckets = shownBuckets(plot, range);
  const most = (at: number) => formatOf(kind)(Math.max(0, ...buckets.map(({ sums }) => sums[at] ?? 0)));
  const note = isSame(kind) ? [] : [`${kind.names[1]} ${most(1)}`];
  return [{ label: `Most ${kind.names[0]} ${unitOf(kind)}`, value: most(0), note: note[0] ?? kind.title }];
}

function figure(plot: Plot, range: TimeRange): Figure {
  const { kind } = plot;
  const buckets = shownBuckets(plot, range);
  const series: Series[] = [{ name: kind.names[0], kind: "first" }];
  if (!isSame(kind)) series.push({ name: kind.names[1], kind: "second" });
  const chart = {
    title: kind.title,
    description: `Lines over time: ${series.map(({ name }) => name).join(", ")}.`,
    buckets,
    width: plot.series.width,
    series,
    unit: `${kind.scale === "bits" ? "bits" : kind.names[0] === "lines" ? "lines" : "number"} ${unitOf(kind)}`,
    format: formatOf(kind),
    whole: kind.scale === "largest",
  };
  return {
    title: kind.title,
    caption: `A point is ${durationText(plot.series.width)}.`,
    svg: buckets.length === 0 ? "" : lines(chart),
    legend: series.length > 1 ? series : [],
    table: {
      columns: ["from", ...series.map(({ name }) => name)],
      rows: buckets.map(({ start, sums }) => [momentText(start), ...sums.map(exactCount)]),
    },
  };
}
