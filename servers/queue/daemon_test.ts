/** Tests of the queue daemon as a whole: the real store and real sockets, delivery daemons that do as told. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { askJournalMessages, askQueueStatus, type ListedMessage } from "../../storage/queue/status.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { realDisk } from "../../storage/disk.ts";
import { queueFileSubmission } from "../../storage/queue/queue_file_submission.ts";
import { TestQueue, until } from "./test_queue.ts";

const DEFER = { kind: "temporary", text: "try later\n" } as const;
const FAIL = { kind: "permanent", text: "no such user (#5.1.1)\n" } as const;

Deno.test("a message is delivered at once, locally and remotely, and leaves no file", async () => {
  await using queue = new TestQueue();
  await queue.start();
  const result = await queue.submit("s@x.example", ["joe@local.example", "u@v.example", "r@far.example"]);
  assertEquals(result.kind, "accepted");
  await until("the end", () => queue.hasLine(/^end msg \d+ qmail-send: queue1$/));
  assertEquals(queue.local.recipients, ["joe@local.example", "v.example-u@v.example"]);
  assertEquals(queue.remote.seen[0]?.request.host, "far.example");
  assertEquals(queue.remote.seen[0]?.body, "Subject: s\n\nhello\n");
  assert(queue.hasLine(/^new msg \d+ queue1$/));
  assert(queue.hasLine(/^info msg \d+: bytes 18 from <s@x\.example> qp 42 uid 1000 queue1$/));
  assert(queue.hasLine(/^local: s@x\.example v\.example-u@v\.example \d+ 18 bytes queue1 mqueue mode$/));
  assert(queue.hasLine(/^starting delivery \d+: msg \d+ to remote r@far\.example queue1$/));
  assert(queue.hasLine(/^delivery \d+: success: ok queue1$/));
  assert(queue.hasLine(/^status: local \d\/10 remote \d\/20 queue1$/));
  assertEquals([queue.files("mess"), queue.files("info")], [[], []]);
});

Deno.test("a deferred recipient is written out and tried again when its time has come", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.remote.behaviour = () => DEFER;
  await queue.submit("s@x.example", ["joe@local.example", "r@far.example"]);
  await until("the files", () => queue.files("remote").length === 1);
  assert(queue.hasLine(/^delivery \d+: deferral: try_later\/ queue1$/));
  assertEquals(queue.local.seen.length, 1);
  queue.remote.behaviour = () => ({ kind: "done", text: "ok" });
  queue.clock.advance(390_000);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assertEquals(queue.remote.seen.length, 1);
  queue.clock.advance(20_000);
  await until("the end", () => queue.hasLine(/^end msg/));
  assertEquals([queue.local.seen.length, queue.remote.seen.length], [1, 2]);
  assertEquals(queue.remote.seen[0]?.request.deliveryId, queue.remote.seen[1]?.request.deliveryId);
  assertEquals(queue.files("mess"), []);
});

Deno.test("ALRM makes everything due", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.remote.behaviour = () => DEFER;
  for (let count = 0; count < 5; count++) await queue.submit("s@x.example", [`r${count}@far.example`]);
  await until("the files", () => queue.files("remote").length === 5);
  queue.remote.behaviour = () => ({ kind: "done", text: "ok" });
  await until("the schedule", () => queue.remote.seen.length === 5);
  queue.daemon.retryAll();
  await until("the second attempts", () => queue.remote.seen.length === 10);
  await until("the ends", () => queue.files("mess").length === 0);
});

Deno.test("a permanent failure bounces to the sender, with the report and the message", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.local.behaviour = ({ recipient }) => recipient.includes("nobody") ? FAIL : { kind: "done", text: "ok" };
  await queue.submit("s@far.example", ["v@v.example", "nobody@v.example"]);
  await until("the bounce", () => queue.remote.seen.length === 1);
  const { request, body } = queue.remote.seen[0]!;
  assertEquals([request.sender, request.recipient], ["", "s@far.example"]);
  assert(body.startsWith("Received: indimail-mta queue 77 by host mx.example\n (invoked for bounce); "));
  assert(body.includes("\n<nobody@v.example>:\nno such user (#5.1.1)\n\n"));
  assert(body.includes("\nSubject: s\n\nhello\n"));
  assert(!body.includes("<v@v.example>"));
  await until("both ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 2);
  assert(queue.hasLine(/^delivery \d+: failure: no_such_user_\(#5\.1\.1\)\/ queue1$/));
  assert(queue.hasLine(/^bounce msg \d+ qp 77 queue1$/));
});

Deno.test("a bounce that fails becomes a double bounce, and that a triple bounce, which is dropped", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.local.behaviour = () => FAIL;
  queue.remote.behaviour = () => FAIL;
  await queue.submit("s@far.example", ["nobody@local.example"]);
  await until("the triple bounce", () => queue.hasLine(/^triple bounce: discarding \d+ queue1$/));
  await until("three ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 3);
  const double = queue.remote.seen.at(-1)!.request;
  assertEquals([double.sender, double.recipient], ["#@[]", "postmaster@mx.example"]);
  assertEquals(queue.files("mess"), []);
});

Deno.test("a message older than its lifetime is tried once more and bounces", async () => {
  await using queue = new TestQueue({ queuelifetime: "1000" });
  await queue.start();
  queue.local.behaviour = () => DEFER;
  await queue.submit("s@far.example", ["joe@local.example"]);
  await until("the files", () => queue.files("local").length === 1);
  await until("the schedule", () => queue.hasLine(/deferral/));
  queue.clock.advance(2_000_000);
  await until("the bounce", () => queue.remote.seen.length === 1);
  assert(queue.remote.seen[0]!.body.includes("try later\nThe message has been in the queue for too long"));
});

Deno.test("a local success counts only when it is durable, but frees its slot at once", async () => {
  await using queue = new TestQueue({ concurrencylocal: "1" });
  await queue.start();
  queue.local.durableAtOnce = false;
  await queue.submit("s@x.example", ["a@local.example", "b@local.example"]);
  await until("both deliveries", () => queue.local.seen.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert(!queue.hasLine(/^end msg/));
  for (const delivered of queue.local.seen) delivered.durable();
  await until("the end", () => queue.hasLine(/^end msg/));
});

Deno.test("what was in flight when a delivery daemon died is tried again as soon as it is back", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.local.behaviour = () => undefined;
  await queue.submit("s@x.example", ["joe@local.example"]);
  await until("the delivery", () => queue.local.seen.length === 1);
  await queue.local.stop();
  await until("the deferral", () => queue.hasLine(/deferral: connection_to_the_delivery_daemon_was_lost/));
  queue.local.behaviour = () => ({ kind: "done", text: "ok" });
  queue.local.start();
  await queue.submit("s@x.example", ["ann@local.example"]);
  await until("both ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 2);
  assertEquals([...queue.local.recipients].sort(), ["ann@local.example", "joe@local.example", "joe@local.example"]);
  const ids = queue.local.seen.filter(({ request }) => request.recipient.startsWith("joe")).map(({ request }) =>
    request.deliveryId
  );
  assertEquals(ids[0], ids[1]);
  assertEquals(queue.files("local"), []);
});

Deno.test("a message that brings its delivery daemon down again and again waits for its schedule", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.local.behaviour = () => undefined;
  await queue.submit("s@x.example", ["poison@local.example"]);
  for (let deaths = 1; queue.files("local").length === 0; deaths++) {
    assert(deaths < 20, "it is tried for ever");
    await until("a delivery or the deferral", () => queue.local.seen.length === deaths || isFiled(queue));
    if (isFiled(queue)) break;
    await queue.local.stop();
    await until("the loss", () => queue.lines.filter((line) => /_daemon_was_lost/.test(line)).length === deaths);
    queue.local.start();
  }
  assertEquals(queue.local.seen.length, 6); // the first attempt, and LOST_ATTEMPTS_MAX repeated ones
});

Deno.test("TERM waits for what is in flight, writes everything out, and the next start goes on", async () => {
  await using queue = new TestQueue({ concurrencyremote: "1" });
  queue.remote.behaviour = () => undefined;
  await queue.start();
  for (const name of ["a", "b", "c"]) await queue.submit("s@x.example", [`${name}@far.example`]);
  await until("the delivery", () => queue.remote.seen.length === 1);
  const stopping = queue.stop();
  queue.remote.seen[0]!.answer({ kind: "done", text: "ok" });
  await stopping;
  assertEquals([queue.files("mess").length, queue.files("info").length, queue.files("remote").length], [2, 2, 2]);
  assertEquals(queue.lines.at(-1), "status: exiting queue1");
  queue.remote.behaviour = () => ({ kind: "done", text: "ok" });
  await queue.start();
  await until("all ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 3);
  assertEquals(queue.remote.recipients.toSorted(), ["a@far.example", "b@far.example", "c@far.example"]);
});

Deno.test("a stop does not wait for ever", async () => {
  await using queue = new TestQueue();
  queue.stopWaitMs = 50;
  queue.remote.behaviour = () => undefined;
  await queue.start();
  await queue.submit("s@x.example", ["a@far.example"]);
  await until("the delivery", () => queue.remote.seen.length === 1);
  await queue.stop();
  assertEquals(queue.files("remote").length, 1);
});

Deno.test("HUP: held channels wait and start again; control files that are wrong change nothing", async () => {
  await using queue = new TestQueue({ holdremote: "1" });
  await queue.start();
  await queue.submit("s@x.example", ["a@far.example"]);
  await until("acceptance", () => queue.hasLine(/^remote: /));
  assertEquals(queue.remote.seen.length, 0);
  assert(queue.hasLine(/^status: local 0\/10 remote 0\/0 \(held\) queue1$/));
  queue.control("holdremote", "what");
  queue.daemon.reread();
  assert(queue.hasLine(/^alert: qmail-send: unable to reread controls: .*holdremote/));
  queue.control("holdremote", "0");
  queue.control("locals", "far.example");
  queue.daemon.reread();
  await until("the delivery", () => queue.remote.seen.length === 1);
  await queue.submit("s@x.example", ["b@far.example"]);
  await until("the local delivery", () => queue.local.recipients.includes("b@far.example"));
});

Deno.test("VERP senders are expanded; many recipients are delivered with their concurrency", async () => {
  await using queue = new TestQueue({ concurrencyremote: "3" });
  await queue.start();
  let most = 0;
  queue.remote.behaviour = () => undefined;
  const recipients = Array.from({ length: 10 }, (_, at) => `r${at}@far.example`);
  await queue.submit("list-@x.example-@[]", recipients);
  for (let answered = 0; answered < 10; answered++) {
    await until("the delivery", () => queue.remote.seen.length > answered);
    most = Math.max(most, queue.remote.seen.length - answered);
    queue.remote.seen[answered]!.answer({ kind: "done", text: "ok" });
  }
  assertEquals(most, 3);
  assertEquals(queue.remote.seen[4]?.request.sender, "list-r4=far.example@x.example");
  await until("the end", () => queue.hasLine(/^end msg/));
});

Deno.test("a large message reaches the daemons as a file", async () => {
  await using queue = new TestQueue();
  await queue.start();
  const text = `Subject: big\n\n${"x".repeat(99)}\n`.repeat(6000);
  const result = await queue.submit("s@x.example", ["joe@local.example"], text);
  assertEquals(result.kind, "accepted");
  await until("the delivery", () => queue.local.seen.length === 1);
  assertEquals(queue.local.seen[0]?.request.body.kind, "file");
  assertEquals(queue.local.seen[0]?.body.length, text.length);
  await until("the end", () => queue.hasLine(/^end msg/));
  assertEquals(queue.files("mess"), []);
});

Deno.test("status and list tell what is going on", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.remote.behaviour = () => undefined;
  await queue.submit("s@x.example", ["a@far.example", "j@local.example"]);
  await until("the local delivery", () => queue.hasLine(/success/));
  const status = await askQueueStatus(queue.socket);
  assertEquals([status.queue, status.journalMessages, status.remoteInFlight], ["queue1", 1, 1]);
  const listed: ListedMessage[] = [];
  await askJournalMessages(queue.socket, (message) => listed.push(message));
  assertEquals(listed.map(({ sender }) => sender), ["s@x.example"]);
  assertEquals(listed[0]?.recipients.map(({ address, channel }) => `${channel} ${address}`), [
    "local j@local.example",
    "remote a@far.example",
  ]);
  queue.remote.seen[0]!.answer({ kind: "done", text: "ok" });
  await until("the end", () => queue.hasLine(/^end msg/));
});

Deno.test("a malformed or empty envelope: 79, and a message without recipients just ends", async () => {
  await using queue = new TestQueue();
  await queue.start();
  const result = await queue.submit("s@x.example", ["a\0b"]);
  assertEquals(result.kind === "refused" && result.code, 79);
  assertEquals((await queue.submit("s@x.example", [])).kind, "accepted");
  await until("the end", () => queue.hasLine(/^end msg/));
});

/** A message left in todo/ as qmail-queue does without a daemon. */
async function leaveInTodo(queue: TestQueue, recipient: string): Promise<void> {
  const log = { line: () => {}, flush: () => Promise.resolve() };
  const { directory, clock } = queue;
  const client = queueFileSubmission({ disk: realDisk, directory, split: 7, pid: 5, clock, log });
  const submission = await client.open({ uid: 500, pid: 5 });
  await submission.write(latin1Bytes("Subject: todo\n\nhello\n"));
  assertEquals((await submission.commit({ sender: "s@x.example", recipients: [recipient] })).kind, "accepted");
}

