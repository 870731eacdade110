import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { FileLock, withFileLock } from "./file_lock.ts";

Deno.test("one owner at a time, the next gets it after the release", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/lock`;
  const first = await FileLock.acquire(path);
  assertEquals(FileLock.try(path), undefined);
  await assertRejects(() => FileLock.acquire(path, 3), Temporary, "is locked");
  const waiting = withFileLock(path, () => "mine");
  first.release();
  first.release();
  assertEquals(await waiting, "mine");
  const again = FileLock.try(path);
  assert(again);
  again.release();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a lock is given back when what runs under it throws", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/lock`;
  await assertRejects(() => withFileLock(path, () => Promise.reject(new RangeError("x"))), RangeError);
  FileLock.try(path)!.release();
  await Deno.remove(folder, { recursive: true });
});
