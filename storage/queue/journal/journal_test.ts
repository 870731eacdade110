/** The writer and its replay on a simulated disk: groups, reuse, damage, failures. */
import { assert, assertEquals, assertRejects } from "../../../tests/support/assert.ts";
import { SimulatedDisk } from "../../../tests/crash/simulated_disk.ts";
import { VirtualTime } from "../../../tests/crash/virtual_time.ts";
import { Journal, JournalFailure, type JournalPlace } from "./journal.ts";
import { PAGE_BYTES, RECORD_KIND } from "./record.ts";
import { replaySegment } from "./replay.ts";
import { findSegments, type Segment } from "./segment.ts";

const SEGMENT_BYTES = 64 * 1024;

interface Bench {
  readonly disk: SimulatedDisk;
  readonly lines: string[];
  readonly due: Segment[];
  open(): Promise<Journal>;
  append(journal: Journal, text: string): Promise<JournalPlace>;
  /** Texts of all records, by segment in the order of generations, and the holes. */
  replay(): Promise<{ texts: string[]; holes: boolean[] }>;
}

function journalTest(name: string, run: (bench: Bench) => Promise<void>): void {
  Deno.test(name, async () => {
    const disk = new SimulatedDisk();
    const lines: string[] = [];
    const due: Segment[] = [];
    const bench: Bench = {
      disk,
      lines,
      due,
      async open() {
        const journal: Journal = new Journal({
          disk,
          directory: "/journal",
          segmentBytes: SEGMENT_BYTES,
          segmentsMax: 2,
          log: { line: (line) => lines.push(line), flush: () => Promise.resolve() },
          writeOutSegment: (segment) => {
            due.push(segment);
            segment.live = 0;
            return Promise.resolve();
          },
        }, await findSegments(disk, "/journal"));
        await journal.start();
        return journal;
      },
      append: (journal, text) => journal.append(RECORD_KIND.message, [new TextEncoder().encode(text)]),
      async replay() {
        const texts: string[] = [];
        const holes: boolean[] = [];
        for (const segment of await findSegments(disk, "/journal")) {
          const found = await replaySegment(disk, segment, ({ payload }) => {
            texts.push(new TextDecoder().decode(payload).slice(0, 10).trimEnd());
          });
          holes.push(...found.map(({ cutOff }) => cutOff));
        }
        return { texts, holes };
      },
    };
    await disk.mkdir("/journal");
    await new VirtualTime(0).drive(() => run(bench), () => false);
  });
}

journalTest("whatever is waiting goes out in one write and one sync", async ({ disk, open, append, replay }) => {
  const journal = await open();
  const operations: string[] = [];
  disk.onOperation = (name) => operations.push(name);
  const places = await Promise.all(Array.from({ length: 20 }, (_, at) => append(journal, `m${at}`)));
  assertEquals(operations, ["write", "sync"]);
  assertEquals(places.map(({ sequence }) => sequence), Array.from({ length: 20 }, (_, at) => at));
  assertEquals((await replay()).texts, Array.from({ length: 20 }, (_, at) => `m${at}`));
  await journal.close({ empty: false });
});

journalTest(
  "marks are written at once, and synced with the next message or soon after",
  async ({ disk, open, append }) => {
    const journal = await open();
    const operations: string[] = [];
    disk.onOperation = (name) => operations.push(name);
    let marked = 0;
    const mark = () => journal.append(RECORD_KIND.gone, [new Uint8Array(8)]).then(() => marked++);
    const first = mark();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    assertEquals([operations.join(), marked], ["write", 0]);
    await append(journal, "message");
    assertEquals([operations.join(), marked], ["write,write,sync", 1]);
    await Promise.all([first, mark()]);
    assertEquals(operations.join(), "write,write,sync,write,sync");
    await journal.close({ empty: false });
  },
);

journalTest("groups begin at pages, so that no synced page is written again", async ({ open, append }) => {
  const journal = await open();
  const first = await append(journal, "a");
  const second = await append(journal, "b".repeat(5000));
  const third = await append(journal, "c");
  const pages = [first, second, third].map(({ payloadAt }) => Math.floor(payloadAt / PAGE_BYTES));
  assertEquals(pages, [1, 2, 4]);
  await journal.close({ empty: false });
});

