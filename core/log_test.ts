import { assertEquals } from "../tests/support/assert.ts";
import { createLogger, safeLogText } from "./log.ts";

Deno.test("lines of one tick are one write, and a line stays one line", async () => {
  const writes: string[] = [];
  const log = createLogger((bytes) => Promise.resolve(void writes.push(new TextDecoder().decode(bytes))));
  log.line("one");
  log.line("two\nstill two");
  await log.flush();
  assertEquals(writes, ["one\ntwo/still two\n"]);
});

Deno.test("a daemon's line after a pause is written at once, what follows is gathered until the flush", async () => {
  const writes: string[] = [];
  const log = createLogger((bytes) => Promise.resolve(void writes.push(new TextDecoder().decode(bytes))), {
    gatherMs: 1_000_000,
  });
  log.line("first");
  await Promise.resolve();
  await Promise.resolve();
  log.line("second");
  log.line("third");
  await Promise.resolve();
  assertEquals(writes, ["first\n"]);
  await log.flush();
  assertEquals(writes, ["first\n", "second\nthird\n"]);
});

Deno.test("when standard error is gone the lines are dropped and flush ends; later the loss is said", async () => {
  const written: string[] = [];
  let isGone = true;
  const log = createLogger((bytes) => {
    if (isGone) return Promise.reject(new Error("broken pipe"));
    written.push(new TextDecoder().decode(bytes));
    return Promise.resolve();
  });
  log.line("lost");
  await log.flush();
  isGone = false;
  log.line("seen");
  await log.flush();
  assertEquals(written, ["seen\n", "warning: 1 log lines dropped\n"]);
});

Deno.test("text from outside cannot end a line or look like a field", () => {
  assertEquals(safeLogText("a b\nc%\x1b\u00e9"), "a_b/c___");
  assertEquals(safeLogText("joe@example.com"), "joe@example.com");
});
