/** Ticks of axes, and numbers as people read them: counts, bytes, spans of time, times of day. */

const SI = ["", "k", "M", "G", "T", "P"];
const TIME_STEPS = [
  ...[1, 5, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200],
  ...[1, 2, 7, 14, 28, 91, 182, 364, 728, 3640].map((days) => days * 86_400),
];
const SECONDS_A_DAY = 86_400;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A place on an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** Makes text of a number. */
export type NumberFormat = (value: number) => string;

function shortNumber(value: number): string {
  if (value === 0) return "0";
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits).replace(/\.0+$|(\.\d*[1-9])0+$/, "$1");
}

/** A count with its thousands apart, exactly. */
export const exactCount: NumberFormat = (value) => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ",");

/** A number with k, M, G for thousands: `1.25k`. */
export const shortCount: NumberFormat = (value) => {
  let power = 0;
  let rest = value;
  while (Math.abs(rest) >= 1000 && power < SI.length - 1) {
    rest /= 1000;
    power++;
  }
  return shortNumber(rest) + (SI[power] ?? "");
};

function withUnit(value: number, unit: string): string {
  const short = shortCount(value);
  const letter = /[a-z]$/i.exec(short)?.[0] ?? "";
  return `${short.slice(0, short.length - letter.length)} ${letter}${unit}`;
}

/** Bytes, with decimal units: `1.25 MB`. */
export const bytesText: NumberFormat = (value) => withUnit(value, "B");

/** Bits a second: `1.25 kbit/s`. */
export const bitRateText: NumberFormat = (value) => withUnit(value, "bit/s");

/** A span of time in its largest unit: `12 ms`, `1.5 s`, `3 min`, `2 h`, `4 days`. */
export const durationText: NumberFormat = (seconds) => {
  if (seconds === 0) return "0 s";
  if (seconds < 0.9995) return `${shortNumber(seconds * 1000)} ms`;
  if (seconds < 120) return `${shortNumber(seconds)} s`;
  if (seconds < 3600) return `${shortNumber(seconds / 60)} min`;
  if (seconds < 2 * SECONDS_A_DAY) return `${shortNumber(seconds / 3600)} h`;
  return `${shortNumber(seconds / SECONDS_A_DAY)} days`;
};

/** A part of a whole: `12.5 %`. */
export function percentText(part: number, whole: number): string {
  if (whole === 0) return "0 %";
  const percent = (part * 100) / whole;
  return `${part > 0 && percent < 0.1 ? "< 0.1" : percent < 10 ? percent.toFixed(1) : String(Math.round(percent))} %`;
}

/** About `count` ticks from 0 to at least `largest`, by 1, 2 or 5 times a power of ten. */
export function valueTicks(
  largest: number,
  format: NumberFormat,
  options: { count?: number; whole?: boolean } = {},
): Tick[] {
  const { count = 6, whole = false } = options;
  const top = largest > 0 ? largest : 1;
  const power = 10 ** Math.floor(Math.log10(top / count));
  let step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => top / candidate <= count) ?? power * 10;
  if (whole && step < 1) step = 1;
  const ticks = Math.ceil(top / step - 1e-9);
  return Array.from({ length: ticks + 1 }, (_, at) => ({ value: at * step, label: format(at * step) }));
}

function localOffset(seconds: number): number {
  return -new Date(seconds * 1000).getTimezoneOffset() * 60;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** A day: `23 Nov`. */
export function dayText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return `${date.getDate()} ${MONTHS[date.getMonth()]}`;
}

/** A time with its day, in the local zone: `2026-11-23 14:05:07`. */
export function momentText(seconds: number): string {
  const date = new Date(seconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function clockText(seconds: number, step: number): string {
  const date = new Date(seconds * 1000);
  return `${two(date.getHours())}:${two(date.getMinutes())}${step < 60 ? `:${two(date.getSeconds())}` : ""}`;
}

/** Ticks at round local times between two times, `count` at most; the first of a day shows the day. */
export function timeTicks(from: number, to: number, count = 8): Tick[] {
  const step = TIME_STEPS.find((candidate) => (to - from) / candidate <= count) ?? (to - from) / count;
  const ticks: Tick[] = [];
  const offset = localOffset(from);
  let day = "";
  for (let local = Math.ceil((from + offset) / step) * step; local - offset <= to; local += step) {
    const value = local - offset;
    const today = dayText(value);
    if (step >= SECONDS_A_DAY) {
      ticks.push({ value, label: step >= 91 * SECONDS_A_DAY ? momentText(value).slice(0, 7) : today });
    } else ticks.push({ value, label: today === day ? clockText(value, step) : `${clockText(value, step)}\n${today}` });
    day = today;
  }
  return ticks;
}
