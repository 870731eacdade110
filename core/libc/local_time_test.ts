/** Unit tests of local time: the same as the runtime's where that knows the zone. */
import { assertEquals } from "../../tests/support/assert.ts";
import { preloadLibc } from "./libc.ts";
import { localTimeOf } from "./local_time.ts";

preloadLibc(["localtime_r"]);

Deno.test("the local time of a moment is that of Date, before 1970 and far ahead too", () => {
  for (const seconds of [0, -1, 935_467_445, 1_750_000_000, 6_442_450_934, -5_000_000_000, 200_000_000_000]) {
    const date = new Date(seconds * 1000);
    assertEquals(localTimeOf(seconds), {
      year: date.getFullYear(),
      month: date.getMonth() + 1,
      day: date.getDate(),
      hours: date.getHours(),
      minutes: date.getMinutes(),
      seconds: date.getSeconds(),
    });
  }
});
