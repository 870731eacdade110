import { assert, assertEquals } from "../../tests/support/assert.ts";
import { preloadLibc } from "./libc.ts";
import { closeFd, openPipe } from "./fd.ts";
import {
  INOTIFY,
  inotifyAdd,
  openInotify,
  parseInotifyEvents,
  PipePeeker,
  Poller,
  setNonblocking,
  tryOpenProcess,
  tryReadFd,
  tryWriteFd,
} from "./poll.ts";

preloadLibc();

Deno.test("a handler is called for its descriptor, once or until it is unwatched", async () => {
  const poller = new Poller();
  const [often, once] = [openPipe(), openPipe()];
  for (const { reading } of [often, once]) setNonblocking(reading, "nonblocking");
  const { promise: read, resolve } = Promise.withResolvers<string>();
  let times = 0;
  const buffer = new Uint8Array(10);
  const token = poller.watch(often.reading, () => {
    const count = tryReadFd(often.reading, buffer);
    resolve(new TextDecoder().decode(buffer.subarray(0, count)));
  });
  let second = Promise.withResolvers<void>();
  const onceToken = poller.watch(once.reading, () => {
    times++;
    second.resolve();
  }, { once: true });
  tryWriteFd(once.writing, new Uint8Array([1]));
  await second.promise;
  tryWriteFd(often.writing, new TextEncoder().encode("hello"));
  assertEquals(await read, "hello");
  assertEquals(times, 1);
  second = Promise.withResolvers<void>();
  poller.rearm(onceToken);
  await second.promise;
  assertEquals(times, 2);
  poller.unwatch(token);
  poller.unwatch(token);
  await poller.close();
  for (const { reading, writing } of [often, once]) [reading, writing].forEach(closeFd);
});

Deno.test("the end of a process is told, also to those who are not its parent", async () => {
  const child = new Deno.Command("sleep", { args: ["0.1"] }).spawn();
  const fd = tryOpenProcess(child.pid);
  assert(fd !== undefined);
  const poller = new Poller();
  await new Promise<void>((resolve) => poller.watch(fd, resolve));
  await poller.close();
  closeFd(fd);
  await child.status;
  assertEquals(tryOpenProcess(child.pid), undefined);
});

Deno.test("what a handler throws is told and ends nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const poller = new Poller(resolve);
  const pipe = openPipe();
  tryWriteFd(pipe.writing, new Uint8Array([1]));
  poller.watch(pipe.reading, () => {
    throw new Error("surprise");
  }, { once: true });
  assert(String(await promise).includes("surprise"));
  await poller.close();
  [pipe.reading, pipe.writing].forEach(closeFd);
});

Deno.test("what is peeked at stays in the pipe", () => {
  const pipe = openPipe();
  const peeker = new PipePeeker();
  const buffer = new Uint8Array(10);
  assertEquals(peeker.tryPeek(pipe.reading, buffer), undefined);
  tryWriteFd(pipe.writing, new Uint8Array([1, 2, 3]));
  assertEquals(peeker.tryPeek(pipe.reading, buffer), 3);
  assertEquals(peeker.tryPeek(pipe.reading, buffer.subarray(0, 2)), 2);
  assertEquals(tryReadFd(pipe.reading, buffer), 3);
  assertEquals([...buffer.subarray(0, 3)], [1, 2, 3]);
  closeFd(pipe.writing);
  assertEquals(peeker.tryPeek(pipe.reading, buffer), 0);
  closeFd(pipe.reading);
});

Deno.test("events of a folder are understood", () => {
  const folder = Deno.makeTempDirSync();
  const fd = openInotify();
  try {
    const watch = inotifyAdd(fd, folder, INOTIFY.create | INOTIFY.movedFrom | INOTIFY.movedTo);
    Deno.mkdirSync(`${folder}/a folder`);
    Deno.renameSync(`${folder}/a folder`, `${folder}/b`);
    const buffer = new Uint8Array(4096);
    const events = parseInotifyEvents(buffer.subarray(0, tryReadFd(fd, buffer)));
    assertEquals(events.map(({ name }) => name), ["a folder", "a folder", "b"]);
    assertEquals(events.map((event) => event.watch), [watch, watch, watch]);
    assertEquals(events[1]?.cookie, events[2]?.cookie);
    assert(((events[0]?.mask ?? 0) & INOTIFY.isDirectory) !== 0);
  } finally {
    closeFd(fd);
    Deno.removeSync(folder, { recursive: true });
  }
});
