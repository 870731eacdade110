/** Joining: numbers of several queues apart, pieces of a log as the whole, limits; and records as lines. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { ByteReader } from "../../core/stream.ts";
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { makeLog, seededRandom } from "../../tests/support/mail_log.ts";
import { forEachLine, lowerText, ownText } from "./lines.ts";
import { LogMatcher } from "./matcher.ts";
import { runMatchup } from "./matchup_run.ts";
import { parseLogLine } from "./qmail_log.ts";
import { formatDelivery, formatMessage, timeMicros, tryParseDelivery, tryParseMessage } from "./records.ts";

/** A reader that gives pieces of the sizes that `size` says. */
function pieces(text: string, size: () => number): ByteReader {
  const bytes = latin1Bytes(text);
  let at = 0;
  return {
    read(into) {
      if (at === bytes.length) return Promise.resolve(null);
      const piece = bytes.subarray(at, at + Math.min(into.length, Math.max(1, size())));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length);
    },
  };
}

async function matchup(inputs: readonly string[], size = () => 65_536): Promise<{ out: string; pending: string }> {
  const result = { out: "", pending: "" };
  await runMatchup({
    inputs: inputs.map((text) => pieces(text, size)),
    output: { write: (bytes) => Promise.resolve(void (result.out += latin1Text(bytes))) },
    pending: () => ({ write: (bytes) => Promise.resolve(void (result.pending += latin1Text(bytes))) }),
  });
  return result;
}

Deno.test("a message with a success, a deferral and a failure gives four records", async () => {
  const { out, pending } = await matchup([`100.5 new msg 7 queue1
100.5 info msg 7: bytes 1000 from <Joe@A.Example> qp 42 uid 500 queue1
101 starting delivery 1: msg 7 to local X@a.example queue1
101 starting delivery 2: msg 7 to remote y@b.example queue1
101.25 delivery 1: success: did_1+0+0/ queue1
103 delivery 2: deferral: later/ queue1
104 starting delivery 3: msg 7 to remote y@b.example queue1
105 delivery 3: failure: no_such_user/ queue1
105 alert: qmail-send: something queue1
105 nonsense
105.75 end msg 7 qmail-send: queue1
`]);
  assertEquals(
    out,
    `d k 100.5 101 101.25 1000 <joe@a.example> local.x@a.example 42 500 did_1+0+0/
d z 100.5 101 103 1000 <joe@a.example> remote.y@b.example 42 500 later/
d d 100.5 104 105 1000 <joe@a.example> remote.y@b.example 42 500 no_such_user/
105 alert: qmail-send: something queue1
? 105 nonsense
m 100.5 105.75 1000 1 1 1 <joe@a.example> 42 500
`,
  );
  assertEquals(pending, "");
});

Deno.test("the same numbers in two queues, and the same delivery with two idents, are different", async () => {
  const { out } = await matchup([`1 info msg 7: bytes 1 from <a@x> qp 1 uid 1 queue1
1 info msg 7: bytes 2 from <b@x> qp 2 uid 2 queue2
2 starting delivery 5.1: msg 7 to local r@x queue1
2 starting delivery 5.10: msg 7 to local s@x queue2
3 delivery 5.10: success: ok/ queue2
4 delivery 5.1: success: ok/ queue1
5 end msg 7 queue2
6 end msg 7 queue1
`]);
  assertEquals(
    out,
    `d k 1 2 3 2 <b@x> local.s@x 2 2 ok/
d k 1 2 4 1 <a@x> local.r@x 1 1 ok/
m 1 5 2 1 0 0 <b@x> 2 2
m 1 6 1 1 0 0 <a@x> 1 1
`,
  );
});

Deno.test("work that an earlier run wrote without the queue's name is found again", async () => {
  const { out } = await matchup([
    "1 info msg 7: bytes 9 from <a@x> qp 1 uid 1\n1 extra 7 2 3 4\n1 starting delivery 5: msg 7 to local r@x\n",
    "4 delivery 5: success: ok/ queue1\n5 end msg 7 queue1\n",
  ]);
  assertEquals(out, "d k 1 1 4 9 <a@x> local.r@x 1 1 ok/\nm 1 5 9 3 4 3 <a@x> 1 1\n");
});

