/** Tests of mail dates. */
import { assertEquals } from "../tests/support/assert.ts";
import { formatDate, formatQmailDate, formatZone, tryParseDate } from "./date.ts";

const AT_MS = Date.UTC(2020, 5, 25, 8, 0, 9);

Deno.test("a date is written with the zone it is given in", () => {
  assertEquals(formatDate(AT_MS), "Thu, 25 Jun 2020 08:00:09 +0000");
  assertEquals(formatDate(AT_MS, 330), "Thu, 25 Jun 2020 13:30:09 +0530");
  assertEquals(formatDate(AT_MS, -570), "Wed, 24 Jun 2020 22:30:09 -0930");
  assertEquals(formatZone(0), "+0000");
});

Deno.test("qmail's date is in GMT and without a day name", () => {
  assertEquals(formatQmailDate(AT_MS), "25 Jun 2020 08:00:09 -0000");
});

Deno.test("what is written is read back", () => {
  for (const zoneMinutes of [0, 60, -60, 330, -210, 845]) {
    assertEquals(tryParseDate(formatDate(AT_MS, zoneMinutes)), { atMs: AT_MS, zoneMinutes });
  }
  assertEquals(tryParseDate(formatQmailDate(AT_MS)), { atMs: AT_MS, zoneMinutes: 0 });
});

Deno.test("obsolete forms are read: comments, two-digit years, zone names, no seconds", () => {
  const atMs = Date.UTC(1997, 10, 21, 15, 55, 6);
  assertEquals(tryParseDate("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600")?.atMs, atMs);
  assertEquals(tryParseDate("21 Nov 97 09:55:06 CST (central (standard))")?.atMs, atMs);
  assertEquals(tryParseDate("Friday, 21-Nov-97 15:55:06 GMT")?.atMs, atMs);
  assertEquals(tryParseDate("21 November 1997 15:55 z")?.atMs, atMs - 6000);
  assertEquals(tryParseDate("1 Jan 100 00:00 +0000")?.atMs, Date.UTC(2000, 0, 1));
});

Deno.test("what is no date is undefined", () => {
  for (const text of ["", "yesterday", "32 Jan 2020 00:00:00 +0000", "1 Foo 2020 00:00:00 +0000", "1 Jan 2020 24:00"]) {
    assertEquals(tryParseDate(text), undefined, text);
  }
  assertEquals(tryParseDate(`${" ".repeat(300)}1 Jan 2020 00:00`), undefined);
});
