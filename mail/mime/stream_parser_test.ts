/** The streaming parser: the same parts whatever the pieces, every byte told once, limits kept. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { parseMime } from "./parse.ts";
import type { MimePart } from "./part.ts";
import { MimeStreamParser, type StreamOptions } from "./stream_parser.ts";

/** What was told of a message: a line for each part, and all bytes in a row. */
function read(message: string, pieces: readonly number[] = [], options: StreamOptions = {}) {
  const parts: string[] = [];
  const bodies: string[] = [];
  let all = "";
  const open: { body: string; at: number }[] = [];
  const parser = new MimeStreamParser({
    begin(part) {
      all += part.header.text;
      open.push({ body: "", at: parts.length });
      parts.push(`${" ".repeat(part.depth)}${part.kind} ${part.contentType.type}/${part.contentType.subtype}`);
      bodies.push("");
    },
    body(_, bytes) {
      all += latin1Text(bytes);
      open.at(-1)!.body += latin1Text(bytes);
    },
    end(_, lineEnd) {
      all += latin1Text(lineEnd);
      const { body, at } = open.pop()!;
      bodies[at] = body;
    },
    between(_, bytes) {
      all += latin1Text(bytes);
    },
  }, options);
  const bytes = latin1Bytes(message);
  let from = 0;
  for (const to of [...pieces, bytes.length]) {
    parser.push(bytes.slice(from, to));
    from = to;
  }
  parser.finish();
  assertEquals(open.length, 0);
  return { parts, bodies, all };
}

const NESTED = [
  "From: a@b",
  'Content-Type: multipart/mixed; boundary="x"',
  "",
  "preamble",
  "--x",
  "",
  "one",
  "",
  "--x",
  "Content-Type: message/rfc822",
  "",
  "Subject: inner",
  "Content-Type: multipart/alternative; boundary=y",
  "",
  "--y",
  "Content-Type: text/html",
  "",
  "<p>",
  "--y--",
  "--x",
  "Content-Type: application/octet-stream",
  "Content-Transfer-Encoding: base64",
  "",
  "QUJD",
  "--x--",
  "epilogue",
  "",
];

Deno.test("parts are told with their content, line ends before boundaries apart", () => {
  for (const end of ["\n", "\r\n"]) {
    const { parts, bodies, all } = read(NESTED.join(end));
    assertEquals(parts, [
      "multipart multipart/mixed",
      " leaf text/plain",
      " message message/rfc822",
      "  multipart multipart/alternative",
      "   leaf text/html",
      " leaf application/octet-stream",
    ]);
    assertEquals(bodies, ["", `one${end}`, "", "", "<p>", "QUJD"]);
    assertEquals(all, NESTED.join(end));
  }
});

Deno.test("a boundary ends a header, unknown boundaries are content, the last line needs no end", () => {
  const message = "Content-Type: multipart/mixed; boundary=x\n\n--x\nA: b\n--x\n\n--y\n--xx\n --x\n--x--";
  const { bodies, all } = read(message);
  assertEquals(bodies, ["", "", "--y\n--xx\n --x"]);
  assertEquals(all, message);
});

Deno.test("a line that is no header is passed over, or begins the content where that is asked for", () => {
  const message = "From someone\nA: b\nno header\nC: d\n\nbody\n";
  assertEquals(read(message).bodies, ["body\n"]);
  assertEquals(read(message, [], { textEndsHeader: true }).bodies, ["no header\nC: d\n\nbody\n"]);
  assertEquals(read("\nbody").bodies, ["body"]);
  assertEquals(read("").bodies, [""]);
});

Deno.test("deep nesting, long headers and many parts end at their limits", () => {
  const deep = Array.from(
    { length: 10_000 },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`,
  );
  assertEquals(read(deep.join("")).parts.length, 101);
  const wide = `Content-Type: multipart/mixed; boundary=x\n\n${"--x\n\nq\n".repeat(11_000)}--x--\n`;
  const { parts, all } = read(wide);
  assertEquals(parts.length, 10_000);
  assertEquals(all, wide);
  const long = `A: ${"b".repeat(3 * 1024 * 1024)}`;
  const header = read(long, [65_536, 1_000_000, 1_500_000, 2_500_000]);
  assertEquals(header.all, long);
  assertEquals(header.parts.length, 1);
});

function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

const WORDS = [
  "--x",
  "--y",
  "--x--",
  "--y--",
  "\n",
  "\r\n",
  "\r",
  "\n\n",
  "a",
  "-",
  "--",
  " ",
  "Content-Type: ",
  ":",
  "\0",
];
const TYPES = [
  "multipart/mixed; boundary=x",
  "multipart/digest; boundary=y",
  "message/rfc822",
  "text/plain",
  "multipart/mixed; boundary=x\r\n\r\n--x\r\n",
];

/** The leaves of a message as the other parser finds them, in bytes of a message that has CRLF only. */
function leavesOf(part: MimePart, message: string): string[] {
  if (part.kind === "leaf") return [message.slice(part.bodyStart, Math.max(part.end, part.bodyStart))];
  return part.children.flatMap((child) => leavesOf(child, message));
}

Deno.test("pieces make no difference and no byte is lost, for random messages", () => {
  for (let seed = 1; seed <= 600; seed++) {
    const random = randomSource(seed);
    let message = `Content-Type: ${TYPES[random(2)]}\n\n`;
    for (let count = random(40); count > 0; count--) {
      const word = WORDS[random(WORDS.length)]!;
      message += word === "Content-Type: " ? `${word}${TYPES[random(TYPES.length)]}\n\n` : word;
    }
    const options = { textEndsHeader: seed % 2 === 0 };
    const whole = read(message, [], options);
    assertEquals(whole.all, message, `seed ${seed}`);
    const borders = Array.from({ length: random(8) }, () => random(message.length + 1)).sort((a, b) => a - b);
    assertEquals(read(message, borders, options), whole, `seed ${seed}, pieces`);
    const single = Array.from({ length: message.length }, (_, at) => at);
    assertEquals(read(message, single, options), whole, `seed ${seed}, byte by byte`);
  }
});

Deno.test("it finds the leaves that the parser of whole messages finds", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = randomSource(seed * 7);
    const lines = ["Content-Type: multipart/mixed; boundary=x", "", "--x"];
    for (let count = random(12); count > 0; count--) {
      const boundary = "xy"[random(2)];
      lines.push(
        ...[
          [`Content-Type: multipart/mixed; boundary=${boundary}`, "", "p", `--${boundary}`],
          ["", `--${boundary}`],
          ["", `--${boundary}--`],
          ["Content-Type: text/html", "", "hello", "", `--${boundary}`],
          ["Content-Type: message/rfc822", "", "Subject: x", ""],
        ][random(5)]!,
      );
    }
    const message = `${lines.join("\r\n")}\r\n`;
    const streamed = read(message);
    const leaves = streamed.parts.map((part, at) => [part, streamed.bodies[at]!] as const)
      .filter(([part]) => part.trim().startsWith("leaf")).map(([, body]) => body);
    assertEquals(
      leaves,
      leavesOf(parseMime(latin1Bytes(message)), message),
      `seed ${seed}: ${JSON.stringify(message)}`,
    );
    assert(streamed.all === message);
  }
});
