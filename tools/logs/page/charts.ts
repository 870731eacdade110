/**
 * Plots as SVG text: bars by time one upon the other, lines by time, bars of a distribution, bars with names beside them.
 * Colours are classes that the page's style fills; each mark says its numbers when pointed at, without any script.
 */
import { momentText, type NumberFormat, type Tick, timeTicks, valueTicks } from "./axis.ts";
import { escapeText } from "./html.ts";
import type { Bucket } from "./time_series.ts";

/** What a colour stands for. `kind` is a class of the page's style. */
export interface Series {
  readonly name: string;
  readonly kind: "good" | "wait" | "bad" | "first" | "second";
}

/** A plot with time from left to right. */
export interface TimeChart {
  readonly title: string;
  readonly description: string;
  readonly buckets: readonly Bucket[];
  /** Seconds of a bucket. */
  readonly width: number;
  readonly series: readonly Series[];
  /** What stands above the axis: `attempts in 5 min`. */
  readonly unit: string;
  readonly format: NumberFormat;
  /** The numbers are counts: no ticks between whole ones. */
  readonly whole?: boolean;
}

const WIDTH = 760;
const HEIGHT = 250;
const LEFT = 64;
const RIGHT = 14;
const TOP = 26;
const BOTTOM = 40;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
const ROW_HEIGHT = 26;
const LABEL_WIDTH = 250;
const LABEL_LENGTH = 36;

let ids = 0;

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function svg(chart: { readonly title: string; readonly description: string }, height: number, body: string): string {
  const id = `plot${++ids}`;
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="${id}t ${id}d">` +
    `<title id="${id}t">${escapeText(chart.title)}</title><desc id="${id}d">${escapeText(chart.description)}</desc>` +
    `${body}</svg>`;
}

/** Numbers plots anew, so that the same page has the same ids. */
export function restartPlotIds(): void {
  ids = 0;
}

function valueAxis(ticks: readonly Tick[], unit: string): { readonly body: string; y(value: number): number } {
  const top = ticks.at(-1)?.value ?? 1;
  const y = (value: number) => TOP + PLOT_HEIGHT * (1 - Math.min(1, value / top));
  const lines = ticks.map(({ value, label }) =>
    `<line class="${value === 0 ? "axis" : "grid"}" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${fixed(y(value))}" y2="${
      fixed(y(value))
    }"/><text class="tick" text-anchor="end" x="${LEFT - 8}" y="${fixed(y(value) + 4)}">${escapeText(label)}</text>`
  );
  return { body: `<text class="unit" x="0" y="12">${escapeText(unit)}</text>${lines.join("")}`, y };
}

function timeAxis(chart: TimeChart): { readonly body: string; x(seconds: number): number } {
  const from = chart.buckets[0]?.start ?? 0;
  const to = (chart.buckets.at(-1)?.start ?? 0) + chart.width;
  const x = (seconds: number) => LEFT + (PLOT_WIDTH * (seconds - from)) / (to - from);
  const bottom = TOP + PLOT_HEIGHT;
  const ticks = timeTicks(from, to).map(({ value, label }) => {
    const [clock = "", day] = label.split("\n");
    const place = `text-anchor="middle" x="${fixed(x(value))}"`;
    const line = `<line class="axis" x1="${fixed(x(value))}" x2="${fixed(x(value))}" y1="${bottom}" y2="${
      bottom + 4
    }"/>`;
    const second = day === undefined ? "" : `<text class="tick" ${place} y="${bottom + 33}">${day}</text>`;
    return `${line}<text class="tick" ${place} y="${bottom + 18}">${clock}</text>${second}`;
  });
  return { body: ticks.join(""), x };
}

function largestSum(chart: TimeChart, stacked: boolean): number {
  return chart.buckets.reduce((largest, { sums }) => {
    const value = stacked ? sums.reduce((sum, amount) => sum + amount, 0) : Math.max(...sums);
    return Math.max(largest, value);
  }, 0);
}

function bucketTitle(chart: TimeChart, { start, sums }: Bucket): string {
  const parts = chart.series.map(({ name }, at) => `${name}: ${chart.format(sums[at] ?? 0)}`);
  return `<title>${escapeText(`${momentText(start)}\n${parts.join("\n")}`)}</title>`;
}

/** Bars, the series one upon the other. */
export function stackedBars(chart: TimeChart): string {
  const axis = valueAxis(
    valueTicks(largestSum(chart, true), chart.format, { whole: chart.whole ?? false }),
    chart.unit,
  );
  const time = timeAxis(chart);
  const bars = chart.buckets.map((bucket) => {
    const left = time.x(bucket.start);
    const full = time.x(bucket.start + chart.width) - left;
    const width = Math.max(1, full - (full > 4 ? 1 : 0));
    let below = 0;
    const rects = chart.series.map(({ kind }, at) => {
      const amount = bucket.sums[at] ?? 0;
      if (amount <= 0) return "";
      const bottom = axis.y(below);
      below += amount;
      const height = Math.max(0.5, bottom - axis.y(below));
      return `<rect class="${kind}" x="${fixed(left)}" y="${fixed(bottom - height)}" width="${fixed(width)}" height="${
        fixed(height)
      }"/>`;
    });
    return `<g>${bucketTitle(chart, bucket)}${hitArea(left, full)}${rects.join("")}</g>`;
  });
  return svg(chart, HEIGHT, axis.body + bars.join("") + time.body);
}

