import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { listEntry, listLine } from "./list_text.ts";

Deno.test("a line is an entry, and an entry the same line", () => {
  const lines = ["&a@b", "./list", "/list with blank", ".hidden", "&\xe9@x"];
  for (const line of lines) assertEquals(listLine(listEntry(line, 1).slice(0, -1)), `${line}\n`);
  assertEquals(listEntry("a@b \t", 1), "&a@b\0");
});

Deno.test("empty lines and comments are no entries", () => {
  for (const line of ["", " \t", "# comment", "#"]) assertEquals(listEntry(line, 1), "");
});

Deno.test("NUL and long addresses are refused by line; entries must be what a list can hold", () => {
  assertEquals(assertThrows(() => listEntry("a\0b", 3), Permanent).message, "line 3: NUL bytes are not permitted");
  assertThrows(() => listEntry("a".repeat(801), 1), Permanent);
  assertEquals(listEntry("a".repeat(800), 1).length, 802);
  for (const entry of ["", "a@b", "&a ", "&a\t", "&a\nb", `&${"a".repeat(900)}`]) {
    assertThrows(() => listLine(entry), Permanent);
  }
});
