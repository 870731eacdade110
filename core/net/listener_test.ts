import { assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { latin1Text, utf8Bytes } from "../bytes.ts";
import { Temporary } from "../errors.ts";
import type { Connection } from "../stream.ts";
import { connectTcp } from "./connect.ts";
import { isLoopback, listen } from "./listener.ts";

async function readText(connection: Connection): Promise<string | null> {
  const buffer = new Uint8Array(1000);
  const count = await connection.read(buffer);
  return count === null ? null : latin1Text(buffer.subarray(0, count));
}

function connect(port: number): Promise<Connection> {
  return connectTcp({ host: "127.0.0.1", port, timeoutMs: 5000 });
}

Deno.test("the limit of connections makes the next one wait, and it is served when one ends", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0, connectionsMax: 2 }, async (connection) => {
    await connection.write(utf8Bytes("hi"));
    await readText(connection);
  });
  const [first, second] = [await connect(listener.port), await connect(listener.port)];
  assertEquals([await readText(first), await readText(second)], ["hi", "hi"]);
  const third = await connect(listener.port);
  const greeted = readText(third);
  assertEquals(listener.active, 2);
  first.close();
  assertEquals(await greeted, "hi");
  second.close();
  third.close();
  listener.close();
  await listener.drained;
  assertEquals(listener.active, 0);
});

Deno.test("connections that are reset at once do not end the listener", async () => {
  const listener = listen({ host: "127.0.0.1", port: 0 }, (connection) => connection.write(utf8Bytes("hi")));
  for (let round = 0; round < 50; round++) (await Deno.connect({ hostname: "127.0.0.1", port: listener.port })).close();
  const connection = await connect(listener.port);
  assertEquals(await readText(connection), "hi");
  connection.close();
  listener.close();
  await listener.drained;
});

Deno.test("a session that throws is told and ends only its own connection", async () => {
  const errors: string[] = [];
  const listener = listen(
    { host: "127.0.0.1", port: 0, onError: (text) => errors.push(text) },
    () => Promise.reject(new Error("bug in the session")),
  );
  for (let round = 0; round < 2; round++) {
    const connection = await connect(listener.port);
    assertEquals(await readText(connection), null);
    connection.close();
  }
  listener.close();
  await listener.drained;
  assertEquals(errors, ["127.0.0.1: bug in the session", "127.0.0.1: bug in the session"]);
});

Deno.test("a port in use is Temporary and named", () => {
  const listener = listen({ host: "127.0.0.1", port: 0 }, () => Promise.resolve());
  const error = assertThrows(
    () => listen({ host: "127.0.0.1", port: listener.port }, () => Promise.resolve()),
    Temporary,
  );
  assertMatch(error.message, new RegExp(`cannot listen on 127.0.0.1 port ${listener.port}`));
  listener.close();
});

Deno.test("several listeners share a port with reusePort", async () => {
  const session = (connection: Connection) => connection.write(utf8Bytes("hi"));
  const first = listen({ host: "127.0.0.1", port: 0, reusePort: true }, session);
  const second = listen({ host: "127.0.0.1", port: first.port, reusePort: true }, session);
  const connection = await connect(first.port);
  assertEquals(await readText(connection), "hi");
  connection.close();
  first.close();
  second.close();
  await Promise.all([first.drained, second.drained]);
});

Deno.test("loopback peers are recognised", () => {
  assertEquals(["127.0.0.1", "127.8.9.1", "::1", "192.0.2.1"].map(isLoopback), [true, true, true, false]);
});
