/** Names of files: what a message suggests becomes harmless, what it tells of pieces is understood. */
import { assertEquals } from "../../tests/support/assert.ts";
import { plainName } from "./rip_names.ts";
import { fittingName } from "./target_folder.ts";
import { cleanName, descriptionName } from "./unpack_names.ts";
import { pieceOfLine, pieceOfSubject } from "./uu_subject.ts";

Deno.test("munpack's names lead nowhere else and have no characters of the shell", () => {
  const names: readonly (readonly [string, string])[] = [
    ["/etc/passwd", "passwd"],
    ["../../x", "x"],
    ["~/../x", "x"],
    ["a/../../b", "a/XX/XX/b"],
    ["a/..", "a/XX"],
    ["./x", "X/x"],
    ["a//b", "a/b"],
    ["a b;c|d$e`f\\g", "aXbXcXdXeXfXg"],
    ["f\u00fcr\u0000.png", "f\u00fcrX.png"],
    ["\u202egnp.exe", "Xgnp.exe"],
    ["/", ""],
    ["", ""],
  ];
  for (const [suggested, clean] of names) assertEquals(cleanName(suggested, "X"), clean, suggested);
  assertEquals(descriptionName("a.d/x.tar.gz"), "a.d/x.tar.desc");
  assertEquals(descriptionName("a.d/x"), "a.d/x.desc");
  assertEquals(descriptionName(".x"), ".x.desc");
});

Deno.test("ripmime's names are one component", () => {
  const names: readonly (readonly [string, string])[] = [
    ["../../etc/passwd", "passwd"],
    ["c:\\a\\b?x=1", "b"],
    ["..", "__"],
    [".", "_"],
    ["x/", ""],
    ["?x", "-x"],
    ["a\0b\n", "ab"],
    ["a/..", "__"],
  ];
  for (const [written, plain] of names) assertEquals(plainName(written, { paranoid: false }), plain, written);
  assertEquals(plainName("f\u00fcr x.png", { paranoid: true }), "f__r_x.png");
});

Deno.test("long names are cut to what a file system takes, the extension kept", () => {
  assertEquals(new TextEncoder().encode(fittingName(`${"\u00fc".repeat(300)}.png`)).length <= 239, true);
  assertEquals(fittingName(`${"a".repeat(300)}.png`).endsWith("a.png"), true);
  assertEquals(fittingName("short.png"), "short.png");
});

Deno.test("subjects tell the piece of a file", () => {
  assertEquals(pieceOfSubject("foo.gif (1/3)"), { name: "foo.gif", number: 1, count: 3 });
  assertEquals(pieceOfSubject("Repost: pictures of foo.gif, part 2 of 10"), { name: "foo.gif", number: 2, count: 10 });
  assertEquals(pieceOfSubject("v2: game 1 of 4"), { name: "game", number: 1, count: 4 });
  assertEquals(pieceOfSubject("foo.gif 0/3"), { name: "foo.gif", number: 0, count: 3 });
  for (const subject of ["", "hello", "Re: foo.gif (1/3)", "foo.gif 4/3", "3 parts of it"]) {
    assertEquals(pieceOfSubject(subject), undefined, subject);
  }
});

Deno.test("lines tell the piece of a file", () => {
  assertEquals(pieceOfLine("section 2/5   file foo.gif   [ Wed ]\n"), { name: "foo.gif", number: 2, count: 5 });
  assertEquals(pieceOfLine("section 1 of uuencode 4.13 of file foo.gif by R.E.M.\n"), {
    name: "foo.gif",
    number: 1,
    count: 0,
  });
  assertEquals(pieceOfLine("POST V1.0 foo.gif (Part 1/2)\n"), { name: "foo.gif", number: 1, count: 2 });
  assertEquals(pieceOfLine("File: foo.gif -- part 1 of 2 -- x\n"), { name: "foo.gif", number: 1, count: 2 });
  assertEquals(pieceOfLine("[Section: 1/2  File: foo.gif  Encoder: x]\n"), { name: "foo.gif", number: 1, count: 2 });
  assertEquals(pieceOfLine("[foo.hqx 01/01/90 - part 1 of 2]\n"), { name: "foo.hqx", number: 1, count: 2 });
  assertEquals(pieceOfLine("section 3/2   file foo.gif   x"), undefined);
});
