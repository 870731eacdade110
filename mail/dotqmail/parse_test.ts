/** The instructions of .qmail files. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { DOT_QMAIL_LINES_MAX, dotQmailNames, parseDotQmail, plainCommandWords } from "./parse.ts";

Deno.test("every kind of line is recognised and comments are passed over", () => {
  assertEquals(
    parseDotQmail(
      "# note\n|prog a\n&joe@example.com\njoe\n./Maildir/\n/var/mbox \n?end test x\n?end\n:end\n%env\n+list\n",
    )
      .instructions,
    [
      { kind: "program", command: "prog a" },
      { kind: "forward", address: "joe@example.com" },
      { kind: "forward", address: "joe" },
      { kind: "maildir", path: "./Maildir/" },
      { kind: "mbox", path: "/var/mbox" },
      { kind: "jump", label: "end", command: "test x" },
      { kind: "jump", label: "end", command: "" },
      { kind: "label", label: "end" },
      { kind: "environment", folder: "env" },
      { kind: "forward-only" },
    ],
  );
});

Deno.test("a blank first line is told, an empty file is not one", () => {
  assertEquals(parseDotQmail("\n./Maildir/\n").firstLineBlank, true);
  assertEquals(parseDotQmail("").firstLineBlank, false);
});

Deno.test("a file with too many lines is refused", () => {
  assertThrows(() => parseDotQmail("\n".repeat(DOT_QMAIL_LINES_MAX)), RangeError);
});

Deno.test("the names to look for go from special to default, dots as colons, lower case", () => {
  assertEquals(dotQmailNames("", "x"), [{ name: ".qmail" }]);
  assertEquals(dotQmailNames("-", "List-a.B"), [
    { name: ".qmail-list-a:b" },
    { name: ".qmail-list-default", matched: "a.B" },
    { name: ".qmail-default", matched: "List-a.B" },
  ]);
});

Deno.test("a command is split only when no shell is needed", () => {
  assertEquals(plainCommandWords(" /usr/sbin/vdelivermail '' bounce-no-mailbox"), [
    "/usr/sbin/vdelivermail",
    "",
    "bounce-no-mailbox",
  ]);
  assertEquals(plainCommandWords('prog "a b" c@d.e'), ["prog", "a b", "c@d.e"]);
  for (const command of ["a | b", "a $X", "a > f", "a `b`", 'a "$b"', "a;b", "a 'b"]) {
    assertEquals(plainCommandWords(command), undefined, command);
  }
});
