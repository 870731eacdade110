/** Base64 of streams: however the input is cut the output is the same, and decoding gives it back. */
import { assertEquals } from "../../tests/support/assert.ts";
import { Buffer } from "node:buffer";
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Base64Decoder, Base64Encoder, encodeWithEnd, encodeWithoutEnd, LineCoder } from "./base64_stream.ts";
import { showBytes, visibleTable } from "./visible_text.ts";

const SEED = 42;

function inParts(coder: { push(bytes: Uint8Array): Uint8Array; end(): Uint8Array }, bytes: Uint8Array, part: number) {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += part) out.push(coder.push(bytes.subarray(at, at + part)).slice());
  return concatBytes(...out, coder.end());
}

function* samples(): Generator<Uint8Array<ArrayBuffer>> {
  let state = SEED;
  for (let length = 0; length < 200; length += 1 + length % 7) {
    yield Uint8Array.from({ length }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state >>> 24;
    });
  }
}

Deno.test(`what is encoded is decoded again, cut anywhere (seed ${SEED})`, () => {
  for (const bytes of samples()) {
    for (const width of [0, 1, 4, 19, 76]) {
      const plain = Buffer.from(bytes).toString("base64");
      const lines = width === 0 ? plain : plain.replaceAll(new RegExp(`.{1,${width}}`, "g"), "$&\n");
      for (const part of [1, 2, 3, 5, 1000]) {
        assertEquals(latin1Text(inParts(new Base64Encoder(width), bytes, part)), lines);
        const decoder = new Base64Decoder({ ignoreOthers: false });
        assertEquals([inParts(decoder, latin1Bytes(lines), part), decoder.wrong], [bytes, false]);
      }
    }
    const encoded = inParts(new LineCoder(encodeWithEnd), bytes, 3);
    assertEquals(inParts(new Base64Decoder({ ignoreOthers: false }), encoded, 7), bytes);
  }
});

Deno.test("what is no base64 is found; what came before is given", () => {
  const decode = (text: string, options = { ignoreOthers: false }) => {
    const decoder = new Base64Decoder(options);
    return [latin1Text(inParts(decoder, latin1Bytes(text), 5)), decoder.wrong];
  };
  assertEquals(decode("aGVs\nbG8=aGk="), ["hellohi", false]);
  assertEquals(decode("aGVs\nbG8"), ["hello", true]);
  assertEquals(decode("aGVsbG8*aaaa"), ["hel", true]);
  assertEquals(decode("aGVs!\r\nbG8=", { ignoreOthers: true }), ["hello", false]);
  assertEquals(decode("aGVsb"), ["hel", true]);
});

Deno.test("lines are encoded one by one", () => {
  const bytes = latin1Bytes("user\n\nend");
  assertEquals(latin1Text(inParts(new LineCoder(encodeWithoutEnd), bytes, 2)), "dXNlcg==\n\nZW5k\n");
  assertEquals(latin1Text(inParts(new LineCoder(encodeWithEnd), bytes, 2)), "dXNlcgo=\nCg==\nZW5k\n");
});

Deno.test("control characters, tabs and line ends are shown as cat shows them", () => {
  const bytes = Uint8Array.of(0, 9, 10, 13, 65, 127, 128, 138, 160, 255);
  const show = ([controls, tabs, ends]: readonly [boolean, boolean, boolean]) =>
    latin1Text(showBytes(bytes, visibleTable({ controls, tabs, ends })));
  assertEquals(show([true, false, false]), "^@\t\n^MA^?M-^@M-^JM- M-^?");
  assertEquals(show([true, true, true]), "^@^I$\n^MA^?M-^@M-^JM- M-^?");
  assertEquals(show([false, false, false]), latin1Text(bytes));
});