Deno.test("a delivery of an unknown message has question marks, an unknown delivery nothing", async () => {
  const { out } = await matchup([
    "2 starting delivery 5: msg 7 to local r@x\n4 delivery 5: deferral: z/\n5 delivery 6: success: y/\n",
  ]);
  assertEquals(out, "d z 2 2 4 0 ? local.r@x ? ? z/\n");
});

Deno.test("a daemon that stops loses its deliveries, not its messages, and not those of other queues", async () => {
  const { out, pending } = await matchup([`1 info msg 7: bytes 9 from <a@x> qp 1 uid 1 queue1
2 starting delivery 1: msg 7 to local r@x queue1
2 starting delivery 1: msg 8 to local r@x queue2
3 status: exiting queue1
`]);
  assertEquals(out, "");
  assertEquals(
    pending,
    `1 info msg 7: bytes 9 from <a@x> qp 1 uid 1 queue1
1 extra 7 0 0 0 queue1
2 starting delivery 1: msg 8 to local r@x queue2
`,
  );
});

Deno.test("a log in pieces, cut anywhere, gives what the whole log gives", async () => {
  const log = makeLog({ lines: 3000, seed: 8, queues: 2 });
  const whole = await matchup([log]);
  const random = seededRandom(9);
  assertEquals(await matchup([log], () => 1 + Math.floor(random() * 300)), whole);
  for (let round = 0; round < 20; round++) {
    const cut = Math.floor(random() * log.length);
    const first = await matchup([log.slice(0, cut)]);
    const second = await matchup([first.pending + log.slice(cut)]);
    assertEquals(first.out + second.out, whole.out, `cut at ${cut}`);
    const third = await matchup([first.pending, log.slice(cut)]);
    assertEquals(first.out + third.out, whole.out, `descriptor 4 and standard input, cut at ${cut}`);
    assertEquals(second.pending.split("\n").sort(), whole.pending.split("\n").sort());
  }
});

Deno.test("more open messages than the limit are refused", () => {
  const matcher = new LogMatcher({ message: () => undefined, delivery: () => undefined }, { openMax: 2 });
  const info = (id: number) => parseLogLine(`1 info msg ${id}: bytes 1 from <> qp 1 uid 1`);
  matcher.push(info(1));
  matcher.push(info(2));
  assertThrows(() => matcher.push(info(3)), Temporary);
});

Deno.test("records are read back as they were written", async () => {
  const { out } = await matchup([makeLog({ lines: 3000, seed: 2, queues: 0 })]);
  let count = 0;
  for (const line of out.trimEnd().split("\n")) {
    const message = line.startsWith("m ") ? tryParseMessage(line) : undefined;
    const delivery = line.startsWith("d ") ? tryParseDelivery(line) : undefined;
    if (message) assertEquals(formatMessage(message), line);
    if (delivery) assertEquals(formatDelivery(delivery), line);
    count += message || delivery ? 1 : 0;
  }
  assert(count > 1000);
  for (const line of ["m", "m 1 2", "d k", "d x 1 2 3 4 5 6 7 8", "m 1 2 3 4 x 6 7 8 9"]) {
    assertEquals(tryParseMessage(line), undefined);
    assertEquals(tryParseDelivery(line), undefined);
  }
});

Deno.test("times are exact to a microsecond, and nothing where there is no time", () => {
  assertEquals(timeMicros("1700000000.123456"), 1_700_000_000_123_456);
  assertEquals(timeMicros("1700000000"), 1_700_000_000_000_000);
  assertEquals(timeMicros("?"), 0);
});

Deno.test("lines come whole whatever the reads, very long ones in pieces", async () => {
  const random = seededRandom(4);
  const lines = Array.from({ length: 500 }, () => "x".repeat(Math.floor(random() ** 3 * 2000)));
  const got: string[] = [];
  const rest = await forEachLine(pieces(`${lines.join("\n")}\nrest`, () => 1 + Math.floor(random() * 700)), (line) => {
    got.push(line);
  });
  assertEquals(got, lines);
  assertEquals(rest, "rest");
  const long: number[] = [];
  await forEachLine(pieces(`${"y".repeat(2_500_000)}\n`, () => 65_536), (line) => long.push(line.length));
  assertEquals(long.reduce((sum, length) => sum + length, 0), 2_500_000);
  assert(long.length === 3);
});

Deno.test("addresses are folded in ASCII only", () => {
  assertEquals(lowerText("ABC\xc0z@X.Example"), "abc\xc0z@x.example");
  assertEquals(ownText("a text that is longer than thirteen"), "a text that is longer than thirteen");
});
