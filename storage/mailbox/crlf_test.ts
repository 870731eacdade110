import { assertEquals } from "../../tests/support/assert.ts";
import { countBareLf, CrlfToLf, headerEnd, toCrlf } from "./crlf.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (array: Uint8Array) => new TextDecoder().decode(array);

Deno.test("only a LF without CR gets one", () => {
  assertEquals(text(toCrlf(bytes("a\nb\r\nc\n\n"))), "a\r\nb\r\nc\r\n\r\n");
  assertEquals(text(toCrlf(bytes("\nx"), 13)), "\nx");
  assertEquals(text(toCrlf(bytes("\nx"), 10)), "\r\nx");
  const same = bytes("a\r\nb\r");
  assertEquals(toCrlf(same) === same, true);
  assertEquals(countBareLf(bytes("a\n\r\n\n"), 0), 2);
});

Deno.test("property: what a client sends comes back the same, in pieces of any size", () => {
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
  for (let round = 0; round < 500; round++) {
    const sent = Array.from({ length: random(30) }, () => ["\r\n", "a", "\r", "b"][random(4)]).join("");
    const whole = bytes(sent);
    const filter = new CrlfToLf();
    let kept = "";
    for (let at = 0; at < whole.length;) {
      const size = 1 + random(5);
      kept += text(filter.push(whole.subarray(at, at + size)));
      at += size;
    }
    kept += text(filter.finish());
    assertEquals(kept, sent.replaceAll("\r\n", "\n"), `seed ${seed}`);
    if (!/\r\r\n/.test(sent)) assertEquals(text(toCrlf(bytes(kept))), sent, `seed ${seed}`);
  }
});

Deno.test("the end of a header is behind its empty line", () => {
  assertEquals(headerEnd(bytes("A: b\n\nbody")), 6);
  assertEquals(headerEnd(bytes("A: b\r\n\r\nbody")), 8);
  assertEquals(headerEnd(bytes("\nbody")), 1);
  assertEquals(headerEnd(bytes("\r\nbody")), 2);
  assertEquals(headerEnd(bytes("A: b\nC: d\n")), -1);
});
