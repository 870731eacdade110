/**
 * Sequence sets and UID sets: `2,4:7,12:*` [rfc3501 9]. A set is sorted ranges that do not touch; `*` stays open until the
 * numbers of a mailbox are known.
 */
import type { Scanner } from "./scanner.ts";

/** One end of a range; Infinity is `*`, the largest number in use. */
export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

/** A set as written. */
export type NumberSet = readonly NumberRange[];

const SET_NUMBER = /\*|[1-9]\d{0,9}/y;
const NUMBER_MAX = 0xffffffff;

/** Parses a set; throws Permanent. Its length is limited by the command's. */
export function parseSet(scanner: Scanner): NumberSet {
  const ranges: NumberRange[] = [];
  do {
    const first = parseNumber(scanner);
    const second = scanner.take(":") ? parseNumber(scanner) : first;
    ranges.push({ from: Math.min(first, second), to: Math.max(first, second) });
  } while (scanner.take(","));
  return ranges;
}

function parseNumber(scanner: Scanner): number {
  const text = scanner.tryMatch(SET_NUMBER) ?? scanner.fail("the message set is broken");
  const value = text === "*" ? Infinity : Number(text);
  if (value > NUMBER_MAX && value !== Infinity) scanner.fail("a number of the message set is too large");
  return value;
}

/** The set with `*` replaced by `last`, sorted, ranges that overlap or touch joined. */
export function closeSet(set: NumberSet, last: number): NumberSet {
  const closed = set.map(({ from, to }) => {
    const first = from === Infinity ? last : from;
    const second = to === Infinity ? last : to;
    return { from: Math.min(first, second), to: Math.max(first, second) };
  });
  closed.sort((a, b) => a.from - b.from);
  const joined: { from: number; to: number }[] = [];
  for (const range of closed) {
    const before = joined[joined.length - 1];
    if (before && range.from <= before.to + 1) before.to = Math.max(before.to, range.to);
    else joined.push({ ...range });
  }
  return joined;
}

/** Indices (from 0) of a set of sequence numbers; undefined when a number is beyond `count` [rfc3501 9]. */
export function sequenceIndices(set: NumberSet, count: number): Uint32Array | undefined {
  if (count === 0) {
    // `1:*` of an empty mailbox is asked by many clients: there is nothing, and nothing wrong
    return set.every((range) => range.to === Infinity) ? new Uint32Array() : undefined;
  }
  const closed = closeSet(set, count);
  if (closed[closed.length - 1]!.to > count) return undefined;
  return expand(closed.map(({ from, to }) => ({ from: from - 1, to: to - 1 })));
}

/** Indices of a set of UIDs in the ascending `uids`; numbers that do not exist are passed over. */
export function uidIndices(set: NumberSet, uids: Uint32Array): Uint32Array {
  if (uids.length === 0) return new Uint32Array();
  const ranges: NumberRange[] = [];
  for (const { from, to } of closeSet(set, uids[uids.length - 1]!)) {
    const first = lowerBound(uids, from);
    const behind = lowerBound(uids, to + 1);
    if (behind > first) ranges.push({ from: first, to: behind - 1 });
  }
  return expand(ranges);
}

function expand(ranges: readonly NumberRange[]): Uint32Array {
  let count = 0;
  for (const { from, to } of ranges) count += to - from + 1;
  const numbers = new Uint32Array(count);
  let at = 0;
  for (const { from, to } of ranges) for (let value = from; value <= to; value++) numbers[at++] = value;
  return numbers;
}

/** Index of the first element not below `value`. */
export function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index of `value`, or -1. */
export function indexOfUid(uids: Uint32Array, uid: number): number {
  const at = lowerBound(uids, uid);
  return uids[at] === uid ? at : -1;
}
