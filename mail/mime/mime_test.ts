/** The structure of messages, decoded contents, and the limits. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { decodeCharset } from "./charset.ts";
import { parameterOf, parseParameterValue, splitType } from "./content_type.ts";
import { countLineEnds } from "./line_ends.ts";
import { MimeParser, parseMime, PART_DEPTH_MAX, PARTS_MAX } from "./parse.ts";
import type { MimePart } from "./part.ts";
import { decodeBase64, decodeQuotedPrintable, decodeTransfer } from "./transfer.ts";

const NESTED = `From: a@b
Content-Type: multipart/mixed; boundary="outer"

preamble
--outer
Content-Type: multipart/alternative; boundary=inner

--inner

plain
--inner
Content-Type: text/html

<p>
html
--inner--
epilogue of inner
--outer
Content-Type: message/rfc822

Subject: x

embedded
body

--outer
Content-Type: multipart/digest; boundary=d

--d

From: digest@x

first
--d--
--outer--
epilogue
`;

function outline(part: MimePart, message: string): unknown {
  const text = message.slice(part.bodyStart, part.end);
  const type = `${part.contentType.type}/${part.contentType.subtype}`;
  return part.children.length > 0 ? [type, ...part.children.map((child) => outline(child, message))] : [type, text];
}

const crlf = (text: string) => text.replace(/\r?\n/g, "\r\n");

Deno.test("parts are found with their bytes, whatever the line ends in the file are", () => {
  const expected = [
    "multipart/mixed",
    ["multipart/alternative", ["text/plain", "plain"], ["text/html", "<p>\r\nhtml"]],
    ["message/rfc822", ["text/plain", "embedded\r\nbody\r\n"]],
    ["multipart/digest", ["message/rfc822", ["text/plain", "first"]]],
  ];
  const network = crlf(NESTED);
  assertEquals(outline(parseMime(latin1Bytes(NESTED)), network), expected);
  assertEquals(outline(parseMime(latin1Bytes(network)), network), expected);
  assertEquals(parseMime(latin1Bytes(NESTED)).end, network.length);
});

Deno.test("one byte at a time gives the same structure as all at once", () => {
  const messages = [
    NESTED,
    crlf(NESTED),
    "",
    "\n",
    "no header end",
    "A: b\n\nx",
    "A: b\r\n\r\n\r",
    NESTED.slice(0, 400),
  ];
  for (const message of messages) {
    const bytes = latin1Bytes(message);
    const whole = parseMime(bytes);
    for (const step of [1, 2, 3, 7]) {
      const parser = new MimeParser();
      for (let at = 0; at < bytes.length; at += step) parser.push(bytes.slice(at, at + step));
      assertEquals(JSON.stringify(parser.finish()), JSON.stringify(whole), JSON.stringify(message));
      assertEquals(
        JSON.stringify(outline(whole, crlf(message))),
        JSON.stringify(outline(parser.finish(), crlf(message))),
      );
    }
  }
});

Deno.test("headers and line counts are right, with empty parts and missing ends", () => {
  const message = "Content-Type: multipart/mixed; boundary=b\n\n--b\nX: 1\n--b\n\n--b\n\na\nb\n\n";
  const root = parseMime(latin1Bytes(message));
  const parts = root.children;
  assertEquals(parts.map((part) => [part.header.value("x"), part.end - part.bodyStart, part.bodyLines]), [
    ["1", 0, 0],
    [undefined, 0, 0],
    [undefined, 8, 3],
  ]);
  assertEquals(root.headerFileBytes, 43);
  assertEquals(parseMime(latin1Bytes("A: b\n\n1\n2\n3")).bodyLines, 2);
});

Deno.test("a boundary is a whole line, white space allowed, and the closest one counts", () => {
  const message = "Content-Type: multipart/mixed; boundary=b\n\n--bx\nno\n--b \t\n\none\n--b--junk\n--b\nepilogue\n";
  assertEquals(parseMime(latin1Bytes(message)).children.length, 1);
  const none = parseMime(latin1Bytes("Content-Type: multipart/mixed\n\n--\ntext\n"));
  assertEquals([none.kind, none.children.length], ["leaf", 0]);
});

Deno.test("nesting and number of parts have limits", () => {
  let deep = "";
  for (let level = 0; level < PART_DEPTH_MAX + 50; level++) deep += "Content-Type: message/rfc822\n\n";
  let depth = 0;
  for (let part: MimePart | undefined = parseMime(latin1Bytes(deep)); part; part = part.children[0]) depth++;
  assertEquals(depth, PART_DEPTH_MAX);
  const many = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\n".repeat(PARTS_MAX + 10)}`;
  assertEquals(parseMime(latin1Bytes(many)).children.length, PARTS_MAX - 1);
});

Deno.test("a message without any structure is text/plain in us-ascii", () => {
  for (const text of ["", "\n", "garbage", "Content-Type: nonsense\n\nx", "Content-Type: text/\n\n"]) {
    const part = parseMime(latin1Bytes(text));
    assertEquals([part.contentType.type, part.contentType.subtype], ["text", "plain"], text);
  }
});

Deno.test("line ends are counted as a plain loop counts them", () => {
  const bytes = new Uint8Array(1000);
  for (let at = 0; at < bytes.length; at++) bytes[at] = [10, 13, 65, 0, 138, 11, 9][(at * at + at * 7) % 7]!;
  for (let from = 0; from < 9; from++) {
    for (const to of [from, from + 1, from + 3, from + 64, 999]) {
      const part = bytes.subarray(from, to);
      let lines = 0;
      let bare = 0;
      part.forEach((byte, at) => {
        if (byte !== 10) return;
        lines++;
        if ((at === 0 ? 13 : part[at - 1]) !== 13) bare++;
      });
      assertEquals(countLineEnds(part, 13), { lines, bare });
    }
  }
});

Deno.test("parameters are read with quotes, comments and garbage", () => {
  const field = parseParameterValue(
    'text/plain (c); charset="utf-8; \\"x\\"" (d) ; name = a.b ; ; broken; x*0=1;y=(z)',
  );
  assertEquals(field?.value, "text/plain");
  assertEquals(field?.parameters, [
    { name: "charset", value: 'utf-8; "x"' },
    { name: "name", value: "a.b" },
    { name: "x*0", value: "1" },
    { name: "y", value: "" },
  ]);
  assertEquals(parameterOf(field!, "name"), "a.b");
  assertEquals(parseParameterValue("  "), undefined);
  assertEquals(splitType("text / plain"), undefined);
  assertEquals(splitType("image/png"), { type: "image", subtype: "png" });
});

Deno.test("transfer encodings are decoded, garbage skipped", () => {
  const text = (bytes: Uint8Array) => latin1Text(bytes);
  assertEquals(text(decodeBase64(latin1Bytes("aGVs\r\nbG8h IQ==\n"))), "hello!!");
  assertEquals(text(decodeBase64(latin1Bytes("aGVsbG8=aGVsbG8="))), "hellohello");
  assertEquals(text(decodeQuotedPrintable(latin1Bytes("a=20b=\r\nc=  \nd=XY=4"))), "a bcd=XY=4");
  assertEquals(text(decodeTransfer(latin1Bytes("=41"), "Quoted-Printable")), "A");
  assertEquals(text(decodeTransfer(latin1Bytes("=41"), "8bit")), "=41");
});

Deno.test("known character sets are decoded, unknown ones are told", () => {
  assertEquals(decodeCharset(Uint8Array.of(0xe9), "ISO-8859-1"), "é");
  assertEquals(decodeCharset(Uint8Array.of(0x82, 0xa0), "shift_jis"), "あ");
  assertEquals(decodeCharset(Uint8Array.of(0x41), "x-unknown-charset"), undefined);
  for (let count = 0; count < 200; count++) assert(decodeCharset(new Uint8Array(), `x-none-${count}`) === undefined);
});
