/** The parser of the activity record: every line of the grammar, with and without a queue's name, and any bytes at all. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { makeLog, seededRandom, taiLabel } from "../../tests/support/mail_log.ts";
import { latin1Text } from "../../core/bytes.ts";
import { formatLogLine, parseLogLine, stampTime } from "./qmail_log.ts";

const STAMP = taiLabel(1_700_000_000, 123_456_789);
const TIME = "1700000000.123456789";

Deno.test("times are TAI64N labels, seconds and ISO times", () => {
  assertEquals(stampTime(STAMP), TIME);
  assertEquals(stampTime("@40000000477f63f537146144"), "1199530987.924082500"); // tai64nlocal: 2008-01-05 11:03:07.924082500
  assertEquals(stampTime("901967408.113926"), "901967408.113926");
  assertEquals(stampTime("901967408"), "901967408");
  assertEquals(stampTime("2026-11-23T04:05:06.789Z"), "1795406706.789");
  for (const text of ["", "@", "@4000", "Aug", "1.2.3", "12:00", "@4000000047ZZZZf537146144", "2026-13-40T04:05:06Z"]) {
    assertEquals(stampTime(text), undefined, text);
  }
});

Deno.test("lines mean the same with and without the queue's name", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["new msg 77", { kind: "new", message: "77" }],
    ["info msg 77: bytes 295 from <A@b.example> qp 2203 uid 1000", {
      kind: "info",
      message: "77",
      bytes: "295",
      sender: "<A@b.example>",
      qp: "2203",
      uid: "1000",
    }],
    ["starting delivery 1.5: msg 77 to local r@c.example", {
      kind: "starting",
      delivery: "1.5",
      message: "77",
      channel: "local",
      recipient: "r@c.example",
    }],
    ["delivery 1.5: success: did_1+0+1/", { kind: "delivery", delivery: "1.5", result: "k", reason: "did_1+0+1/" }],
    ["delivery 2: deferral: why/", { kind: "delivery", delivery: "2", result: "z", reason: "why/" }],
    ["delivery 3: failure: no/", { kind: "delivery", delivery: "3", result: "d", reason: "no/" }],
    ["extra 77 1 2 3", { kind: "extra", message: "77", successes: 1, deferrals: 2, failures: 3 }],
    ["end msg 77", { kind: "end", message: "77" }],
    ["status: local 1/10 remote 2/20", { kind: "status", local: 1, localMax: 10, remote: 2, remoteMax: 20 }],
    ["status: exiting", { kind: "stopped" }],
  ];
  for (const [text, fields] of cases) {
    assertEquals({ ...parseLogLine(`${STAMP} ${text}`) }, { ...fields, time: TIME, queue: "" } as never, text);
    assertEquals(
      { ...parseLogLine(`${STAMP} ${text} queue3`) },
      { ...fields, time: TIME, queue: "queue3" } as never,
      text,
    );
  }
  const mangled = parseLogLine(`${STAMP} delivery 4: report mangled, will defer`);
  assertEquals(mangled, {
    kind: "delivery",
    time: TIME,
    delivery: "4",
    result: "z",
    reason: "report_mangled",
    queue: "",
  });
  const held = parseLogLine(`${STAMP} status: local 0/10 remote 0/20 (held) delayed jobs=7 queue2 exitasap`);
  assert(held.kind === "status" && held.queue === "queue2");
  const program = parseLogLine(`${STAMP} end msg 9 qmail-send: queue2`);
  assertEquals(program, { kind: "end", time: TIME, message: "9", queue: "queue2" });
});

Deno.test("any bytes are some event, never an exception", () => {
  const random = seededRandom(11);
  const seeds = makeLog({ lines: 200, seed: 3, queues: 2 }).split("\n");
  for (let round = 0; round < 20_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 120) }, () => Math.floor(random() * 256));
    const base = seeds[Math.floor(random() * seeds.length)] ?? "";
    const at = Math.floor(random() * base.length);
    const line =
      (round % 2 ? latin1Text(bytes) : base.slice(0, at) + latin1Text(bytes.subarray(0, 8)) + base.slice(at + 3))
        .replaceAll("\n", " ");
    assert(typeof parseLogLine(line).kind === "string", JSON.stringify(line));
  }
});

Deno.test("what is written of open work is read back as it was", () => {
  for (const line of makeLog({ lines: 2000, seed: 5, queues: 3 }).split("\n")) {
    const event = parseLogLine(line);
    if (event.kind !== "info" && event.kind !== "starting") continue;
    assertEquals(parseLogLine(formatLogLine(event)), event, line);
  }
  const extra = {
    kind: "extra",
    time: TIME,
    message: "7",
    successes: 1,
    deferrals: 0,
    failures: 2,
    queue: "",
  } as const;
  assertEquals(parseLogLine(formatLogLine(extra)), extra);
});
