/** The reports over a small log whose sums are worked out by hand. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import type { ByteReader } from "../../../core/stream.ts";
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { makeLog } from "../../../tests/support/mail_log.ts";
import { overallLines, OverallTally } from "../overall.ts";
import { readRecords } from "../read_records.ts";
import { alignRows, awkNumber } from "../table.ts";
import { largestFirst, printTable } from "./report.ts";
import { delayRows, hostOf, meanDelayTally, reasonTally, recipientTally, senderTally, type Tally } from "./tallies.ts";

/**
 * Two messages. The first: 1000 bytes, uid 500, to two recipients of one host; one success after 2 s (1 s of it the
 * attempt), one deferral of 3 s and then a failure of 0.5 s; in the queue from 100 to 110. The second: 200 bytes, a bounce
 * of uid 501, one success after 0.5 s, an attempt of 0.25 s; from 105 to 106.
 */
const LOG = `100 info msg 1: bytes 1000 from <Joe@a.example> qp 42 uid 500 queue1
101 starting delivery 1: msg 1 to remote x@b.example queue1
101 starting delivery 2: msg 1 to remote y@b.example queue1
102 delivery 1: success: ok_then/ queue1
104 delivery 2: deferral: try_later/ queue1
105 info msg 2: bytes 200 from <> qp 43 uid 501 queue1
105.25 starting delivery 3: msg 2 to local z@c.example queue1
105.5 delivery 3: success: did_1+0+0/ queue1
106 end msg 2 queue1
109 starting delivery 4: msg 1 to remote y@b.example queue1
109.5 delivery 4: failure: no_user/ queue1
110 end msg 1 queue1
`;

function reader(text: string): ByteReader {
  let bytes: Uint8Array | undefined = latin1Bytes(text);
  return {
    read(into) {
      if (!bytes) return Promise.resolve(null);
      into.set(bytes);
      const { length } = bytes;
      bytes = undefined;
      return Promise.resolve(length);
    },
  };
}

async function rowsOf(tally: Tally): Promise<string[]> {
  await readRecords(reader(LOG), tally);
  return tally.rows().map((row) => row.join(" "));
}

Deno.test("zoverall's numbers are those of the log", async () => {
  const sums = new OverallTally();
  await readRecords(reader(LOG), sums);
  assertEquals(overallLines(sums), [
    "Completed messages: 2",
    "Recipients for completed messages: 3", // 1 success and 1 failure, and 1 success
    "Total delivery attempts for completed messages: 4",
    "Average delivery attempts per completed message: 2",
    "Bytes in completed messages: 1200",
    "Bytes weighted by success: 1200", // 1000 * 1 + 200 * 1
    "Average message qtime (s): 5.5", // (10 + 1) / 2
    "",
    "Total delivery attempts: 4",
    "  success: 2",
    "  failure: 1",
    "  deferral: 1",
    "Total ddelay (s): 2.500000", // 2 + 0.5
    "Average ddelay per success (s): 1.250000",
    "Total xdelay (s): 4.750000", // 1 + 3 + 0.25 + 0.5
    "Average xdelay per delivery attempt (s): 1.187500",
    "Time span (s): 10", // 100 to 110
    "Queue concurrency: 0.475",
  ]);
});

Deno.test("an empty log has no averages", () => {
  assertEquals(overallLines(new OverallTally()), ["Completed messages: 0", "", "Total delivery attempts: 0"]);
});

