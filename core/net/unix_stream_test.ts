/** Unix sockets as streams: bytes both ways, both ends, what is not there, and no descriptor of others closed. */
import { assertEquals } from "../../tests/support/assert.ts";
import { concatBytes, latin1Bytes, latin1Text } from "../bytes.ts";
import { connectUnixStream } from "./unix_stream.ts";

/** Large enough that neither side takes it at once. */
const LARGE_BYTES = 3 * 1024 * 1024;
const ROUNDS = 60;

async function withServer(
  serve: (connection: Deno.UnixConn) => Promise<void>,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "unix-stream-" });
  const path = `${folder}/socket`;
  const listener = Deno.listen({ transport: "unix", path });
  const serving: Promise<void>[] = [];
  const accepting = (async () => {
    for await (const connection of listener) serving.push(serve(connection).finally(() => connection.close()));
  })();
  try {
    await work(path);
  } finally {
    listener.close();
    await accepting;
    await Promise.all(serving);
    await Deno.remove(folder, { recursive: true });
  }
}

async function echo(connection: Deno.UnixConn): Promise<void> {
  const buffer = new Uint8Array(64 * 1024);
  for (let count; (count = await connection.read(buffer)) !== null;) {
    for (let at = 0; at < count;) at += await connection.write(buffer.subarray(at, count));
  }
}

async function closed(stream: { once(name: "close", done: () => void): unknown; closed: boolean }): Promise<void> {
  if (!stream.closed) await new Promise<void>((resolve) => stream.once("close", () => resolve()));
}

Deno.test("what is written comes back whole, and the end of one side is the end of the other", async () => {
  await withServer(echo, async (path) => {
    const stream = connectUnixStream(path);
    const sent = new Uint8Array(LARGE_BYTES).map((_, at) => at * 31);
    stream.end(sent); // before it is connected
    const parts: Uint8Array[] = [];
    for await (const part of stream) parts.push(part);
    const received = concatBytes(...parts);
    assertEquals(received.length, sent.length);
    assertEquals(received.every((byte, at) => byte === sent[at]), true);
    await closed(stream);
  });
});

Deno.test("a peer that ends closes the stream", async () => {
  await withServer((connection) => connection.write(latin1Bytes("bye")).then(() => {}), async (path) => {
    const stream = connectUnixStream(path);
    let text = "";
    stream.on("data", (part: Uint8Array) => text += latin1Text(part));
    await closed(stream);
    assertEquals(text, "bye");
  });
});

Deno.test("a socket that is not there is an error with its code, in a later turn", async () => {
  const stream = connectUnixStream("/nonexistent/socket");
  const code = new Promise((resolve) => stream.once("error", (error) => resolve("code" in error && error.code)));
  assertEquals(await code, "ENOENT");
  await closed(stream);
});

Deno.test("a stream that is destroyed while it connects leaves nothing open", async () => {
  await withServer(echo, async (path) => {
    const stream = connectUnixStream(path);
    stream.destroy();
    await closed(stream);
    await new Promise((resolve) => setTimeout(resolve, 0));
  });
});

Deno.test("a stream that is destroyed while it waits for bytes is gone for its peer", async () => {
  let sawEnd = () => {};
  const ended = new Promise<void>((resolve) => sawEnd = resolve);
  const serve = async (connection: Deno.UnixConn) => {
    while (await connection.read(new Uint8Array(10)) !== null);
    sawEnd();
  };
  await withServer(serve, async (path) => {
    const stream = connectUnixStream(path);
    stream.on("data", () => {});
    await new Promise<void>((resolve) => stream.once("connect", () => resolve()));
    await new Promise<void>((resolve) => stream.write("x", () => resolve()));
    stream.destroy();
    await ended;
    await closed(stream);
  });
});

Deno.test("closing closes no descriptor of others: folders are read and removed meanwhile", async () => {
  await withServer(echo, async (path) => {
    for (let round = 0; round < ROUNDS; round++) {
      const folder = await Deno.makeTempDir({ prefix: "unix-stream-others-" });
      for (let number = 0; number < 10; number++) await Deno.mkdir(`${folder}/${number}/a/b`, { recursive: true });
      await Promise.all([1, 2, 3].map(async () => {
        const stream = connectUnixStream(path);
        stream.write("x");
        await new Promise<void>((resolve) => stream.once("data", () => resolve()));
        stream.destroy();
      }));
      await Deno.remove(folder, { recursive: true }); // a descriptor that is closed under it ends the whole process
    }
  });
});
