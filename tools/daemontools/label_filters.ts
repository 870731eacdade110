/** What tai64n, tai64nlocal, tai64nunix, tai64n2tai and tai2tai64n do at the start of a line. */
import { localTimeOf } from "../../core/libc/local_time.ts";
import type { LineStart, LineStartResult } from "./line_filter.ts";
import { formatStamp, nowNanoseconds, parseStamp, STAMP_BYTES, StampWriter } from "./stamp.ts";

/** Decimal TAI seconds count from ten seconds before Unix began [man tai64n.8]. */
const TAI_SECONDS_AHEAD = 10;
const NANOSECONDS = 1_000_000_000n;
const DECIMAL_BYTES_MAX = 32;
const DOT = 46;
const ZERO = 48;
/** The year of such a moment is about 275760, the last one that a Date knows. */
const DATE_SECONDS_MAX = 8_640_000_000_000;

/** Puts the label of now, and a space, before the line. */
export function stampingStart(): LineStart {
  const stamp = new StampWriter();
  const result: LineStartResult = { taken: 0, written: stamp.bytes.length };
  return {
    bytesMax: 0,
    outputBytesMax: stamp.bytes.length,
    begin: () => stamp.set(nowNanoseconds()),
    convert(_bytes, _at, { output, used }) {
      output.set(stamp.bytes, used);
      return result;
    },
  };
}

/** Replaces a label by what `format` makes of its seconds, a dot and nine digits. */
export function labelStart(format: (unixSeconds: number) => string): LineStart {
  const second = new Uint8Array(17); // the label's start of which `text` is the rendering
  let text: Uint8Array = new Uint8Array(0);
  const result: LineStartResult = { taken: 0, written: 0 };
  return {
    bytesMax: STAMP_BYTES,
    outputBytesMax: 64,
    convert(bytes, at, { output, used }) {
      result.taken = result.written = 0;
      const moment = parseStamp(bytes, at);
      if (!moment || moment.nanoseconds >= 1e9 || Math.abs(moment.seconds) > DATE_SECONDS_MAX) return result;
      if (!startsWith(bytes, at, second)) {
        second.set(bytes.subarray(at, at + second.length));
        text = new TextEncoder().encode(format(moment.seconds));
      }
      for (let place = 0; place < text.length; place++) output[used + place] = text[place]!;
      const end = used + text.length;
      output[end] = DOT;
      let rest = moment.nanoseconds;
      for (let place = end + 9; place > end; place--) {
        const tenth = Math.floor(rest / 10);
        output[place] = ZERO + rest - tenth * 10;
        rest = tenth;
      }
      result.taken = STAMP_BYTES;
      result.written = text.length + 10;
      return result;
    },
  };
}

function startsWith(bytes: Uint8Array, at: number, start: Uint8Array): boolean {
  for (let place = start.length - 1; place >= 0; place--) if (bytes[at + place] !== start[place]) return false;
  return true;
}

/** `YYYY-MM-DD HH:MM:SS` in the local time zone. */
export function localTime(unixSeconds: number): string {
  const { year, month, day, hours, minutes, seconds } = localTimeOf(unixSeconds);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)} ${two(hours)}:${two(minutes)}:${two(seconds)}`;
}

/** Decimal TAI seconds. */
export function taiSeconds(unixSeconds: number): string {
  return String(unixSeconds + TAI_SECONDS_AHEAD).padStart(10, "0");
}

/** Replaces decimal TAI seconds, with a fraction or without, by a label. */
export function decimalStart(): LineStart {
  const decoder = new TextDecoder();
  return {
    bytesMax: DECIMAL_BYTES_MAX,
    outputBytesMax: STAMP_BYTES,
    convert(bytes, at, { output, used }) {
      const head = decoder.decode(bytes.subarray(at, at + DECIMAL_BYTES_MAX));
      const [all, seconds = "", fraction = ""] = /^(\d{1,12})\.(\d{1,9})(?!\d)/.exec(head) ??
        /^(\d{9,12})(?=\s)/.exec(head) ?? [];
      if (all === undefined) return { taken: 0, written: 0 };
      const unix = BigInt(seconds) - BigInt(TAI_SECONDS_AHEAD);
      const stamp = new TextEncoder().encode(formatStamp(unix * NANOSECONDS + BigInt(fraction.padEnd(9, "0"))));
      output.set(stamp, used);
      return { taken: all.length, written: stamp.length };
    },
  };
}
