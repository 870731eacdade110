import { assertEquals } from "../../tests/support/assert.ts";
import { readCounts } from "./test_counts.ts";

Deno.test("counts come from the last summary line", () => {
  assertEquals(readCounts("running 2 tests\n\nok | 12 passed (3 steps) | 0 failed (44ms)\n", 0), {
    passed: 12,
    failed: 0,
    skipped: 0,
  });
  assertEquals(readCounts("FAILED | 8 passed | 2 failed (1 step) | 3 filtered out (1s)\n", 1), {
    passed: 8,
    failed: 2,
    skipped: 0,
  });
  assertEquals(readCounts("ok | 1 passed | 0 failed (1ms)\nok | 5 passed | 0 failed (2ms)\n", 0), {
    passed: 5,
    failed: 0,
    skipped: 0,
  });
});

Deno.test("an ignored test counts as skipped", () => {
  assertEquals(readCounts("ok | 1 passed | 0 failed | 2 ignored (44ms)\n", 0), { passed: 1, failed: 0, skipped: 2 });
});

Deno.test("a run that ends badly without a failed test counts as one", () => {
  assertEquals(readCounts("error: a file does not load\n", 1), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(readCounts("ok | 3 passed | 0 failed (4ms)\n", 1), { passed: 3, failed: 1, skipped: 0 });
  assertEquals(readCounts("", 0), { passed: 0, failed: 1, skipped: 0 });
});
