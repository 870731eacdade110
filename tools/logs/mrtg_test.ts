/** qmailmrtg's letters, each over the lines that it is for, and what is read of a folder. */
import { assertEquals } from "../../tests/support/assert.ts";
import { taiLabel } from "../../tests/support/mail_log.ts";
import { inlookupKind, MRTG_KINDS, scaled } from "./mrtg_counts.ts";
import { logFiles } from "./mrtg_logs.ts";
import { queueCounts } from "./mrtg_queue.ts";
import { daysText, serviceLines } from "./service_status.ts";

function counted(letter: string, lines: readonly string[]): number[] {
  const kind = MRTG_KINDS[letter] ?? inlookupKind(letter.slice(1))!;
  const sums = [0, 0];
  for (const line of lines) {
    kind.count(`@400000006553f10a00000000 ${line}`, (first, second) => {
      sums[0] = kind.scale === "largest" ? Math.max(sums[0]!, first) : sums[0]! + first;
      sums[1] = kind.scale === "largest" ? Math.max(sums[1]!, second) : sums[1]! + second;
    });
  }
  return sums;
}

Deno.test("each letter counts its lines and no others", () => {
  const send = [
    "status: local 1/10 remote 2/20 queue1",
    "info msg 7: bytes 300 from <a> qp 1 uid 2 queue1",
    "delivery 1: success: ok/ queue1",
    "delivery 2: deferral: later/ queue1",
    "delivery 3: failure: no/ queue1",
    "status: local 0/10 remote 5/20 queue1",
  ];
  assertEquals(counted("s", send), [1, 1]);
  assertEquals(counted("m", send), [1, 2]);
  assertEquals(counted("c", send), [1, 5]);
  assertEquals(counted("b", send), [300, 300]);
  assertEquals(counted("l", send), [6, 6]);
  const tcp = [
    "tcpserver: status: 3/40",
    "tcpserver: ok 5 a b",
    "tcpserver: deny 6 a b",
    "x rblsmtpd: y",
    "tcpserver: status: 1/40",
  ];
  assertEquals(counted("t", tcp), [3, 40]);
  assertEquals(counted("a", tcp), [1, 2]);
  assertEquals(counted("S", ["X-Bogosity: Yes, a", "X-Bogosity: No, b", "X-Bogosity: Unsure"]), [1, 1]);
  assertEquals(counted("C", ["stream: Eicar FOUND", "scan ERROR", "OK"]), [1, 1]);
  assertEquals(counted("d", ["query 1 a", "cached a", "tx 1"]), [1, 1]);
  assertEquals(counted("u", ["unsub: a"]), [1, 1]);
  assertEquals(counted("v", ["viewed: a", "clicked: b", "viewed: c"]), [2, 1]);
});

Deno.test("inlookup's statistics are told by letter", () => {
  const lines = [
    "User:Relay:Password:Limit:Alias:Host:Domain 1 2 3 4 5 6 7 Cached Nodes 9",
    "cache hit",
    "Query ['Host Query']",
  ];
  assertEquals(counted("iu", lines), [1, 28]);
  assertEquals(counted("ip", lines), [3, 28]);
  assertEquals(counted("id", lines), [7, 28]);
  assertEquals(counted("ic", lines), [9, 28]);
  assertEquals(counted("iC", lines), [1, 1]);
  assertEquals(inlookupKind("x"), undefined);
});

Deno.test("counts of five minutes become counts an hour, bytes bits a second", () => {
  assertEquals(scaled("hourly", 3, 300), 36);
  assertEquals(scaled("hourly", 3, 3600), 3);
  assertEquals(scaled("bits", 300, 300), 8);
  assertEquals(scaled("largest", 7, 300), 7);
});

Deno.test("old files are read when their name says that they ended in time", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const [early, late] = [taiLabel(1000, 0), taiLabel(2000, 500)];
    for (const name of ["current", "lock", `${early}.s`, `${late}.u`, "@nonsense"]) {
      Deno.writeTextFileSync(`${folder}/${name}`, "");
    }
    assertEquals(logFiles(folder, 2000), [`${folder}/${late}.u`, `${folder}/current`]);
    assertEquals(logFiles(folder, 1000).length, 3);
    assertEquals(logFiles(folder, Number.NEGATIVE_INFINITY).length, 3);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("messages of all queues of a folder are counted", () => {
  const base = Deno.makeTempDirSync();
  try {
    const put = (path: string) => {
      Deno.mkdirSync(`${base}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      Deno.writeTextFileSync(`${base}/${path}`, "");
    };
    [
      "queue1/mess/0/23",
      "queue1/mess/22/45",
      "queue2/mess/1/24",
      "queue1/todo/9",
      "queue1/todo/3/3",
      "queue2/local/1/24",
    ].forEach(put);
    ["queue2/remote/1/24", "queue2/remote/2/25", "nqueue/mess/0/46"].forEach(put);
    assertEquals(queueCounts(base, { local: false, split: 23, bigTodo: false }), [4, 1]);
    assertEquals(queueCounts(base, { local: false, split: 23, bigTodo: true }), [4, 1]);
    assertEquals(queueCounts(base, { local: false, split: 2, bigTodo: false }), [3, 1]);
    assertEquals(queueCounts(base, { local: true, split: 23, bigTodo: false }), [1, 2]);
    assertEquals(queueCounts(`${base}/queue2`, { local: true, split: 23, bigTodo: false }), [1, 2]);
  } finally {
    Deno.removeSync(base, { recursive: true });
  }
});

Deno.test("a service's status is told as svstat tells it", () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${folder}/supervise`);
    const status = new Uint8Array(21);
    const view = new DataView(status.buffer);
    view.setUint32(0, 0x40000000);
    view.setUint32(4, 1000 + 10);
    view.setUint32(12, 77, true);
    status[17] = "u".charCodeAt(0);
    status[20] = 1;
    Deno.writeFileSync(`${folder}/supervise/status`, status);
    assertEquals(serviceLines(folder, (1000 + 90_061) * 1000), [
      "1 day 1 hour 1 min 1 sec",
      `${folder}: up 90061 seconds, pid 77`,
    ]);
    Deno.writeTextFileSync(`${folder}/down`, "");
    status[20] = 0;
    Deno.writeFileSync(`${folder}/supervise/status`, status);
    assertEquals(serviceLines(folder, 1_000_000), ["0 secs", `${folder}: down 0 seconds, want up`]);
    assertEquals(serviceLines(`${folder}/none`, 0), undefined);
    assertEquals(daysText(60), "1 min 0 secs");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
