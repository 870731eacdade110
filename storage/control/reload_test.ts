import { assert, assertEquals } from "../../tests/support/assert.ts";
import { resolvePaths } from "../../core/paths.ts";
import { FileLock } from "../locks/file_lock.ts";
import { reloadServers } from "./reload.ts";

Deno.test("only a serve that holds its lock is signalled", async () => {
  const root = await Deno.makeTempDir();
  const paths = resolvePaths(root, () => undefined);
  let hangups = 0;
  const count = () => void hangups++;
  Deno.addSignalListener("SIGHUP", count);
  try {
    assertEquals(reloadServers(paths), false);
    await Deno.mkdir(paths.run, { recursive: true });
    await Deno.writeTextFile(`${paths.run}/serve.json`, JSON.stringify({ version: 1, pid: Deno.pid, services: [] }));
    assertEquals(reloadServers(paths), false, "a stopped serve leaves its file");
    const lock = FileLock.try(`${paths.run}/serve.lock`);
    assert(lock);
    assertEquals(reloadServers(paths), true);
    // a signal by itself does not keep the event loop turning
    for (let tries = 0; tries < 500 && hangups === 0; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    assertEquals(hangups, 1);
    await Deno.writeTextFile(`${paths.run}/serve.json`, JSON.stringify({ pid: 1 }));
    assertEquals(reloadServers(paths), false);
    await Deno.writeTextFile(`${paths.run}/serve.json`, "{");
    assertEquals(reloadServers(paths), false);
    lock.release();
  } finally {
    Deno.removeSignalListener("SIGHUP", count);
    await Deno.remove(root, { recursive: true });
  }
});
