/** Tests of the retry schedule and the heap of due times. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { DueHeap, nextAttemptMs, resumedAttemptMs } from "./schedule.ts";

const BIRTH_MS = 1_000_000_000_000;

Deno.test("attempts follow the square law of the manual page", () => {
  const after = (seconds: number, channel: "local" | "remote") =>
    (nextAttemptMs(BIRTH_MS, BIRTH_MS + seconds * 1000, channel) - BIRTH_MS) / 1000;
  assertEquals([0, 100, 400, 900, 348100].map((age) => after(age, "local")), [100, 400, 900, 1600, 360000]);
  assertEquals([0, 400, 1600, 3600, 577600].map((age) => after(age, "remote")), [400, 1600, 3600, 6400, 608400]);
  assertEquals(after(-500, "local"), 100);
});

Deno.test("a message found on disk keeps its schedule", () => {
  const after = (seconds: number) => (resumedAttemptMs(BIRTH_MS, BIRTH_MS + seconds * 1000, "local") - BIRTH_MS) / 1000;
  assertEquals([0, 99, 100, 250, 400, 899].map(after), [0, 0, 400, 400, 900, 900]);
});

Deno.test("the heap gives what was put in, earliest first, and shrinks again", () => {
  const heap = new DueHeap();
  let seed = 12345;
  const dues: number[] = [];
  for (let at = 0; at < 10_000; at++) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    dues.push(seed);
    heap.push(seed, at);
  }
  assertEquals(heap.size, 10_000);
  const sorted = dues.toSorted((a, b) => a - b);
  for (const due of sorted) {
    assertEquals(heap.firstMs, due);
    assertEquals(dues[heap.pop()!], due);
  }
  assertEquals([heap.pop(), heap.firstMs, heap.size], [undefined, Infinity, 0]);
});

Deno.test("ALRM makes everything due", () => {
  const heap = new DueHeap();
  for (let at = 0; at < 100; at++) heap.push(5000 + at, at);
  assertEquals(heap.countDue(5009), 10);
  heap.makeAllDue(1000);
  assertEquals(heap.countDue(1000), 100);
  assertEquals(heap.pop(), 0);
  assert(heap.firstMs <= 1000);
});
