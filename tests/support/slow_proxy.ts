/** A TCP proxy on a loopback port that holds back each answer of the server behind it: a slow database for tests. */
import { connect, createServer, type Socket } from "node:net";

/** A running proxy. */
export interface SlowProxy extends AsyncDisposable {
  readonly port: number;
  /** Each answer waits so long from now on, milliseconds; with 0 what is held back goes at once. */
  delay(delayMs: number): void;
  /** Most connections at a time since the start. */
  readonly openMax: number;
}

/** Starts one before a port of this host. */
export async function startSlowProxy(port: number): Promise<SlowProxy> {
  const sockets = new Set<Socket>();
  const held = new Map<ReturnType<typeof setTimeout>, () => void>();
  let delayMs = 0;
  let open = 0;
  let openMax = 0;
  const listener = createServer((client) => {
    const server = connect({ host: "127.0.0.1", port });
    openMax = Math.max(openMax, ++open);
    const answers: Uint8Array[] = []; // in order, though a later one may be due earlier
    const say = () => {
      const answer = answers.shift();
      if (answer && !client.destroyed) client.write(answer);
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.on("close", () => {
        sockets.delete(socket);
        for (const other of [client, server]) other.destroy();
      });
    }
    client.on("close", () => open--);
    client.on("data", (bytes: Uint8Array) => server.write(bytes));
    server.on("data", (bytes: Uint8Array) => {
      answers.push(bytes);
      if (delayMs === 0) return say();
      const timer = setTimeout(() => {
        held.delete(timer);
        say();
      }, delayMs);
      held.set(timer, say);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  function release(): void {
    for (const [timer, answer] of held) {
      clearTimeout(timer);
      answer();
    }
    held.clear();
  }
  return {
    port: address.port,
    delay(ms) {
      delayMs = ms;
      if (ms === 0) release();
    },
    get openMax() {
      return openMax;
    },
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => listener.close(resolve));
      release();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
