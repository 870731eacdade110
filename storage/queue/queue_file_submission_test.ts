/** qmail-queue without a daemon, on a real disk: the files of the original, and nothing left after a refusal. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { QueueLayout } from "./layout.ts";
import { queueFileSubmission } from "./queue_file_submission.ts";
import { makeQueueTree } from "./queue_tree.ts";

async function withTree(run: (directory: string) => Promise<void>): Promise<void> {
  const base = await Deno.makeTempDir();
  try {
    await makeQueueTree(realDisk, new QueueLayout(`${base}/queue1`, { split: 2 }));
    await run(`${base}/queue1`);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

function files(directory: string): string[] {
  const found: string[] = [];
  for (const folder of ["pid", "mess/0", "mess/1", "intd/0", "intd/1", "todo/0", "todo/1"]) {
    for (const { name } of Deno.readDirSync(`${directory}/${folder}`)) found.push(`${folder}/${name}`);
  }
  return found.sort();
}

function client(directory: string) {
  const log = { line: () => undefined, flush: () => Promise.resolve() };
  return queueFileSubmission({ disk: realDisk, directory, split: 2, pid: 42, clock: { nowMs: Date.now }, log });
}

Deno.test("a message lands in mess and todo under its inode number, and intd is the same file as todo", async () => {
  await withTree(async (directory) => {
    const trigger = `${directory}/lock/trigger`;
    Deno.writeTextFileSync(trigger, "");
    const submission = await client(directory).open({ uid: 5, pid: 6 });
    await submission.write(new TextEncoder().encode("hello "));
    await submission.write(new TextEncoder().encode("world\n"));
    const result = await submission.commit({ sender: "s@x", recipients: ["a@x", "b@x"] });
    assert(result.kind === "accepted");
    const { id } = result;
    const split = Number(id) % 2;
    assertEquals(files(directory), [`intd/${split}/${id}`, `mess/${split}/${id}`, `todo/${split}/${id}`]);
    assertEquals(Deno.readTextFileSync(`${directory}/mess/${split}/${id}`), "hello world\n");
    assertEquals(Deno.readTextFileSync(`${directory}/todo/${split}/${id}`), "u5\0p6\0Fs@x\0Ta@x\0Tb@x\0");
    assertEquals(String(Deno.statSync(`${directory}/mess/${split}/${id}`).ino), id);
    assertEquals(Deno.statSync(`${directory}/todo/${split}/${id}`).nlink, 2);
    assertEquals(Deno.readFileSync(trigger), new Uint8Array(1));
  });
});

Deno.test("an aborted or refused message leaves nothing, and the refusal has qmail-queue's code", async () => {
  await withTree(async (directory) => {
    const aborted = await client(directory).open({ uid: 5, pid: 6 });
    await aborted.write(new Uint8Array(100_000));
    aborted.abort();
    await Promise.resolve();
    const refused = await client(directory).open({ uid: 5, pid: 6 });
    await refused.write(new Uint8Array(10));
    const result = await refused.commit({ sender: "s\0@x", recipients: [] });
    assertEquals(result.kind === "refused" && result.code, 79);
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    assertEquals(files(directory), []);
    Deno.removeSync(`${directory}/pid`);
    const without = await client(directory).open({ uid: 5, pid: 6 });
    await without.write(new Uint8Array(10));
    const second = await without.commit({ sender: "s@x", recipients: ["a@x"] });
    assertEquals(second.kind === "refused" && second.code, 70);
  });
});
