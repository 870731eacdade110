/** Headers are split without losing a byte, whatever the bytes are. */
import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { decodeHeaderText } from "./encoded_word.ts";
import { Header, headerEnd } from "./header.ts";

Deno.test("fields are found with folding, in any case, with LF and CRLF", () => {
  for (const end of ["\n", "\r\n"]) {
    const header = new Header(
      latin1Bytes(`Subject: a${end}  b${end}\tc${end}TO : x@y${end}to:z${end}${end}Body: no${end}`),
    );
    assertEquals(header.fields.map((field) => field.name), ["subject", "to", "to"]);
    assertEquals(header.value("subject"), "a  b\tc");
    assertEquals(header.all("to").map((field) => header.valueOf(field)), ["x@y", "z"]);
    assertEquals(header.value("body"), undefined);
    assertEquals(header.rawOf(header.fields[0]!), `Subject: a${end}  b${end}\tc${end}`);
  }
});

Deno.test("lines that are no fields are passed over, and the bytes stay", () => {
  const text = "From someone Thu\nno colon here\n: nothing\nbad name: x\nGood: y";
  const header = new Header(text);
  assertEquals(header.fields.map((field) => field.name), ["good"]);
  assertEquals(header.value("good"), "y");
  assertEquals(new TextDecoder().decode(header.bytes()), text);
});

Deno.test("the end of a header is behind its empty line", () => {
  assertEquals(headerEnd(latin1Bytes("A: b\r\n\r\nbody")), 8);
  assertEquals(headerEnd(latin1Bytes("A: b\n\nbody")), 6);
  assertEquals(headerEnd(latin1Bytes("A: b\n\r\nbody")), 7);
  assertEquals(headerEnd(latin1Bytes("\r\nbody")), 2);
  assertEquals(headerEnd(latin1Bytes("\nbody")), 1);
  assertEquals(headerEnd(latin1Bytes("A: b\r\n")), 6);
});

Deno.test("encoded words are decoded, white space between them goes [rfc2047 6.2]", () => {
  assertEquals(decodeHeaderText("=?ISO-8859-1?Q?Andr=E9?= Pirard"), "André Pirard");
  assertEquals(decodeHeaderText("=?utf-8?B?w7w=?= =?utf-8?q?_x?="), "ü x");
  assertEquals(decodeHeaderText("a =?us-ascii*en?q?b?= c"), "a b c");
  // one character split between two words
  assertEquals(decodeHeaderText("=?utf-8?Q?=C3?= =?utf-8?Q?=BC?="), "ü");
});

Deno.test("broken encoded words and unknown character sets stay", () => {
  assertEquals(decodeHeaderText("=?klingon?Q?x?="), "=?klingon?Q?x?=");
  assertEquals(decodeHeaderText("=?utf-8?X?x?= =?utf-8?Q?x"), "=?utf-8?X?x?= =?utf-8?Q?x");
  assertEquals(decodeHeaderText("gr\xc3\xbcn"), "grün");
  assertEquals(decodeHeaderText("gr\xfcn"), "gr\xfcn");
});
