/** Processes and descriptors by libc. Identity changes need root and are skipped, loudly, without. */
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { LibcError, preloadLibc } from "./libc.ts";
import { accountByName, accountByUid, groupId } from "./account.ts";
import { closeFd, descriptor, OPEN, openFd, openPipe, pipeWriter, tryFcntlLock, tryFlock, tryLockFile } from "./fd.ts";
import { freeBytes, makeFifo, setUmask, syncFileSystem } from "./files.ts";
import { parentPid, processExists, spawnProcess, waitForProcess } from "./process.ts";

preloadLibc();
const env = { PATH: "/usr/bin:/bin" };

/** Runs a shell script with the descriptors given; its output on 1 and its end. */
async function shell(script: string, more: Partial<Parameters<typeof spawnProcess>[0]> = {}) {
  const pipe = openPipe();
  const pid = spawnProcess({
    program: "/bin/sh",
    argv: ["sh", "-c", script],
    env,
    ...more,
    fds: { 0: "null", 1: pipe.writing, 2: pipe.writing, ...more.fds },
  });
  closeFd(pipe.writing);
  const reader = descriptor(pipe.reading);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  let output = "";
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    output += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  reader.close();
  return { output, end: await waitForProcess(pid) };
}

Deno.test("a child gets its arguments, environment, folder and exit code", async () => {
  const { output, end } = await shell("echo $0 $VALUE; pwd; exit 9", {
    argv: ["sh", "-c", "echo $0 $VALUE; pwd; exit 9", "name"],
    env: { ...env, VALUE: "of the variable" },
    cwd: "/usr",
  });
  assertEquals({ output, end }, { output: "name of the variable\n/usr\n", end: { code: 9, signal: 0 } });
});

Deno.test("a child killed by a signal says which", async () => {
  assertEquals((await shell("kill -KILL $$")).end, { code: 0, signal: 9 });
});

Deno.test("any descriptor can be given, as input or output, and no other is open in the child", async () => {
  const input = openPipe();
  const stray = openFd("/dev/null", OPEN.read); // without close-on-exec: the child must not see it all the same
  const running = shell("cat <&7; ls /proc/self/fd | tr '\\n' ' '", { fds: { 7: input.reading } });
  closeFd(input.reading);
  const writer = pipeWriter(input.writing);
  await writer.write(new TextEncoder().encode("through seven\n"));
  writer.close();
  const { output } = await running;
  closeFd(stray);
  assertEquals(output.replace(/\s+/g, " ").trim(), "through seven 0 1 2 3 7");
});

Deno.test("a child has default signals although this runtime ignores SIGPIPE", async () => {
  const { output } = await shell("grep SigIgn /proc/self/status");
  const ignored = BigInt(`0x${/SigIgn:\s*([0-9a-f]+)/.exec(output)?.[1] ?? "ffff"}`);
  assertEquals(ignored & (1n << 12n), 0n);
});

Deno.test("sources and targets that cross do not overwrite each other", async () => {
  const one = openPipe();
  const two = openPipe();
  const running = shell(`cat /dev/fd/${two.reading} /dev/fd/${one.reading}`, {
    fds: { [two.reading]: one.reading, [one.reading]: two.reading },
  });
  closeFd(one.reading);
  closeFd(two.reading);
  for (const [pipe, text] of [[one, "one "], [two, "two"]] as const) {
    const writer = pipeWriter(pipe.writing);
    await writer.write(new TextEncoder().encode(text));
    writer.close();
  }
  assertEquals((await running).output, "one two");
});

Deno.test("a program that is not there is an error with its name", () => {
  const error = assertThrows(
    () => spawnProcess({ program: "/nonexistent", argv: ["x"], env: {}, fds: {} }),
    LibcError,
    "unable to run /nonexistent",
  );
  assertEquals(error.errno, 2);
});

Deno.test({
  name: "a child runs as another user, and this process stays root",
  ignore: Deno.uid() !== 0,
  async fn() {
    const { output } = await shell("id -u; id -g; id -G; grep -E '^(Uid|CapPrm)' /proc/self/status", {
      user: { uid: 65534, gid: 65534, groups: [12] },
    });
    assertEquals(
      output.replace(/\s+/g, " ").trim(),
      "65534 65534 65534 12 Uid: 65534 65534 65534 65534 CapPrm: 0000000000000000",
    );
    assert(/^Uid:\s+0\s+0\s+0\s/m.test(Deno.readTextFileSync("/proc/thread-self/status")));
    assertEquals(Deno.uid(), 0);
  },
});

Deno.test("a pipe holds back a writer until its reader has read", async () => {
  const pipe = openPipe();
  const writer = pipeWriter(pipe.writing);
  const reader = descriptor(pipe.reading);
  const bytes = new Uint8Array(300_000).fill(7);
  const written = writer.write(bytes).then(() => writer.close());
  const buffer = new Uint8Array(50_000);
  let total = 0;
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) total += count;
  await written;
  reader.close();
  assertEquals(total, bytes.length);
});

Deno.test("locks are refused without waiting while another holds them", () => {
  const path = Deno.makeTempFileSync();
  const first = tryLockFile(path);
  assert(first !== undefined);
  assertEquals(tryLockFile(path), undefined);
  const other = openFd(path, OPEN.readWrite);
  assertEquals(tryFlock(other, "shared"), false);
  assertEquals(tryFcntlLock(other), true);
  closeFd(first);
  assertEquals(tryFlock(other), true);
  closeFd(other);
  Deno.removeSync(path);
});

Deno.test("accounts and groups are found by name and number", () => {
  assertEquals(accountByName("root")?.uid, 0);
  assertEquals(accountByUid(0)?.name, "root");
  assertEquals(accountByName("no-such-account-here"), undefined);
  assertEquals(groupId("root"), 0);
  assertEquals(groupId("no-such-group-here"), undefined);
});

Deno.test("files: FIFO, umask, free space, sync of a file system", async () => {
  const folder = Deno.makeTempDirSync();
  const before = setUmask(0o022);
  makeFifo(`${folder}/trigger`, 0o622);
  assertEquals(setUmask(before), 0o022);
  assert(Deno.statSync(`${folder}/trigger`).isFifo);
  assertThrows(() => makeFifo(`${folder}/trigger`, 0o622), LibcError, "File exists");
  assert(freeBytes(folder) > 0);
  await syncFileSystem(folder);
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("processes: the parent, and whether one exists", () => {
  assert(processExists(parentPid()) || parentPid() === 0);
  assertEquals(processExists(2 ** 22 + 1), false);
});
