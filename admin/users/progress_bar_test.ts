/** The bar of progress: its text, and that it is drawn seldom and taken away. */
import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Text } from "../../core/bytes.ts";
import { barText, ProgressBar } from "./progress_bar.ts";

Deno.test("the bar shows part, users, rate and what was refused", () => {
  const half = { users: 5000, refused: 0, bytes: 50, bytesAll: 100 };
  assertEquals(barText(half, 2), "[############------------] 50% 5000 users, 2500/s");
  assertEquals(barText({ ...half, refused: 3, bytes: 100 }, 0), `[${"#".repeat(24)}] 100% 5000 users, 3 refused`);
  assertEquals(barText({ ...half, bytesAll: undefined }, 1), "5000 users, 5000/s");
  assertEquals(barText({ ...half, bytes: 0, bytesAll: 0 }, 1), `[${"#".repeat(24)}] 100% 5000 users, 5000/s`);
});

Deno.test("the bar is drawn at most every 200 ms, taken away once, and never where there is no terminal", async () => {
  let nowMs = 0;
  let shown = "";
  const terminal = {
    write(bytes: Uint8Array) {
      shown += latin1Text(bytes);
      return Promise.resolve();
    },
  };
  const bar = new ProgressBar(terminal, () => nowMs);
  const progress = { users: 1, refused: 0, bytes: 0, bytesAll: undefined };
  await bar.clear();
  await bar.draw(progress);
  nowMs = 100;
  await bar.draw({ ...progress, users: 2 });
  nowMs = 1000;
  await bar.draw({ ...progress, users: 3 });
  await bar.clear();
  await bar.clear();
  assertEquals(shown, "\r1 users\x1b[K\r3 users, 3/s\x1b[K\r\x1b[K");
  shown = "";
  await new ProgressBar(undefined, () => nowMs).draw(progress);
  assertEquals(shown, "");
});