/** A column of the plot that can be pointed at where nothing is drawn. */
function hitArea(left: number, width: number): string {
  return `<rect class="hit" x="${fixed(left)}" y="${TOP}" width="${fixed(width)}" height="${PLOT_HEIGHT}"/>`;
}

/** One line a series; the first one's area is filled. */
export function lines(chart: TimeChart): string {
  const axis = valueAxis(
    valueTicks(largestSum(chart, false), chart.format, { whole: chart.whole ?? false }),
    chart.unit,
  );
  const time = timeAxis(chart);
  const middle = (bucket: Bucket) => time.x(bucket.start + chart.width / 2);
  const bottom = TOP + PLOT_HEIGHT;
  const paths = chart.series.map(({ kind }, at) => {
    const points = chart.buckets.map((bucket) => `${fixed(middle(bucket))},${fixed(axis.y(bucket.sums[at] ?? 0))}`);
    const [first, last] = [chart.buckets[0], chart.buckets.at(-1)];
    if (!first || !last) return "";
    const area = `<path class="area ${kind}" d="M${fixed(middle(first))},${bottom} L${points.join(" ")} L${
      fixed(middle(last))
    },${bottom} Z"/>`;
    const line = points.length > 1
      ? `<polyline class="line ${kind}" points="${points.join(" ")}"/>`
      : `<circle class="${kind}" cx="${fixed(middle(first))}" cy="${fixed(axis.y(first.sums[at] ?? 0))}" r="3"/>`;
    return (at === 0 ? area : "") + line;
  });
  const hits = chart.buckets.map((bucket) => {
    const left = time.x(bucket.start);
    return `<g>${bucketTitle(chart, bucket)}${hitArea(left, time.x(bucket.start + chart.width) - left)}</g>`;
  });
  return svg(chart, HEIGHT, axis.body + paths.join("") + hits.join("") + time.body);
}

/** A distribution: one bar for each class. */
export interface Histogram {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly classes: readonly { readonly label: string; readonly count: number }[];
  readonly format: NumberFormat;
}

/** Bars beside each other, with the classes below. */
export function histogram(chart: Histogram): string {
  const largest = Math.max(0, ...chart.classes.map(({ count }) => count));
  const axis = valueAxis(valueTicks(largest, chart.format, { whole: true }), chart.unit);
  const step = PLOT_WIDTH / Math.max(1, chart.classes.length);
  const bottom = TOP + PLOT_HEIGHT;
  const every = Math.ceil(chart.classes.length / 12);
  const bars = chart.classes.map(({ label, count }, at) => {
    const left = LEFT + at * step;
    const top = axis.y(count);
    const text = at % every === 0
      ? `<text class="tick" text-anchor="middle" x="${fixed(left + step / 2)}" y="${bottom + 18}">${
        escapeText(label)
      }</text>`
      : "";
    return `<g><title>${escapeText(`${label}: ${chart.format(count)}`)}</title><rect class="first" x="${
      fixed(left + 2)
    }" y="${fixed(top)}" width="${fixed(step - 4)}" height="${fixed(bottom - top)}"/></g>${text}`;
  });
  return svg(chart, HEIGHT, axis.body + bars.join(""));
}

/** Bars with a name on their left and a number at their end. */
export interface NamedBars {
  readonly title: string;
  readonly description: string;
  readonly series: readonly Series[];
  readonly rows: readonly { readonly name: string; readonly values: readonly number[]; readonly text: string }[];
}

/** Horizontal bars, the series one behind the other. */
export function namedBars(chart: NamedBars): string {
  const largest = Math.max(0, ...chart.rows.map(({ values }) => values.reduce((sum, value) => sum + value, 0))) || 1;
  const room = WIDTH - LABEL_WIDTH - 120;
  const rows = chart.rows.map(({ name, values, text }, at) => {
    const top = at * ROW_HEIGHT;
    const short = name.length > LABEL_LENGTH ? `${name.slice(0, LABEL_LENGTH - 3)}...` : name;
    let left = LABEL_WIDTH;
    const rects = values.map((value, index) => {
      if (value <= 0) return "";
      const width = Math.max(1, (room * value) / largest);
      const rect = `<rect class="${chart.series[index]?.kind ?? "first"}" x="${fixed(left)}" y="${top + 4}" width="${
        fixed(width)
      }" height="${ROW_HEIGHT - 9}"/>`;
      left += width;
      return rect;
    });
    const parts = chart.series.map((series, index) => `${series.name}: ${values[index] ?? 0}`);
    return `<g><title>${escapeText(`${name}\n${parts.join("\n")}`)}</title>` +
      `<text class="name" text-anchor="end" x="${LABEL_WIDTH - 10}" y="${top + 17}">${escapeText(short)}</text>` +
      `${rects.join("")}<text class="tick" x="${fixed(left + 6)}" y="${top + 17}">${escapeText(text)}</text></g>`;
  });
  return svg(chart, Math.max(1, chart.rows.length) * ROW_HEIGHT + 6, rows.join(""));
}
