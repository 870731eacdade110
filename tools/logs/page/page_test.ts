/** Pages: buckets keep their sums however they widen, ticks are round, and what a log holds cannot become markup. */
import { latin1Bytes } from "../../../core/bytes.ts";
import { assert, assertEquals, assertMatch } from "../../../tests/support/assert.ts";
import { makeLog, seededRandom } from "../../../tests/support/mail_log.ts";
import { bytesText, durationText, exactCount, percentText, shortCount, timeTicks, valueTicks } from "./axis.ts";
import { escapeText } from "./html.ts";
import { overallPage, quantile } from "./overall_page.ts";
import { BUCKETS_MAX, TimeSeries } from "./time_series.ts";

function reader(text: string) {
  let bytes = latin1Bytes(text);
  return {
    read(into: Uint8Array): Promise<number | null> {
      if (bytes.length === 0) return Promise.resolve(null);
      const piece = bytes.subarray(0, into.length);
      into.set(piece);
      bytes = bytes.subarray(piece.length);
      return Promise.resolve(piece.length);
    },
  };
}

Deno.test("a time series keeps its sums and stays small, whatever the order of times", () => {
  const random = seededRandom(17);
  for (const span of [10, 1000, 100_000, 10_000_000, 10_000_000_000]) {
    const series = new TimeSeries(2);
    let sum = 0;
    for (let count = 0; count < 2000; count++) {
      series.add(1_700_000_000 + random() * span, count % 2, 1);
      sum++;
    }
    const buckets = series.buckets();
    assert(buckets.length <= BUCKETS_MAX, `${buckets.length} buckets for ${span} seconds`);
    assertEquals(buckets.reduce((all, { sums }) => all + sums[0]! + sums[1]!, 0), sum);
    assert(
      buckets.every(({ start }, at) => start % series.width === 0 && start === buckets[0]!.start + at * series.width),
    );
  }
});

Deno.test("a span of time is shared among the buckets that it touches", () => {
  const series = new TimeSeries(1);
  series.addSpan(100.5, 103.25, 0);
  assertEquals(series.buckets(), [
    { start: 100, sums: [0.5] },
    { start: 101, sums: [1] },
    { start: 102, sums: [1] },
    { start: 103, sums: [0.25] },
  ]);
  series.addSpan(0, 100_000, 0);
  const sum = series.buckets().reduce((all, { sums }) => all + sums[0]!, 0);
  assert(Math.abs(sum - 100_002.75) < 1e-6);
  series.add(Number.NaN, 0, 1);
  assertEquals(new TimeSeries(1).buckets(), []);
});

Deno.test("the largest of a bucket stays the largest when buckets widen", () => {
  const series = new TimeSeries(1, { largest: true });
  for (let second = 0; second < 1000; second++) series.add(second, 0, second === 500 ? 9 : 3);
  assertEquals(Math.max(...series.buckets().map(({ sums }) => sums[0]!)), 9);
});

Deno.test("ticks are round and reach above the largest number", () => {
  const values = (largest: number) => valueTicks(largest, String).map(({ value }) => value);
  assertEquals(values(103), [0, 20, 40, 60, 80, 100, 120]);
  assertEquals(values(0), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assertEquals(valueTicks(2, String, { whole: true }).map(({ value }) => value), [0, 1, 2]);
  for (const largest of [0.001, 0.7, 1, 9, 10, 11, 99, 1234, 5e9]) {
    assert(values(largest).at(-1)! >= largest && values(largest).length <= 8, String(largest));
  }
  const day = timeTicks(1_700_000_000, 1_700_086_400);
  assert(day.length >= 4 && day.length <= 9);
  assertMatch(day[0]!.label, /^\d\d:\d\d\n\d+ \w{3}$/);
  assert(timeTicks(0, 100_000_000_000).length <= 12);
});

Deno.test("numbers are told in the unit that people use", () => {
  assertEquals([0, 999, 1000, 1250, 1_234_567].map(shortCount), ["0", "999", "1k", "1.25k", "1.23M"]);
  assertEquals([1_234_567, 12].map(exactCount), ["1,234,567", "12"]);
  assertEquals([0, 2_440_000_000].map(bytesText), ["0 B", "2.44 GB"]);
  const spans = [0, 0.0123, 1.5, 59, 195, 3600, 200_000];
  assertEquals(spans.map(durationText), ["0 s", "12.3 ms", "1.5 s", "59 s", "3.25 min", "1 h", "2.31 days"]);
  assertEquals([percentText(1, 2), percentText(0, 0), percentText(1, 10_000)], ["50 %", "0 %", "< 0.1 %"]);
  assertEquals([0.5, 0.9, 1].map((part) => quantile(Float64Array.from([1, 2, 3, 4]), part)), [2, 4, 4]);
});

Deno.test("what stands in a log cannot become markup, and the page is ASCII", async () => {
  assertEquals(escapeText(`<a href="x">&\xe9\u{1f600}'`), "&#60;a href=&#34;x&#34;&#62;&#38;&#233;&#128512;'");
  const page = await overallPage(
    reader(`d z 1 2 3 4 <a> remote.<script>alert(1)</script>@<b>"\xff 5 6 <script>reason</script>\n`),
    "Mail </title><script>",
  );
  assert(!/<script/i.test(page));
  assert(!/[^\n -~]/.test(page));
});

Deno.test("a page is one file with a title, a description and a table for each plot", async () => {
  const page = await overallPage(reader(makeLog({ lines: 5000, seed: 1, queues: 1 })), "Mail");
  const plots = page.match(/<svg [^>]*role="img" aria-labelledby="(\w+) (\w+)">/g) ?? [];
  assertEquals(plots.length, 7);
  assertEquals((page.match(/<title id=/g) ?? []).length, 7);
  assertEquals((page.match(/<desc id=/g) ?? []).length, 7);
  assertEquals((page.match(/<table>/g) ?? []).length, 7);
  assert(!/https?:|src=|url\(|@import|NaN|undefined|Infinity/.test(page));
  assertMatch(page, /prefers-color-scheme:dark/);
  const bars = page.match(/<rect class="(?:good|wait|bad)"[^>]*height="(-?[\d.]+)"/g) ?? [];
  assert(bars.length > 20 && bars.every((bar) => !bar.includes('height="-')));
});

Deno.test("an empty log makes a page that says so", async () => {
  const page = await overallPage(reader(""), "Mail");
  assertMatch(page, /holds no finished delivery attempt/);
  assert(!page.includes("<svg"));
});
