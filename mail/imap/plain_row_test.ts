/** The fast way to a row must say what the general one says, or step aside. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { MessageIndexer } from "./index_row.ts";
import { tryPlainRow } from "./plain_row.ts";

/** True where the fast way took it; fails where it says something else. */
function compare(text: string): boolean {
  const bytes = latin1Bytes(text);
  const plain = tryPlainRow(bytes);
  if (!plain) return false;
  const fast = [latin1Text(plain.envelope), latin1Text(plain.bodyStructure), plain.sizeBytes, plain.headerFileBytes];
  const indexer = new MessageIndexer();
  indexer.push(bytes);
  const row = indexer.finish();
  const general = [latin1Text(row.envelope), latin1Text(row.bodyStructure), row.sizeBytes, row.headerFileBytes];
  assertEquals(fast, general, JSON.stringify(text));
  return true;
}

/** A small generator with a fixed seed (xorshift). */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const ORDINARY = [
  "Return-Path: <a@b>",
  "Received: from x by y with SMTP id 1;\n\tThu, 01 Jan 2026 00:00:00 +0000",
  'From: "Sender, Number 5" <sender5@bench.invalid>',
  "To: User One <u1@bench.test>, <c@d>, e.f@g.h,\n Other <o@p>",
  "Cc: ",
  'Subject: bench "message" \\1\n  and more',
  "Date: Thu, 01 Jan 2026 00:00:00 +0000",
  "Message-ID:<1@x>",
  "Content-Type: text/plain; charset=us-ascii",
].join("\n");

Deno.test("ordinary messages are plain, whatever their line ends", () => {
  const message = `${ORDINARY}\n\nline\nline\n\n.\nlast without end`;
  assert(compare(message));
  assert(compare(message.replaceAll("\n", "\r\n")));
  assert(compare("\n"));
  assert(compare("\nbody only\n"));
  assert(compare("Subject: x\n\n"));
});

Deno.test("messages with parts, without an empty line, or with 8-bit text in the envelope are not plain", () => {
  assert(!compare("Subject: x\n"));
  assert(!compare("Subject: \xfc\n\n"));
  assert(!compare("Content-Type: multipart/mixed; boundary=a\n\n--a\n\nx\n--a--\n"));
  assert(!compare("Content-Type: message/rfc822\n\nSubject: y\n\nz\n"));
  assert(!compare("From sender@x Thu Jan  1 00:00:00 2026\nSubject: x\n\n"));
  assert(!compare("To: a@b\nTo: c@d\n\n"));
  assert(!compare(`Subject: ${"x".repeat(5000)}\n\n`));
  assert(!compare(`${"X-Long: y\n".repeat(2000)}\n`));
});

Deno.test("property: odd address lists, values and structures are the same or left to the general way", () => {
  const seed = 20260101;
  const next = random(seed);
  const pick = (list: readonly string[]) => list[next(list.length)]!;
  const words = [
    "a",
    "b.c",
    "A",
    '"q r"',
    '""',
    '"x\\"y"',
    "=?utf-8?Q?=C3=BC?=",
    "\xe4",
    "(c)",
    "(c (d))",
    "[1.2]",
    ".",
  ];
  const marks = [
    "@",
    "@",
    "<",
    ">",
    ",",
    ", ",
    " ",
    " ",
    ";",
    ":",
    "\t",
    "\n ",
    "\r\n\t",
    "\r",
    "\\",
    "",
    "\0",
    "\x7f",
  ];
  const good = ["a@b", "<a@b>", "A B <a.b@c.d>", '"A, B" <a@b>', "A\n <a@b>", "a@b ", "", " "];
  const list = () =>
    next(2) === 0
      ? Array.from({ length: next(6) }, () => pick(good)).join(pick([",", ", ", ",\n ", " , ", ",,"]))
      : Array.from({ length: next(9) }, () => next(2) === 0 ? pick(words) : pick(marks)).join("");
  const value = () =>
    Array.from({ length: next(6) }, () => next(3) === 0 ? pick(marks) : pick(words)).join(pick(["", " "]));
  const names = ["From", "Sender", "Reply-To", "TO", "Cc", "bcc", "X-Any", "Fro", "Subjec", "Content", "cd"];
  const texts = ["Subject", "Date", "In-Reply-To", "Message-ID", "subject", "Subject ", "X Y", "", "Received"];
  const types = [
    "text/plain",
    'TEXT/html; charset="a b"',
    "image/png; name=x",
    "multipart/mixed",
    "message/rfc822",
    "x",
    "text/",
  ];
  const contents = [
    "Content-Transfer-Encoding: base64",
    "Content-ID: <1@x>",
    'Content-Disposition: inline; filename="a\\"b"',
    "Content-Language: de, en",
    "Content-MD5: x==",
    "Content-Description: \xfc",
    "Content-Location:\n http://x",
    "content-type:text/html",
  ];
  let plain = 0;
  const rounds = 20_000;
  for (let round = 0; round < rounds; round++) {
    const fields = Array.from({ length: next(7) }, () => {
      switch (next(5)) {
        case 0:
          return `${pick(texts)}:${pick(["", " ", "\n "])}${value()}`;
        case 1:
          return pick(contents);
        case 2:
          return `Content-Type: ${pick(types)}`;
        default:
          return `${pick(names)}:${pick([" ", "", "\t"])}${list()}`;
      }
    });
    const end = pick(["\n", "\n", "\r\n"]);
    const body = Array.from({ length: next(30) }, () => pick(["x", "\n", "\r\n", "\r", "some text"])).join("");
    if (compare(`${fields.map((field) => field + end).join("")}${pick([end, end, end, ""])}${body}`)) plain++;
  }
  assert(plain > rounds / 10 && plain < rounds, `seed ${seed}: ${plain} of ${rounds} were plain`);
});
