/**
 * How many messages a second the queue store accepts, beside what the same disk does when every message is its own file:
 * `deno run -A tests/bench/journal_bench.ts [folder]`. Prints ratios; a slow disk makes both slow.
 */
import process from "node:process";
import { realDisk } from "../../storage/disk.ts";
import { openQueueStore } from "../../storage/queue/store.ts";
import type { QueuedMessage, QueueStore } from "../../storage/queue/store_types.ts";

const MESSAGE_BYTES = 4096;
const SECONDS = 3;

async function openBench(directory: string, enabled: boolean): Promise<QueueStore> {
  return await openQueueStore({
    disk: realDisk,
    directory,
    journal: { enabled },
    clock: { nowMs: () => Date.now() },
    log: { line: (line) => console.error(line), flush: () => Promise.resolve() },
    freeBytes: () => Promise.resolve(1e12),
  });
}

async function accept(store: QueueStore, body: Uint8Array): Promise<QueuedMessage> {
  const incoming = await store.begin();
  await incoming.write(body);
  return await incoming.commit({
    envelope: { sender: "sender@example.com", recipients: ["recipient@example.net"] },
    submitter: { uid: 1000, pid: 4711 },
    targets: [{ address: "recipient@example.net", original: "recipient@example.net", channel: "local" }],
  });
}

/** Accepts (and, when told, ends) messages from so many clients at once; messages a second. */
async function measure(store: QueueStore, options: { clients: number; deliver: boolean }): Promise<number> {
  const body = crypto.getRandomValues(new Uint8Array(MESSAGE_BYTES));
  const start = performance.now();
  const until = start + SECONDS * 1000;
  let count = 0;
  await Promise.all(Array.from({ length: options.clients }, async () => {
    while (performance.now() < until) {
      const message = await accept(store, body);
      count++;
      if (!options.deliver) continue;
      store.done(message, [0]);
      await store.finish(message);
    }
  }));
  return count / ((performance.now() - start) / 1000);
}

async function run(base: string): Promise<void> {
  const directory = await Deno.makeTempDir({ dir: base });
  try {
    const files = await openBench(`${directory}/files`, false);
    const plain = await measure(files, { clients: 10, deliver: true });
    console.log(`files, 10 clients, accepted and ended: ${plain.toFixed(0)}/s`);
    await files.close();
    const store = await openBench(`${directory}/queue1`, true);
    await measure(store, { clients: 10, deliver: true }); // segments are made
    for (const clients of [1, 10, 50]) {
      const usage = Deno.memoryUsage().rss;
      const cpu = cpuMs();
      const rate = await measure(store, { clients, deliver: true });
      const perMessage = (cpuMs() - cpu) / (rate * SECONDS);
      const note = `${(rate / plain).toFixed(1)}x, ${perMessage.toFixed(2)} ms CPU each, ${
        (usage / 1e6).toFixed(0)
      } MB`;
      console.log(`journal, ${clients} clients, accepted and ended: ${rate.toFixed(0)}/s, ${note}`);
    }
    const deferred = await measure(store, { clients: 10, deliver: false });
    console.log(`journal, 10 clients, nothing delivered (all written out): ${deferred.toFixed(0)}/s`);
    await store.close();
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

await run(Deno.args[0] ?? Deno.cwd());
