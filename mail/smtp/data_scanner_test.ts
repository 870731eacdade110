import { assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { DataScanner, type DataState } from "./data_scanner.ts";

interface Scanned {
  readonly state: DataState;
  readonly text: string;
  readonly rest: string;
  readonly hops: number;
}

/** Scans text that comes in chunks of `chunkBytes`. */
function scan(text: string, chunkBytes: number): Scanned {
  const buffer = new Uint8Array(text.length + 16);
  const bytes = latin1Bytes(text);
  const scanner = new DataScanner();
  let output = 0;
  let inputEnd = 0;
  let state: DataState = "more";
  let at = 0;
  while (at < bytes.length && state === "more") {
    const chunk = bytes.subarray(at, at + chunkBytes);
    at += chunk.length;
    buffer.set(chunk, inputEnd);
    inputEnd += chunk.length;
    state = scanner.scan(buffer, { output, input: output, inputEnd });
    output = scanner.outputEnd;
    if (state === "more") {
      buffer.copyWithin(output, scanner.inputStart, inputEnd);
      inputEnd = output + inputEnd - scanner.inputStart;
    }
  }
  const rest = latin1Text(buffer.subarray(scanner.inputStart, inputEnd)) + text.slice(at);
  assertEquals(scanner.sizeBytes, output);
  return { state, text: latin1Text(buffer.subarray(0, output)), rest, hops: scanner.hops };
}

const CASES: readonly (readonly [text: string, expected: Partial<Scanned>])[] = [
  [".\r\n", { state: "end", text: "", rest: "" }],
  ["a\r\n.\r\n", { state: "end", text: "a\n" }],
  ["a\r\n\r\nb\r\n.\r\nQUIT\r\n", { state: "end", text: "a\n\nb\n", rest: "QUIT\r\n" }],
  ["..a\r\n...\r\n.b\r\n.\r\n", { state: "end", text: ".a\n..\nb\n" }],
  ["a.\r\n.\r\n", { state: "end", text: "a.\n" }],
  [".\r\r\n", { state: "bare-cr" }],
  ["a\n.\r\n", { state: "bare-lf" }],
  ["\na\r\n", { state: "bare-lf" }],
  ["a\r\n\n.\r\n", { state: "bare-lf" }],
  ["a\r\n.\n", { state: "bare-lf" }],
  ["a\rb\r\n", { state: "bare-cr" }],
  ["a\r\n.\rb", { state: "bare-cr" }],
  ["a\r\r\n", { state: "bare-cr" }],
  ["a\r\n.", { state: "more", text: "a\n" }],
  ["Received: x\r\nrEceived:y\r\nDelivered-To: z\r\nReceive: n\r\n\r\nReceived: body\r\n.\r\n", {
    state: "end",
    hops: 3,
  }],
  ["8 bit \xe4\xff\x80\r\n\0\r\n.\r\n", { state: "end", text: "8 bit \xe4\xff\x80\n\0\n" }],
];

Deno.test("the end of data is only CRLF.CRLF, dots are unstuffed, bare CR and LF are found [rfc5321 4.5.2]", () => {
  for (const [text, expected] of CASES) {
    const scanned = scan(text, text.length);
    for (const key of Object.keys(expected) as (keyof Scanned)[]) {
      assertEquals(scanned[key], expected[key]!, `${JSON.stringify(text)}: ${key}`);
    }
  }
});

Deno.test("chunks of any size give the same as all at once", () => {
  for (const [text] of CASES) {
    const whole = scan(text, text.length);
    for (let chunkBytes = 1; chunkBytes <= 9; chunkBytes++) {
      const { state, text: got, hops, rest } = scan(text, chunkBytes);
      assertEquals(
        { state, hops },
        { state: whole.state, hops: whole.hops },
        `${JSON.stringify(text)} by ${chunkBytes}`,
      );
      if (state === "end") assertEquals({ got, rest }, { got: whole.text, rest: whole.rest });
    }
  }
});

Deno.test("a header line longer than what is kept is passed on in pieces", () => {
  const long = `Received: ${"x".repeat(20_000)}\r\nSubject: ${"y".repeat(9000)}\r\n\r\nbody\r\n.\r\n`;
  for (const chunkBytes of [100, 4096, 5000, long.length]) {
    const scanned = scan(long, chunkBytes);
    assertEquals(scanned.state, "end");
    assertEquals(scanned.hops, 1);
    assertEquals(scanned.text, long.slice(0, -3).replaceAll("\r\n", "\n"));
  }
});

/** The scanner as the standard puts it, byte by byte, to compare with. */
function plainScan(text: string): { state: DataState; text: string } {
  let output = "";
  let at = 0;
  for (;;) {
    const line = /^[^\r\n]*/.exec(text.slice(at))![0];
    const end = text.slice(at + line.length, at + line.length + 2);
    if (end === "" || end === "\r") return { state: "more", text: output };
    if (end[0] === "\n") return { state: "bare-lf", text: output };
    if (end !== "\r\n") return { state: "bare-cr", text: output };
    if (line === ".") return { state: "end", text: output };
    output += `${line.startsWith(".") ? line.slice(1) : line}\n`;
    at += line.length + 2;
  }
}

Deno.test("random messages are read as the plain reading of the standard has them", () => {
  let seed = 20_261_123;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const pieces = ["\r\n", "\r\n", "\r\n", ".", "..", "a", "Received:", "\r\n.\r\n", "\n", "\r", "xyz "];
  for (let round = 0; round < 3000; round++) {
    let text = "";
    for (let count = random(12); count >= 0; count--) text += pieces[random(random(4) === 0 ? pieces.length : 8)];
    const expected = plainScan(text);
    const scanned = scan(text, 1 + random(8));
    assertEquals(scanned.state, expected.state, `seed 20261123 round ${round}: ${JSON.stringify(text)}`);
    if (scanned.state === "end") assertEquals(scanned.text, expected.text);
  }
});
