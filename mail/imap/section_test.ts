/** Which bytes a section means, also in messages without the form they claim. */
import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { parseMime } from "../mime/parse.ts";
import { pickFields, sectionRange } from "./section.ts";
import type { SectionKind } from "./parse_fetch.ts";

function cut(message: string, path: readonly number[], kind: SectionKind = "all"): string | undefined {
  const bytes = latin1Bytes(message.replaceAll("\n", "\r\n"));
  const range = sectionRange(parseMime(bytes), { path, kind, fields: [] });
  return range && latin1Text(bytes.subarray(range.from, range.to));
}

const FORWARD =
  "Content-Type: message/rfc822\n\nSubject: in\nContent-Type: multipart/mixed; boundary=x\n\n--x\nA: 1\n\na\n--x--\n";

Deno.test("the parts of an embedded multipart are numbered below it [rfc3501 6.4.5]", () => {
  assertEquals(cut(FORWARD, [1], "header"), "Subject: in\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n");
  assertEquals(cut(FORWARD, [1, 1]), "a");
  assertEquals(cut(FORWARD, [1, 1], "mime"), "A: 1\r\n\r\n");
  assertEquals(cut(FORWARD, [1, 2]), undefined);
  assertEquals(cut(FORWARD, [2]), undefined);
  assertEquals(cut(FORWARD, [1, 1, 1]), undefined);
});

Deno.test("a message that is no multipart is its own first part, without a header of an embedded one", () => {
  assertEquals(cut("A: 1\n\nbody\n", [1]), "body\r\n");
  assertEquals(cut("A: 1\n\nbody\n", [1], "mime"), "A: 1\r\n\r\n");
  assertEquals(cut("A: 1\n\nbody\n", [1], "header"), undefined);
  assertEquals(cut("A: 1\n\nbody\n", [], "text"), "body\r\n");
  assertEquals(cut("A: 1\n\nbody\n", [], "header"), "A: 1\r\n\r\n");
});

Deno.test("a multipart without parts has its body as the first, as its structure says", () => {
  assertEquals(cut("Content-Type: multipart/mixed\n\nbody\n", [1]), "body\r\n");
  assertEquals(cut("Content-Type: multipart/mixed; boundary=b\n\nbody\n", [1]), "body\r\n");
  assertEquals(cut("Content-Type: multipart/mixed; boundary=b\n\nbody\n", [2]), undefined);
});

Deno.test("fields are picked as received, or left out, and an empty line ends them", () => {
  const header = latin1Bytes("A: 1\r\nB: 2\r\n folded\r\na: 3\r\n\r\n");
  const pick = (kind: SectionKind, ...fields: string[]) => latin1Text(pickFields(header, { path: [], kind, fields }));
  assertEquals(pick("fields", "a"), "A: 1\r\na: 3\r\n\r\n");
  assertEquals(pick("fields-not", "a"), "B: 2\r\n folded\r\n\r\n");
  assertEquals(pick("fields", "none"), "\r\n");
  assertEquals(
    latin1Text(pickFields(latin1Bytes("A: 1"), { path: [], kind: "fields", fields: ["a"] })),
    "A: 1\r\n\r\n",
  );
});
