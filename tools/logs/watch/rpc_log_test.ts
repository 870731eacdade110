/** Tests of the calls to rpclog, against a server of the test: bytes of RFC 5531, rpcbind's answer, refusals. */
import { latin1Text } from "../../../core/bytes.ts";
import { Temporary } from "../../../core/errors.ts";
import { assertEquals, assertRejects, assertThrows } from "../../../tests/support/assert.ts";
import { formatCall, formatWords, formatXdrString, parseAnswer, RpcLog } from "./rpc_log.ts";

const ACCEPTED = [1, 0, 0, 0] as const;

/** Answers calls with numbers after the id; collects program, procedure and the rest of each. */
class RpcServer {
  readonly calls: { readonly program: number; readonly procedure: number; readonly args: Uint8Array }[] = [];
  readonly port: number;
  readonly #listener: Deno.TcpListener;
  readonly #answer: readonly number[];
  readonly #serving: Promise<void>;

  constructor(answer: readonly number[], place: { readonly hostname: string; readonly port: number }) {
    this.#answer = answer;
    this.#listener = Deno.listen(place);
    this.port = this.#listener.addr.port;
    this.#serving = this.#serve();
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      const buffer = new Uint8Array(4096);
      for (let held = 0;;) {
        const count = await connection.read(buffer.subarray(held));
        if (count === null) break;
        held += count;
        const view = new DataView(buffer.buffer);
        const length = view.getUint32(0) & 0x7fff_ffff;
        if (held < length + 4) continue;
        const args = buffer.slice(44, 4 + length);
        this.calls.push({ program: view.getUint32(16), procedure: view.getUint32(24), args });
        held = 0;
        const body = formatWords(view.getUint32(4), ...this.#answer);
        // in two fragments, as a peer may
        await connection.write(formatWords(4));
        await connection.write(body.subarray(0, 4));
        await connection.write(formatWords(0x8000_0000 + body.length - 4));
        await connection.write(body.subarray(4));
      }
      connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#serving;
  }
}

Deno.test("a call is the bytes of the RFC, a string is filled up to whole words", () => {
  assertEquals([...formatXdrString(new TextEncoder().encode("abcde"))], [0, 0, 0, 5, 97, 98, 99, 100, 101, 0, 0, 0]);
  assertEquals([...formatXdrString(new Uint8Array(4))], [0, 0, 0, 4, 0, 0, 0, 0]);
  const call = formatCall(7, { program: 0x2000_0001, version: 1, procedure: 1 }, new Uint8Array(4));
  const words = Array.from({ length: call.length / 4 }, (_, at) => new DataView(call.buffer).getUint32(at * 4));
  assertEquals(words, [0x8000_002c, 7, 0, 2, 0x2000_0001, 1, 1, 0, 0, 0, 0, 0]);
});

Deno.test("an answer gives its number; a foreign, denied, failed or short one is temporary", () => {
  assertEquals(parseAnswer(formatWords(7, ...ACCEPTED, 0, 42), 7), 42);
  assertEquals(parseAnswer(formatWords(7, 1, 0, 1, 3, 0xffffff00, 0, 42), 7), 42); // with a verifier of three bytes
  for (const words of [[8, ...ACCEPTED, 0, 42], [7, 1, 1, 0, 0, 0], [7, ...ACCEPTED, 3], [7, 1], []]) {
    assertThrows(() => parseAnswer(formatWords(...words), 7), Temporary);
  }
});

Deno.test("lines are sent over one connection, and a server that refuses is named", async () => {
  {
    await using server = new RpcServer([...ACCEPTED, 0, 0], { hostname: "127.0.0.1", port: 0 });
    using log = new RpcLog(`127.0.0.1:${server.port}`, 5000);
    await log.send("mx1 log 0 one\n");
    await log.send("mx1 log 1 tw\xf6\n");
    assertEquals(server.calls.map(({ program, procedure }) => [program, procedure]), [[0x2000_0001, 1], [
      0x2000_0001,
      1,
    ]]);
    assertEquals(server.calls.map(({ args }) => latin1Text(args.subarray(4))), [
      "mx1 log 0 one\n\0\0",
      "mx1 log 1 tw\xf6\n\0\0",
    ]);
    log.close();
  }
  await using server = new RpcServer([...ACCEPTED, 1], { hostname: "127.0.0.1", port: 0 });
  using log = new RpcLog(`127.0.0.1:${server.port}`, 5000);
  await assertRejects(
    () => log.send("x\n"),
    Temporary,
    "unable to send to the log server 127.0.0.1: the call was not done",
  );
});

Deno.test("a server that cannot be reached is named", async () => {
  using log = new RpcLog("127.0.0.1:1", 5000);
  await assertRejects(() => log.send("x\n"), Temporary, "unable to send to the log server 127.0.0.1: cannot connect");
});

Deno.test({
  name: "the port is asked of rpcbind",
  ignore: Deno.uid() !== 0, // its port is below 1024
  async fn() {
    const hostname = "127.84.111.9";
    await using server = new RpcServer([...ACCEPTED, 0, 0], { hostname, port: 0 });
    await using rpcbind = new RpcServer([...ACCEPTED, 0, server.port], { hostname, port: 111 });
    using log = new RpcLog(hostname, 5000);
    await log.send("mx1 log 0 one\n");
    assertEquals(rpcbind.calls.map(({ program, procedure }) => [program, procedure]), [[100_000, 3]]);
    assertEquals([...rpcbind.calls[0]!.args], [...formatWords(0x2000_0001, 1, 6, 0)]);
    assertEquals(server.calls.length, 1);
    log.close();
  },
});