Deno.test("a message left in todo/ is found while the daemon runs, and when it starts", async () => {
  await using queue = new TestQueue();
  await queue.start();
  await leaveInTodo(queue, "a@local.example");
  await until("the first delivery", () => queue.local.recipients.includes("a@local.example"));
  assert(queue.hasLine(/^local: s@x\.example a@local\.example \d+ 21 bytes queue1 opendir mode$/));
  await until("its end", () => queue.hasLine(/^end msg/));
  await queue.stop();
  await leaveInTodo(queue, "b@local.example");
  await queue.start();
  await until("the second delivery", () => queue.local.recipients.includes("b@local.example"));
  await until("both ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 2);
  assertEquals([queue.files("mess"), queue.files("todo")], [[], []]);
});

Deno.test("a byte in lock/trigger makes it look into todo/", async () => {
  await using queue = new TestQueue();
  await queue.start();
  await queue.stop();
  const made = await new Deno.Command("mkfifo", { args: [`${queue.directory}/lock/trigger`] }).output();
  assert(made.success);
  await queue.start();
  await leaveInTodo(queue, "a@local.example");
  await until("the delivery", () => queue.local.recipients.includes("a@local.example"));
});

Deno.test("without free disk a message is refused with 53, and accepted again when there is", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.freeBytes = 1000;
  const result = await queue.submit("s@x.example", ["joe@local.example"]);
  assertEquals(result.kind === "refused" && result.code, 53);
  queue.freeBytes = 1e12;
  queue.clock.advance(1000);
  assertEquals((await queue.submit("s@x.example", ["joe@local.example"])).kind, "accepted");
  await until("the end", () => queue.hasLine(/^end msg/));
});

