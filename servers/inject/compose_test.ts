/** Tests of what qmail-inject makes of a header. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { qualifyAddress, qualifyHost, rewriteAddressField } from "./addresses.ts";
import { type ComposeInput, composeMessage } from "./compose.ts";
import { trySplitHeader } from "./header_fields.ts";

const defaults = { defaultHost: "box", defaultDomain: "example.com", plusDomain: "plus.example" };
const NOW_MS = Date.UTC(2020, 5, 25, 8, 0, 9);

function compose(text: string, changes: Partial<ComposeInput> = {}) {
  const split = trySplitHeader(text, { atEnd: true })!;
  return composeMessage({
    fields: split.fields,
    defaults,
    idHost: "id.example",
    recipients: [],
    source: "either",
    user: "joe",
    letters: new Set(),
    lists: new Set(),
    nowMs: NOW_MS,
    pid: 7,
    ...changes,
  });
}

Deno.test("a header ends at its empty line, or at the first line that is no field", () => {
  const split = (text: string) => trySplitHeader(text, { atEnd: true })!;
  assertEquals(split("A: 1\n\tmore\nB : 2\n\nbody\n"), {
    fields: [{ name: "a", raw: "A: 1\n\tmore\n" }, { name: "b", raw: "B : 2\n" }],
    bodyStart: 18,
  });
  assertEquals(split("A: 1\nno field here\n").bodyStart, 5);
  assertEquals(split("From joe Thu\nA: 1").fields, [
    { name: "mbox-line", raw: "MBOX-Line: From joe Thu\n" },
    { name: "a", raw: "A: 1\n" },
  ]);
  assertEquals(split("A: 1\r\n\r\nb").bodyStart, 8);
  assertEquals(split("").fields, []);
  assertEquals(trySplitHeader("A: 1\nB: 2\n", { atEnd: false }), undefined);
});

Deno.test("hosts are completed with default host, default domain and plus domain", () => {
  assertEquals(qualifyHost("", defaults), "box.example.com");
  assertEquals(qualifyHost("silverton", defaults), "silverton.example.com");
  assertEquals(qualifyHost("mammoth.cs+", defaults), "mammoth.cs.plus.example");
  assertEquals(qualifyHost("a.b", defaults), "a.b");
  assertEquals(qualifyHost("a.b.", defaults), "a.b");
  assertEquals(qualifyHost("[127.0.0.1]", defaults), "[127.0.0.1]");
  assertEquals(qualifyAddress("x@y@z", defaults), "x@y@z.example.com");
});

Deno.test("a field is rewritten only where an address needs it", () => {
  const rewrite = (value: string) => rewriteAddressField({ name: "to", raw: `To: ${value}\n` }, defaults);
  assertEquals(rewrite("Joe  (a comment) <j@a.b>").raw, "To: Joe  (a comment) <j@a.b>\n");
  assertEquals(
    rewrite("djb, Fred <fred@silverton>").raw,
    "To: djb@box.example.com, Fred <fred@silverton.example.com>\n",
  );
  assertEquals(rewrite("djb fred").addresses, ["djb@box.example.com", "fred@box.example.com"]);
  assertEquals(rewrite("<@a.b,@c.d:j@e.f>").raw, "To: j@e.f\n");
  assertEquals(rewrite("list: a@b.c, d;").addresses, ["a@b.c", "d@box.example.com"]);
  assertEquals(rewrite("recipient list not shown: ;").addresses, []);
});

Deno.test("a message without a header gets Date, Message-ID, From and Cc", () => {
  const { header, sender, recipients } = compose("", { recipients: ["fred"], name: "J. Doe" });
  assertEquals(
    header,
    "Date: 25 Jun 2020 08:00:09 -0000\nMessage-ID: <20200625080009.7.qmail@id.example>\n" +
      'From: "J. Doe" <joe@box.example.com>\nCc: recipient list not shown: ;\n',
  );
  assertEquals([sender, recipients], ["joe@box.example.com", ["fred@box.example.com"]]);
});

Deno.test("Bcc, Return-Path and Content-Length go; Bcc recipients and the sender stay in the envelope", () => {
  const { header, sender, recipients } = compose(
    "Return-Path: <boss@x.y>\nTo: a@b.c\nBcc: secret@b.c\nContent-Length: 5\nSubject: s\n\n",
  );
  assert(header.endsWith("To: a@b.c\nSubject: s\n"));
  assertEquals([sender, recipients], ["boss@x.y", ["a@b.c", "secret@b.c"]]);
  assertEquals(compose("Return-Path: <boss@x.y>\n\n", { letters: new Set(["s"]) }).sender, "joe@box.example.com");
  assertEquals(compose("Return-Path: <>\n\n").sender, "");
});

Deno.test("recipients: arguments, header, either, both", () => {
  const from = (source: ComposeInput["source"]) =>
    compose("To: h@a.b\n\n", { source, recipients: ["r@a.b"] }).recipients;
  assertEquals(from("arguments"), ["r@a.b"]);
  assertEquals(from("header"), ["h@a.b"]);
  assertEquals(from("either"), ["r@a.b"]);
  assertEquals(from("both"), ["h@a.b", "r@a.b"]);
});

Deno.test("a resent message uses Resent- fields only", () => {
  const { header, recipients } = compose("Resent-To: r@a.b\nTo: h@a.b\nFrom: f@a.b\nBcc: x@a.b\n\n");
  assertEquals(recipients, ["r@a.b"]);
  assert(header.startsWith("Resent-Date: 25 Jun"));
  assert(header.includes("\nResent-From: joe@box.example.com\n"));
  assert(!header.includes("\nDate:") && !header.includes("Cc:") && !header.includes("Bcc"));
});

Deno.test("letters of QMAILINJECT: comment style, own From and Message-ID, VERP", () => {
  const letters = (text: string) => ({ letters: new Set(text), name: "Joe" });
  assert(compose("", letters("c")).header.includes("From: joe@box.example.com (Joe)\n"));
  const replaced = compose("From: x@y.z\nMessage-ID: <1@y.z>\n\n", letters("fi")).header;
  assert(!replaced.includes("x@y.z") && !replaced.includes("<1@y.z>"));
  assertEquals(compose("", letters("r")).sender, "joe-@box.example.com-@[]");
  assertEquals(compose("", letters("m")).sender, "joe-1593072009.7@box.example.com");
});

Deno.test("-f wins over everything, and may be empty", () => {
  assertEquals(compose("Return-Path: <a@b.c>\n\n", { sender: "boss" }).sender, "boss@box.example.com");
  assertEquals(compose("", { sender: "" }).sender, "");
  assertEquals(compose("", { sender: "<>" }).sender, "");
});

Deno.test("Mail-Followup-To is added when a list is addressed, once", () => {
  const lists = new Set(["list@a.b"]);
  const { header } = compose("To: List@a.b, x@a.b\nCc: y@a.b\n\n", { lists });
  assert(header.includes("Mail-Followup-To: List@a.b,\n x@a.b,\n y@a.b\n"));
  assert(!compose("To: list@a.b\nMail-Followup-To: z@a.b\n\n", { lists }).header.includes("list@a.b,"));
});
