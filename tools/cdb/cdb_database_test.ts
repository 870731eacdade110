/** Assignments: what is a line, what becomes of it, and what is refused. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { assignmentRecords } from "./cdb_database.ts";

Deno.test("exact lines end in NUL, prefixes do not, and the last record lists what prefixes end in", () => {
  const text = "# note\n=Joe@X.example:A=1,B=2:\n+joe-:v:w:\n+:default:\n.\nignored";
  assertEquals([...assignmentRecords(text, "f")], [
    ["!joe@x.example\0", "A=1,B=2"],
    ["!joe-", "v:w"],
    ["!", "default"],
    ["", "-"],
  ]);
});

Deno.test("a line that is no assignment is named, and so is a file without its dot", () => {
  for (const line of ["", "joe:a:", "=joe", "=joe:a", "=:a:", "=j\0:a:", "=j:\0:"]) {
    assertThrows(() => [...assignmentRecords(`=a:b:\n${line}\n.\n`, "f")], Permanent, /f line 2 is neither/);
  }
  assertThrows(() => [...assignmentRecords("=a:b:\n", "f")], Permanent, /f line 2 is neither/);
  assertThrows(() => [...assignmentRecords("=a:b:", "f")], Permanent, /does not end with/);
});