Deno.test("what a killed daemon had accepted is delivered after its start, under the same delivery id", async () => {
  await using killed = new TestQueue();
  killed.stopWaitMs = 50;
  await killed.start();
  killed.local.durableAtOnce = false;
  killed.remote.behaviour = () => undefined;
  await killed.submit("s@x.example", ["a@local.example", "r@far.example"]);
  await until("the deliveries", () => killed.local.seen.length === 1 && killed.remote.seen.length === 1);
  await using queue = new TestQueue();
  const copied = await new Deno.Command("cp", { args: ["-a", killed.directory, queue.directory] }).output();
  assert(copied.success);
  await queue.start();
  await until("the end", () => queue.hasLine(/^end msg/));
  assertEquals(queue.local.seen[0]?.request.deliveryId, killed.local.seen[0]?.request.deliveryId);
  assertEquals(queue.remote.seen[0]?.request.deliveryId, killed.remote.seen[0]?.request.deliveryId);
  killed.local.seen[0]!.durable();
});

Deno.test("a backlog on disk is read a few at a time and worked off in order of its schedule", async () => {
  await using queue = new TestQueue();
  await queue.start();
  queue.remote.behaviour = () => DEFER;
  for (let count = 0; count < 300; count++) await queue.submit("s@x.example", [`r${count}@far.example`]);
  await until("the files", () => queue.files("remote").length === 300);
  await queue.stop();
  queue.remote.behaviour = () => ({ kind: "done", text: "ok" });
  queue.remote.seen.length = 0;
  await queue.start();
  const status = await askQueueStatus(queue.socket);
  assert(status.activeMessages < 300);
  await until("all ends", () => queue.lines.filter((line) => line.startsWith("end msg")).length === 300);
  assertEquals(new Set(queue.remote.recipients).size, 300);
  assertEquals([queue.files("mess"), queue.files("info")], [[], []]);
});

/** The message that could not be delivered locally has been written out. */
function isFiled(queue: TestQueue): boolean {
  return queue.files("local").length > 0;
}
