/** yEnc comes out as it went in, whatever the pieces, and damage is told. */
import { assertEquals } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { parseYencBegin, YencReader } from "./yenc.ts";

/** The encoder of the draft: critical characters escaped, lines of 128 characters. */
function encode(bytes: Uint8Array): string {
  let text = "";
  let line = "";
  for (const byte of bytes) {
    const shifted = (byte + 42) & 255;
    const critical = shifted === 0 || shifted === 10 || shifted === 13 || shifted === 0x3d;
    line += critical ? `=${String.fromCharCode((shifted + 64) & 255)}` : String.fromCharCode(shifted);
    if (line.length >= 128) {
      text += `${line}\r\n`;
      line = "";
    }
  }
  return line === "" ? text : `${text}${line}\r\n`;
}

function read(text: string, piece: number): { names: string[]; bytes: Uint8Array; problems: (string | undefined)[] } {
  const [names, parts, problems]: [string[], Uint8Array[], (string | undefined)[]] = [[], [], []];
  const reader = new YencReader((event) => {
    if (event.kind === "begin") names.push(event.begin.name);
    else if (event.kind === "bytes") parts.push(event.bytes.slice());
    else problems.push(event.problem);
  });
  const bytes = latin1Bytes(text);
  for (let at = 0; at < bytes.length; at += piece) reader.push(bytes.subarray(at, at + piece));
  reader.finish();
  return { names, bytes: concatBytes(...parts), problems };
}

const EVERY = Uint8Array.from({ length: 1000 }, (_, at) => (at * 7) & 255);

Deno.test("every byte comes back, in pieces of any size", () => {
  const text = `some words\r\n=ybegin line=128 size=1000 name=a file.bin \r\n${
    encode(EVERY)
  }=yend size=1000\r\nmore\r\n`;
  for (let piece = 1; piece < 300; piece += 13) {
    assertEquals(read(text, piece), { names: ["a file.bin"], bytes: EVERY, problems: [undefined] });
  }
});

Deno.test("a known checksum is right, another one is wrong; so are a wrong size and a missing end", () => {
  const begin = "=ybegin line=128 size=9 name=x\n";
  const data = encode(latin1Bytes("123456789")); // CRC-32 check value cbf43926
  assertEquals(read(`${begin}${data}=yend size=9 crc32=CBF43926\n`, 10).problems, [undefined]);
  assertEquals(read(`${begin}${data}=yend size=9 crc32=cbf43927\n`, 10).problems, ["its checksum is wrong"]);
  assertEquals(read(`${begin}${encode(EVERY)}=yend size=9\n`, 10).problems, ["it has 1000 bytes, not 9"]);
  assertEquals(read(`${begin}${data}`, 10).problems, ["it ends too early"]);
});

Deno.test("parts tell which they are and how long", () => {
  const line = "=ybegin part=2 total=3 line=128 size=30 name=x";
  assertEquals(parseYencBegin(line), { name: "x", sizeBytes: 30, part: 2, total: 3 });
  const text = `${line}\n=ypart begin=11 end=20\n${
    encode(latin1Bytes("abcdefghij"))
  }=yend size=10 part=2 pcrc32=3981703a\n`;
  const part = read(text, 7);
  assertEquals([latin1Text(part.bytes), part.problems], ["abcdefghij", [undefined]]);
  for (const wrong of ["=ybegin size=3 name=", "=ybegin name=x", "ybegin size=1 name=x"]) {
    assertEquals(parseYencBegin(wrong), undefined);
  }
});
