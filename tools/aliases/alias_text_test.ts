import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { aliasRecords, includeEntries, logicalLines } from "./alias_text.ts";

const DEFAULTS = { defaultHost: "h", defaultDomain: "d.test", plusDomain: "p.test" };
const records = (text: string) => [...logicalLines(text)].flatMap((line) => aliasRecords(line, "aliases", DEFAULTS));

Deno.test("lines that begin with white space go on, and empty lines end nothing", () => {
  assertEquals([...logicalLines("a\n\n b\n\tc\n\nd\n")], [
    { text: "a\n b\n\tc", lineNumber: 1 },
    { text: "d", lineNumber: 6 },
  ]);
  assertEquals([...logicalLines(" x\ny")], [{ text: " x", lineNumber: 1 }, { text: "y", lineNumber: 2 }]);
  assertEquals([...logicalLines("\n\n")], []);
});

Deno.test("an alias is for all hosts, for one, or for all users of one", () => {
  assertEquals(records("Root: joe"), [{ key: ":root@", data: "&joe@h.d.test\0" }]);
  assertEquals(records("a@B.c: x@y.z"), [{ key: ":a@b.c", data: "&x@y.z\0" }]);
  assertEquals(records("@b.c x@y.z"), [{ key: ":@b.c", data: "&x@y.z\0" }]);
});

Deno.test("a list's owner is a record of the list", () => {
  assertEquals(records("Owner-Staff: boss")[0], { key: ":owner-staff@", data: "&boss@h.d.test\0" });
  assertEquals(records("owner-Staff: boss"), [
    { key: "?staff@", data: "owner-Staff@h.d.test" },
    { key: ":owner-staff@", data: "&boss@h.d.test\0" },
  ]);
});

Deno.test("comments go on over lines, and wrong aliases name theirs", () => {
  assertEquals(records("# a: b,\n c: d\n"), []);
  const message = (text: string) => assertThrows(() => records(text), Permanent).message;
  assertEquals(message("ok: x\n\nalone"), "aliases line 3: an alias needs a name, a colon and a recipient");
  assertEquals(message("\n: joe"), "aliases line 2: an alias needs a name, a colon and a recipient");
  assertEquals(message('x: "open'), 'aliases line 1: cannot be read as addresses: x: "open');
  assertEquals(message("x: /file"), "aliases line 1: delivery to the file /file is not supported");
});

Deno.test("a list has addresses and lists, and no programs or files", () => {
  const entries = (text: string) => includeEntries({ text, lineNumber: 2 }, "list", DEFAULTS);
  assertEquals(entries("Joe <joe@x.y>, :include:more, :include:/z.bin"), "/z.bin\0./more.bin\0&joe@x.y\0");
  assertEquals(entries("# x"), "");
  assertThrows(() => entries('"|x"'), Permanent);
  assertThrows(() => entries("/x"), Permanent);
});
