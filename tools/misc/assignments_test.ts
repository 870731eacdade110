/** Which assignment an address gets, and what it does. */
import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Cdb } from "../../storage/cdb/reader.ts";
import { writeCdb } from "../../storage/cdb/writer.ts";
import { realDisk } from "../../storage/disk.ts";
import { applyAssignments, findInCdb, findInText } from "./assignments.ts";

Deno.test("in a text the first line that covers the address counts", () => {
  const text =
    "# x:y:\n=joe@a.example:A=1:\n+joe:B=2:\njim@a.example:C=a:b:\n=joe@a.example:never:\nno line\n+:rest:\n";
  assertEquals(["Joe@a.example", "joe-x", "JIM@a.example", "jim", ""].map((address) => findInText(text, address)), [
    "A=1",
    "B=2",
    "C=a:b",
    "rest",
    "rest",
  ]);
  assertEquals(findInText("=a:b:\n", "c"), undefined);
});

Deno.test("in a database the exact record counts, then the longest prefix", async () => {
  const folder = await Deno.makeTempDir();
  const records = { "!joe\0": "exact", "!joe-": "list", "!joe-x-": "longer", "!": "rest", "": "-" };
  const bytes = Object.entries(records).map(([key, data]) => [latin1Bytes(key), latin1Bytes(data)] as const);
  await writeCdb(realDisk, `${folder}/a.cdb`, bytes);
  const cdb = Cdb.open(`${folder}/a.cdb`);
  assertEquals(["joe", "Joe-a", "joe-x-y", "jo", ""].map((address) => findInCdb(cdb, address)), [
    "exact",
    "list",
    "longer",
    "rest",
    "rest",
  ]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("assignments set and remove; a comma is written with a backslash", () => {
  assertEquals(applyAssignments({ A: "1", B: "2" }, "A=,C=x\\,y, D=a=b,E,=f"), { B: "2", C: "x,y", D: "a=b" });
  assertEquals(applyAssignments({ A: "1" }, ""), { A: "1" });
});