journalTest("a segment is used again only when it is free, and what it held is gone then", async (bench) => {
  const { open, append, replay, due } = bench;
  const journal = await open();
  const places: JournalPlace[] = [];
  for (let at = 0; at < 40; at++) places.push(await append(journal, `m${at} ${"x".repeat(5000)}`));
  assert(due.length >= 3);
  assertEquals(journal.segments, 2);
  const generations = new Set(places.map(({ generation }) => generation));
  const last = [...generations].slice(-2);
  const expected = places.flatMap(({ generation }, at) => last.includes(generation) ? [`m${at}`] : []);
  assertEquals((await replay()).texts.map((text) => text.split(" ")[0]), expected);
  await journal.close({ empty: false });
  const again = await open();
  const next = await append(again, "next");
  assert(next.generation > Math.max(...generations), "a generation is never used again");
  await again.close({ empty: true });
});

journalTest(
  "damage is skipped and told apart from a last group that was cut",
  async ({ disk, open, append, replay }) => {
    const journal = await open();
    await append(journal, "one");
    const two = await append(journal, "two");
    await append(journal, "three");
    const group = await Promise.all([append(journal, "four"), append(journal, "five"), append(journal, "six")]);
    disk.damage(two.segment.path, two.payloadAt, 1);
    assertEquals(await replay(), { texts: ["one", "three", "four", "five", "six"], holes: [false] });
    disk.damage(two.segment.path, two.payloadAt, 1);
    disk.damage(two.segment.path, group[1].payloadAt, 1);
    assertEquals(await replay(), { texts: ["one", "two", "three", "four", "six"], holes: [true] });
    disk.damage(two.segment.path, group[2].payloadAt, 1);
    assertEquals(await replay(), { texts: ["one", "two", "three", "four"], holes: [] });
    await journal.close({ empty: false });
  },
);

journalTest("a header page that is lost is made good from the first record", async ({ disk, open, append, replay }) => {
  const journal = await open();
  const { segment } = await append(journal, "one");
  await append(journal, "two");
  disk.damage(segment.path, 0, PAGE_BYTES);
  assertEquals((await replay()).texts, ["one", "two"]);
  await journal.close({ empty: false });
});

journalTest("a record inside a message's text is never taken for one", async ({ disk, open, append, replay }) => {
  const journal = await open();
  const real = await append(journal, "forged");
  // Another installation's record, whole and with a right checksum, as the text of a message.
  const bytes = (await disk.readFile(real.segment.path)).slice(PAGE_BYTES, 2 * PAGE_BYTES);
  await journal.close({ empty: true });
  const again = await open();
  const carrier = await again.append(RECORD_KIND.message, [bytes, bytes]);
  await append(again, "after");
  disk.damage(carrier.segment.path, carrier.payloadAt - 4, 1); // the carrier is broken: its text is searched
  assertEquals((await replay()).texts.filter((text) => text !== "forged"), ["after"]);
  const inCarrier = await replaySegment(disk, carrier.segment, () => {});
  assertEquals(inCarrier.length, 1);
  await again.close({ empty: false });
});

journalTest(
  "a failed group refuses its messages, keeps its marks, and its place is never trusted again",
  async (bench) => {
    const { disk, open, append, replay, lines } = bench;
    const journal = await open();
    const first = await append(journal, "one");
    for (const operation of ["write", "sync"]) {
      disk.onOperation = (name) => {
        if (name === operation) disk.fault = { kind: "fail", at: disk.operations, code: "EIO", count: 1 };
      };
      const refused = assertRejects(() => append(journal, "refused"), JournalFailure);
      const mark = journal.append(RECORD_KIND.gone, [new TextEncoder().encode("mark")]);
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
      disk.onOperation = undefined;
      const failure = await refused;
      const place = await mark;
      assert(place.generation > first.generation);
      await failure.forgotten;
      const after = await append(journal, `after ${operation}`);
      assertEquals(after.generation, place.generation);
    }
    assertEquals(lines, Array.from({ length: 2 }, () => "alert: cannot write queue journal: simulated EIO"));
    assert((await replay()).texts.includes("after sync"));
    await journal.close({ empty: false });
  },
);

journalTest("a record that no segment can hold is refused, and the others go on", async ({ open, append }) => {
  const journal = await open();
  const big = "x".repeat(journal.payloadBytesMax + 1);
  const [small] = await Promise.all([append(journal, "small"), assertRejects(() => append(journal, big), RangeError)]);
  assertEquals(small.sequence, 0);
  const sizes = [journal.payloadBytesMax, journal.payloadBytesMax];
  const largest = await Promise.all(sizes.map((size) => append(journal, "y".repeat(size))));
  assert(largest[1]!.generation > largest[0]!.generation);
  await journal.close({ empty: false });
});