Deno.test("reasons, recipients, hosts, senders and uids add up as worked out by hand", async () => {
  assertEquals(await rowsOf(reasonTally("k")), ["1 1.00 ok_then/", "1 0.25 did_1+0+0/"]);
  assertEquals(await rowsOf(reasonTally("z")), ["1 3.00 try_later/"]);
  assertEquals(await rowsOf(reasonTally("d")), ["1 0.50 no_user/"]);
  assertEquals(await rowsOf(recipientTally((recipient) => recipient)), [
    "1000 1 1 1.00 remote.x@b.example",
    "0 1 2 3.50 remote.y@b.example",
    "200 1 1 0.25 local.z@c.example",
  ]);
  assertEquals(await rowsOf(recipientTally(hostOf)), ["1000 2 3 4.50 b.example", "200 1 1 0.25 c.example"]);
  assertEquals(await rowsOf(meanDelayTally()), [
    "1.00 1 remote.x@b.example",
    "1.75 2 remote.y@b.example",
    "0.25 1 local.z@c.example",
  ]);
  const bySender = await rowsOf(senderTally((record) => `${record.uid}/${record.sender}`));
  assertEquals(bySender, ["1 1000 1000 2000 2 3 4.500000 500/<joe@a.example>", "1 200 200 200 1 1 0.250000 501/<>"]);
  assertEquals(await rowsOf(senderTally(({ uid }) => uid)), [
    "1 1000 1000 2000 2 3 4.500000 500",
    "1 200 200 200 1 1 0.250000 501",
  ]);
});

Deno.test("the distribution of delays names the percentages that delays reach", () => {
  // ten delays: 10 % at 1, 50 % at 2 (four of them), 60 % at 3, 90 % at 4 (three), 100 % at 20
  const delays = Float64Array.from([1, 2, 2, 2, 2, 3, 4, 4, 4, 20]);
  assertEquals(delayRows(delays).map((row) => row.join(" ")), [
    "1.00 1.00 10",
    "2.00 1.80 50", // 9 / 5
    "3.00 2.00 60", // 12 / 6
    "4.00 2.67 90", // 24 / 9
    "20.00 4.40 100", // 44 / 10
  ]);
  assertEquals(delayRows(new Float64Array(0)), []);
});

Deno.test("a table has its heading, its titles, and the largest first", async () => {
  let out = "";
  const stdout = { write: (bytes: Uint8Array) => Promise.resolve(void (out += latin1Text(bytes))) };
  await printTable({ stdin: reader(LOG), stdout }, {
    tally: recipientTally((recipient) => recipient),
    heading: "Recipients\n",
    columns: ["sbytes", "mess", "tries", "xdelay", "recipient"],
    order: [0, 1, 3, 2],
  });
  assertEquals(
    out,
    `Recipients

sbytes  mess  tries  xdelay  recipient
  1000     1      1    1.00  remote.x@b.example
   200     1      1    0.25  local.z@c.example
     0     1      2    3.50  remote.y@b.example
`,
  );
});

Deno.test("a log and the records made of it give the same report", async () => {
  const log = makeLog({ lines: 4000, seed: 6, queues: 2 });
  const records: string[] = [];
  const { formatDelivery, formatMessage } = await import("../records.ts");
  await readRecords(reader(log.slice(0, 200_000)), {
    message: (record) => records.push(formatMessage(record)),
    delivery: (record) => records.push(formatDelivery(record)),
  });
  assert(records.length > 500);
  const [first, second] = [new OverallTally(), new OverallTally()];
  await readRecords(reader(log.slice(0, 200_000)), first);
  await readRecords(reader(`${records.join("\n")}\n`), second);
  assertEquals(overallLines(second), overallLines(first));
});

Deno.test("equal rows are ordered by their text, backwards", () => {
  const rows = [["1", "b"], ["2", "a"], ["1", "c"]];
  assertEquals(largestFirst(rows, [0]), [["2", "a"], ["1", "c"], ["1", "b"]]);
});

Deno.test("columns are aligned; short rows stay short", () => {
  assertEquals(alignRows([["a", "bb", "c"], ["aaa", "b", "cc"], ["x"], []]), [
    "  a  bb  c",
    "aaa   b  cc",
    "  x  ",
    "",
  ]);
});

Deno.test("numbers are printed as awk prints them", () => {
  const cases: [number, string][] = [
    [5, "5"],
    [0.475, "0.475"],
    [1 / 3, "0.333333"],
    [1234567.5, "1.23457e+06"],
    [0.0000123456789, "1.23457e-05"],
    [100000.25, "100000"],
    [123456789, "123456789"],
  ];
  for (const [value, text] of cases) assertEquals(awkNumber(value), text);
});
