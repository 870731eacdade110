/** Tests of the table of qmail-queue's exit codes. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import { describeQueueExit, formatQueueExit, isPermanentQueueExit } from "./queue_exits.ts";

Deno.test("only 11 to 40 and 115 are permanent", () => {
  for (let code = 1; code < 256; code++) {
    const permanent = (code >= 11 && code <= 40) || code === 115;
    assertEquals(isPermanentQueueExit(code), permanent);
    const exit = describeQueueExit(code);
    assertEquals(exit.kind, permanent ? "permanent" : "temporary", String(code));
    assert(exit.enhanced.startsWith(permanent ? "5." : "4."), String(code));
  }
  assertEquals(describeQueueExit(0).kind, "accepted");
});

Deno.test("a custom text decides by its first letter and may bring its own enhanced code", () => {
  assertEquals(describeQueueExit(88, "Dno thanks (#5.7.9)"), {
    kind: "permanent",
    text: "no thanks",
    enhanced: "5.7.9",
  });
  assertEquals(describeQueueExit(88, "Zlater\nplease\n"), {
    kind: "temporary",
    text: "later please",
    enhanced: "4.3.0",
  });
  assertEquals(describeQueueExit(88, "what").kind, "temporary");
});

Deno.test("the client's form is empty for success and has letter, text and code otherwise", () => {
  assertEquals(formatQueueExit(0), "");
  assertEquals(formatQueueExit(53), "Zqueue cannot write, disk may be full (#4.3.1)");
  assertEquals(formatQueueExit(11), "Denvelope address too long for the queue (#5.1.3)");
});
