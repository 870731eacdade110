/** Tests of the client of the queue daemons, against a fake daemon on a Unix socket. */
import { FrameChannel } from "../../core/channel.ts";
import { Temporary } from "../../core/errors.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { formatAnswer, SUBMISSION } from "./submission.ts";
import { createSubmissionClient } from "./submission_client.ts";

interface Seen {
  readonly type: number;
  readonly id: number;
  readonly bytes: number;
}

/** A daemon that notes every frame and answers as told. */
class FakeDaemon {
  readonly seen: Seen[] = [];
  readonly channels: FrameChannel[] = [];
  readonly #listener: Deno.UnixListener;
  readonly #done: Promise<void>;

  constructor(path: string, answer: (channel: FrameChannel, seen: Seen) => void) {
    this.#listener = Deno.listen({ transport: "unix", path });
    this.#done = this.#accept(answer);
  }

  async #accept(answer: (channel: FrameChannel, seen: Seen) => void): Promise<void> {
    const running: Promise<void>[] = [];
    while (true) {
      const socket = await this.#listener.accept().catch(() => undefined);
      if (!socket) break;
      const channel = new FrameChannel(socket);
      this.channels.push(channel);
      running.push(channel.receive(({ type, id, payload }) => {
        const seen = { type, id, bytes: payload.length };
        this.seen.push(seen);
        answer(channel, seen);
      }));
    }
    await Promise.all(running);
  }

  async close(): Promise<void> {
    for (const channel of this.channels) channel.close();
    this.#listener.close();
    await this.#done;
  }
}

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const submitter = { uid: 1, pid: 2 };
const envelope = { sender: "a@b", recipients: ["c@d"] };
const hello = latin1Bytes("hello\n");
const accept = (channel: FrameChannel, { type, id }: Seen) => {
  if (type === SUBMISSION.commit) channel.send(SUBMISSION.answer, id, formatAnswer({ kind: "accepted", id: `m${id}` }));
};

Deno.test("a small message is OPEN, DATA, COMMIT; many share a connection", () =>
  withFolder(async (folder) => {
    const daemon = new FakeDaemon(`${folder}/q`, accept);
    const client = createSubmissionClient({ sockets: [`${folder}/q`] });
    const results = await Promise.all([1, 2, 3].map(async () => {
      const submission = await client.open(submitter);
      await submission.write(hello);
      await submission.write(hello);
      return submission.commit(envelope);
    }));
    assertEquals(results.map((result) => result.kind === "accepted" && result.id), ["m1", "m2", "m3"]);
    const frames = daemon.seen.filter(({ id }) => id === 2).map(({ type, bytes }) => [type, bytes]);
    assertEquals(frames, [[1, 8], [2, 6], [2, 6], [3, 11]]);
    assertEquals(daemon.channels.length, 1);
    client.close();
    await daemon.close();
  }));

Deno.test("a large message goes in chunks and a reused buffer does no harm", () =>
  withFolder(async (folder) => {
    const daemon = new FakeDaemon(`${folder}/q`, accept);
    const client = createSubmissionClient({ sockets: [`${folder}/q`] });
    const submission = await client.open(submitter);
    const buffer = new Uint8Array(100_000);
    for (let round = 0; round < 5; round++) await submission.write(buffer);
    assertEquals((await submission.commit(envelope)).kind, "accepted");
    const chunks = daemon.seen.filter(({ type }) => type === SUBMISSION.data).map(({ bytes }) => bytes);
    assertEquals(chunks, Array.from({ length: 5 }, () => [65536, 34464]).flat());
    client.close();
    await daemon.close();
  }));

Deno.test("no daemon: open throws Temporary; lost daemon: the answer is 74", () =>
  withFolder(async (folder) => {
    const client = createSubmissionClient({ sockets: [`${folder}/q`] });
    await assertRejects(() => client.open(submitter), Temporary);
    const daemon = new FakeDaemon(`${folder}/q`, (channel, { type }) => {
      if (type === SUBMISSION.commit) channel.close();
    });
    const submission = await client.open(submitter);
    await submission.write(hello);
    const result = await submission.commit(envelope);
    assertEquals(result.kind === "refused" && result.code, 74);
    await daemon.close();
    const restarted = new FakeDaemon(`${folder}/q`, accept);
    const again = await client.open(submitter);
    assertEquals((await again.commit(envelope)).kind, "accepted");
    client.close();
    await restarted.close();
  }));

Deno.test("a queue that is down is skipped, and the one with less in flight is chosen", () =>
  withFolder(async (folder) => {
    const sockets = [`${folder}/q1`, `${folder}/q2`, `${folder}/q3`];
    const second = new FakeDaemon(sockets[1]!, accept);
    const third = new FakeDaemon(sockets[2]!, accept);
    const client = createSubmissionClient({ sockets });
    const open = [];
    for (let count = 0; count < 6; count++) {
      const submission = await client.open(submitter);
      await submission.write(hello);
      open.push(submission);
    }
    const results = await Promise.all(open.map((submission) => submission.commit(envelope)));
    assert(results.every((result) => result.kind === "accepted"));
    const commits = (daemon: FakeDaemon) => daemon.seen.filter(({ type }) => type === SUBMISSION.commit).length;
    assertEquals([commits(second), commits(third)], [3, 3]);
    client.close();
    await second.close();
    await third.close();
  }));

Deno.test("an early refusal ends the message; an aborted one is forgotten by the daemon, one not begun sends nothing", () =>
  withFolder(async (folder) => {
    const daemon = new FakeDaemon(`${folder}/q`, (channel, { type, id }) => {
      const refusal = { kind: "refused", code: 53, text: "disk full" } as const;
      if (type === SUBMISSION.data) channel.send(SUBMISSION.answer, id, formatAnswer(refusal));
      else accept(channel, { type, id, bytes: 0 });
    });
    const client = createSubmissionClient({ sockets: [`${folder}/q`] });
    const aborted = await client.open(submitter);
    await aborted.write(hello);
    aborted.abort();
    (await client.open(submitter)).abort();
    const submission = await client.open(submitter);
    await submission.write(new Uint8Array(200_000));
    const result = await submission.commit(envelope);
    assertEquals(result, { kind: "refused", code: 53, text: "disk full" });
    assertEquals(daemon.seen.filter(({ id }) => id === 1).map(({ type }) => type), [
      SUBMISSION.open,
      SUBMISSION.data,
      SUBMISSION.abort,
    ]);
    assert(daemon.seen.every(({ id }) => id !== 2));
    client.close();
    await daemon.close();
  }));

Deno.test("an envelope with a NUL byte is refused without asking the daemon", () =>
  withFolder(async (folder) => {
    const daemon = new FakeDaemon(`${folder}/q`, accept);
    const client = createSubmissionClient({ sockets: [`${folder}/q`] });
    const submission = await client.open(submitter);
    const result = await submission.commit({ sender: "a\0", recipients: ["b"] });
    assertEquals(result.kind === "refused" && result.code, 79);
    client.close();
    await daemon.close();
  }));
