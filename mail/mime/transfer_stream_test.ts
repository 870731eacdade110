/** Codecs in pieces: what is encoded comes back, random borders make no difference, garbage is survived. */
import { assertEquals } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { Header } from "../header/header.ts";
import { fileNames } from "./file_name.ts";
import { decodeBase64, decodeQuotedPrintable } from "./transfer.ts";
import {
  Base64Decoder,
  Base64Encoder,
  type ByteTransform,
  encodeQuotedPrintable,
  QuotedPrintableDecoder,
  transferDecoder,
} from "./transfer_stream.ts";
import { decodeUuLine, encodeUuLine, isUuLine, parseUuBegin, UU_LINE_BYTES, UuReader } from "./uuencode.ts";

function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function randomBytes(random: (below: number) => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random(256));
}

/** All that a transform makes of bytes that come in random pieces. */
function through(transform: ByteTransform, bytes: Uint8Array, random: (below: number) => number): Uint8Array {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const to = Math.min(bytes.length, at + random(9));
    out.push(transform.push(bytes.slice(at, to)).slice());
    at = to;
  }
  out.push(transform.finish().slice());
  return concatBytes(...out);
}

Deno.test("base64 and quoted-printable come back, whatever the pieces", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomSource(seed);
    const bytes = randomBytes(random, random(400));
    const lineChars = [72, 76, 4][random(3)]!;
    const text = through(new Base64Encoder({ lineChars, lineEnd: random(2) === 0 ? "\n" : "\r\n" }), bytes, random);
    for (const line of latin1Text(text).split(/\r?\n/)) assertEquals(line.length <= lineChars, true, `seed ${seed}`);
    assertEquals(through(new Base64Decoder(), text, random), bytes, `seed ${seed}`);
    const printable = latin1Bytes(encodeQuotedPrintable(bytes, "\r\n"));
    const lines = latin1Text(bytes).replace(/\r?\n/g, "\r\n");
    for (const line of latin1Text(printable).split("\r\n")) assertEquals(line.length <= 76, true, `seed ${seed}`);
    assertEquals(latin1Text(through(new QuotedPrintableDecoder(), printable, random)), lines, `seed ${seed}`);
  }
});

Deno.test("garbage is decoded in pieces as it is at once", () => {
  const alphabet = "AZaz09+/==== \t\r\n!\xff=3=F=g";
  for (let seed = 1; seed <= 400; seed++) {
    const random = randomSource(seed);
    const text = Uint8Array.from({ length: random(120) }, () => alphabet.charCodeAt(random(alphabet.length)));
    assertEquals(through(transferDecoder("base64"), text, random), decodeBase64(text), `base64, seed ${seed}`);
    const whole = decodeQuotedPrintable(text);
    assertEquals(through(transferDecoder("quoted-printable"), text, random), whole, `seed ${seed}`);
    assertEquals(through(transferDecoder("8bit"), text, random), text);
  }
});

Deno.test("base64 may end at its first padding", () => {
  const decoder = new Base64Decoder({ stopsAtPadding: true });
  assertEquals(latin1Text(decoder.push(latin1Bytes("QUI=QUJD"))), "AB");
  assertEquals(latin1Text(decoder.push(latin1Bytes("QUJD"))), "");
  assertEquals(decoder.unfinished, false);
});

Deno.test("uuencode comes back, whatever the pieces, and files follow each other", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = randomSource(seed);
    const bytes = randomBytes(random, random(300));
    let text = "some text\nbegin at noon\nbegin 644 a file.bin\n";
    for (let at = 0; at < bytes.length; at += UU_LINE_BYTES) {
      const line = encodeUuLine(bytes.subarray(at, at + UU_LINE_BYTES));
      assertEquals(isUuLine(line.trimEnd()), true, line);
      text += random(2) === 0 ? line : line.replaceAll("`", " ");
    }
    text += "`\nend\nmore\nbegin 600 b\n#86)C\nend";
    const seen: string[] = [];
    const files: Uint8Array[][] = [];
    const reader = new UuReader((event) => {
      if (event.kind === "begin") {
        seen.push(`${event.begin.mode} ${event.begin.name}`);
        files.push([]);
      } else if (event.kind === "bytes") files.at(-1)!.push(event.bytes);
      else seen.push("end");
    });
    through(
      { push: (piece) => (reader.push(piece), piece), finish: () => new Uint8Array() },
      latin1Bytes(text),
      random,
    );
    reader.finish();
    assertEquals(seen, ["644 a file.bin", "end", "600 b", "end"]);
    assertEquals(concatBytes(...files[0]!), concatBytes(bytes), `seed ${seed}`);
    assertEquals(latin1Text(concatBytes(...files[1]!)), "abc");
  }
});

Deno.test("uuencode lines that are too short or no lines are survived", () => {
  assertEquals(decodeUuLine(latin1Bytes("M")).length, 45);
  assertEquals(decodeUuLine(new Uint8Array()).length, 0);
  assertEquals(decodeUuLine(latin1Bytes("#\xff\x01")).length, 3);
  assertEquals(parseUuBegin("begin 644"), undefined);
  assertEquals(parseUuBegin("begin 0755 ../x\r\n"), { mode: "0755", name: "../x" });
});

Deno.test("file names are found in pieces, character sets and encoded words", () => {
  const names = (text: string) => fileNames(new Header(text)).map(({ text }) => text);
  assertEquals(names("Content-Disposition: attachment; filename=a.txt\nContent-Type: x/y; name=b.txt\n"), [
    "a.txt",
    "b.txt",
  ]);
  assertEquals(names("Content-Type: x/y; name*=utf-8''f%C3%BCr%20x\n"), ["für x"]);
  assertEquals(names("Content-Type: x/y;\n name*1=b; name*0*=iso-8859-1'de'%FC;\n name*2*=%2e\n"), ["üb."]);
  assertEquals(names('Content-Type: x/y; name="=?utf-8?B?w7w=?= =?utf-8?Q?_x?="\n'), ["ü x"]);
  assertEquals(names(`Content-Type: x/y; name="${latin1Text(utf8Bytes("ü"))}"; name="\xfc"\n`), ["ü", "\xfc"]);
  assertEquals(names("Content-Type: x/y; name*1=lost; name*x=lost\n"), []);
  assertEquals(names("Content-Disposition: x; filename*=klingon''%FF\n"), ["\xff"]);
});
