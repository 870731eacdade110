import { assert, assertEquals, assertThrows } from "../tests/support/assert.ts";
import { FRAME_PAYLOAD_BYTES_MAX, FrameChannel, type FrameSocket } from "./channel.ts";

/** A socket whose writes are kept until `release`. */
function heldSocket() {
  const writes: Uint8Array[] = [];
  const waiting: (() => void)[] = [];
  const socket: FrameSocket = {
    read: () => new Promise(() => {}),
    write(bytes) {
      writes.push(bytes);
      return new Promise((resolve) => waiting.push(() => resolve(bytes.length)));
    },
    close() {},
  };
  return { socket, writes, release: () => waiting.splice(0).forEach((resolve) => resolve()) };
}

/** A socket that gives the bytes in pieces of `pieceBytes`, then ends. */
function readingSocket(bytes: Uint8Array, pieceBytes: number): FrameSocket {
  let at = 0;
  return {
    read(into) {
      const piece = bytes.subarray(at, at + Math.min(pieceBytes, into.length));
      into.set(piece);
      at += piece.length;
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
    write: (written) => Promise.resolve(written.length),
    close() {},
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

Deno.test("frames of one tick are one write, and what comes meanwhile is the next", async () => {
  const { socket, writes, release } = heldSocket();
  const channel = new FrameChannel(socket);
  const payload = Uint8Array.of(1, 2, 3);
  channel.send(1, 7, payload);
  channel.send(2, 0xffff_fffe, payload, Uint8Array.of(4));
  payload.fill(9); // it was copied
  await settle();
  assertEquals(writes.length, 1);
  channel.send(3, 8, Uint8Array.of(5));
  assertEquals([...writes[0]!], [3, 0, 0, 0, 1, 7, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 2, 254, 255, 255, 255, 1, 2, 3, 4]);
  release();
  await settle();
  assertEquals(writes.slice(1).map((bytes) => [...bytes]), [[1, 0, 0, 0, 3, 8, 0, 0, 0, 5]]);
  release();
  await channel.flushed();
});

Deno.test("a frame that is put leaves with the next that is sent", async () => {
  const { socket, writes, release } = heldSocket();
  const channel = new FrameChannel(socket);
  channel.put(1, 1, Uint8Array.of(1));
  await settle();
  assertEquals(writes.length, 0);
  channel.send(2, 1);
  await settle();
  assertEquals(writes.map(({ length }) => length), [19]);
  release();
  await channel.flushed();
});

Deno.test("frames of any length come out as they went in, however the bytes are cut", async () => {
  const { socket, writes, release } = heldSocket();
  const channel = new FrameChannel(socket);
  const lengths = [0, 1, 5000, 300_000, FRAME_PAYLOAD_BYTES_MAX, 3];
  for (const [id, length] of lengths.entries()) {
    channel.send(id, id, new Uint8Array(length).fill(id + 1));
    await settle();
    if (id % 2 === 1) release();
    await settle();
  }
  while (writes.reduce((sum, { length }) => sum + length, 0) < lengths.reduce((sum, length) => sum + length + 9, 0)) {
    release();
    await settle();
  }
  release();
  await channel.flushed();
  // the buffers are used again: what a socket keeps must be copied, as the kernel does
  const sent = heldCopies(lengths);
  for (const pieceBytes of [7919, 1 << 20]) {
    const got: number[][] = [];
    await new FrameChannel(readingSocket(sent, pieceBytes)).receive(({ type, id, payload }) => {
      assert(payload.every((byte) => byte === id + 1));
      got.push([type, id, payload.length]);
    });
    assertEquals(got, lengths.map((length, id) => [id, id, length]));
  }
  assertThrows(() => channel.send(1, 1, new Uint8Array(FRAME_PAYLOAD_BYTES_MAX + 1)), RangeError);
});

/** The frames' bytes as the format says. */
function heldCopies(lengths: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(lengths.reduce((sum, length) => sum + length + 9, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [id, length] of lengths.entries()) {
    view.setUint32(at, length, true);
    bytes[at + 4] = id;
    view.setUint32(at + 5, id, true);
    bytes.fill(id + 1, at + 9, at + 9 + length);
    at += 9 + length;
  }
  return bytes;
}
