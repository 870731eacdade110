/** Sockets as descriptors: listen, connect, accept, names, and their hand-over to a child. */
import { assertEquals, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { LibcError, preloadLibc } from "./libc.ts";
import { childEnd, polledPipe } from "./children.ts";
import { closeFd, descriptor, openPipe } from "./fd.ts";
import { Poller } from "./poll.ts";
import { spawnProcess } from "./process.ts";
import {
  acceptSocket,
  connectSocket,
  isPortTaken,
  listenSocket,
  localName,
  peerName,
  peerUser,
  shutdownWrite,
  waitReadable,
  waitWritable,
} from "./socket.ts";

preloadLibc();

for (const host of ["127.0.0.1", "::1", "UNIX"]) {
  Deno.test(`both ends of a connection to ${host} know each other and bytes pass`, async () => {
    const folder = await Deno.makeTempDir();
    const address = host === "UNIX" ? `${folder}/socket` : host;
    const listening = listenSocket({ host: address, port: 0, backlog: 5 });
    try {
      assertEquals(acceptSocket(listening), undefined);
      const port = localName(listening)!.port;
      const client = await connectSocket({ host: address, port, timeoutMs: 5000 });
      await waitReadable(listening);
      const accepted = acceptSocket(listening)!;
      if (host !== "UNIX") {
        assertEquals(peerName(client), { host, port, scopeId: 0 });
        assertEquals(accepted.remote, localName(client)!);
      } else assertEquals(localName(accepted.fd)?.host, address);
      await descriptor(client).write(new TextEncoder().encode("hello"));
      shutdownWrite(client);
      const buffer = new Uint8Array(20);
      assertEquals(await descriptor(accepted.fd).read(buffer), 5);
      assertEquals(await descriptor(accepted.fd).read(buffer), null);
      closeFd(accepted.fd);
      closeFd(client);
    } finally {
      closeFd(listening);
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a port where nobody listens, an address that is none, a path that is too long", async () => {
  const listening = listenSocket({ host: "127.0.0.1", port: 0, backlog: 1 });
  const { port } = localName(listening)!;
  closeFd(listening);
  await assertRejects(() => connectSocket({ host: "127.0.0.1", port, timeoutMs: 5000 }), LibcError);
  assertThrows(() => listenSocket({ host: "nowhere", port: 0, backlog: 1 }), RangeError, "nowhere is not an address");
  assertThrows(() => listenSocket({ host: `/${"x".repeat(200)}`, port: 0, backlog: 1 }), RangeError, "longer than");
});

Deno.test("a hundred children and their pipes are waited for by one poller", async () => {
  const poller = new Poller();
  try {
    const results = await Promise.all(Array.from({ length: 100 }, async (_, at) => {
      const pipe = openPipe();
      const pid = spawnProcess({
        program: "/bin/sh",
        argv: ["sh", "-c", `sleep 0.0${at % 10}; echo ${at}; exit ${at}`],
        env: {},
        fds: { 0: "null", 1: pipe.writing, 2: 2 },
      });
      closeFd(pipe.writing);
      const output = polledPipe(poller, pipe.reading);
      const ended = childEnd(poller, pid);
      let text = "";
      const buffer = new Uint8Array(100);
      for (let count = await output.read(buffer); count !== null; count = await output.read(buffer)) {
        text += new TextDecoder().decode(buffer.subarray(0, count));
      }
      output.close();
      return `${text.trim()} ${(await ended).code}`;
    }));
    assertEquals(results, Array.from({ length: 100 }, (_, at) => `${at} ${at}`));
  } finally {
    await poller.close();
  }
});

Deno.test("the peer of a Unix socket is known by its uid and pid", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/socket`;
  const listening = listenSocket({ host: path, port: 0, backlog: 1 });
  try {
    using _connection = await Deno.connect({ transport: "unix", path });
    const accepted = acceptSocket(listening)!;
    assertEquals(peerUser(accepted.fd), { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! });
    assertEquals(await waitWritable(accepted.fd, 1000), true);
    closeFd(accepted.fd);
  } finally {
    closeFd(listening);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a port is taken while somebody listens on it, at that address or at all", () => {
  for (
    const [held, asked] of [["127.0.0.1", "127.0.0.1"], ["0.0.0.0", "127.0.0.1"], ["127.0.0.1", "0.0.0.0"], [
      "::",
      "::1",
    ]]
  ) {
    const listener = Deno.listen({ hostname: held!, port: 0 });
    const { port } = listener.addr;
    assertEquals(isPortTaken(asked!, port), true, `${held} ${asked}`);
    listener.close();
    assertEquals(isPortTaken(asked!, port), false, `${held} ${asked}`);
  }
});
