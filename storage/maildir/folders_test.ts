import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { createMaildir } from "./deliver.ts";
import { createFolder, folderExists, isFolderName, listFolders, removeFolder, renameFolder } from "./folders.ts";

Deno.test("names with empty levels, slashes or 8-bit letters are no folders", () => {
  for (const good of ["Sent", "a.b.c", "Sent Items", "Entw&APw-rfe"]) assertEquals(isFolderName(good), true, good);
  for (const bad of ["", ".", "a..b", "a.", ".a", "a/b", "../x", "ü", "a\nb", "x".repeat(255)]) {
    assertEquals(isFolderName(bad), false, bad);
  }
});

Deno.test("folders are made, listed, renamed with those below, and removed", async () => {
  const root = await Deno.makeTempDir();
  await createMaildir(realDisk, root);
  for (const folder of ["a", "a.b", "ab", "c"]) await createFolder(realDisk, root, folder);
  Deno.mkdirSync(`${root}/.notamaildir`);
  assertEquals(listFolders(root).sort(), ["a", "a.b", "ab", "c"]);
  assertEquals(Deno.statSync(`${root}/.a/maildirfolder`).size, 0);
  await renameFolder(realDisk, root, { from: "a", to: "x.y" });
  assertEquals(listFolders(root).sort(), ["ab", "c", "x.y", "x.y.b"]);
  Deno.writeTextFileSync(`${root}/.c/new/1.a.h`, "x");
  await removeFolder(realDisk, root, "c");
  assertEquals([folderExists(root, "c"), [...Deno.readDirSync(`${root}/tmp`)].length], [false, 0]);
  await Deno.remove(root, { recursive: true });
});

Deno.test("a rename that fails half way is undone", async () => {
  const root = await Deno.makeTempDir();
  await createMaildir(realDisk, root);
  for (const folder of ["a", "a.b"]) await createFolder(realDisk, root, folder);
  const disk = {
    ...realDisk,
    rename: (from: string, to: string) =>
      from.endsWith(".a.b") ? Promise.reject(new Error("EIO")) : realDisk.rename(from, to),
  };
  await assertRejects(() => renameFolder(disk, root, { from: "a", to: "z" }), Error, "EIO");
  assertEquals(listFolders(root).sort(), ["a", "a.b"]);
  await Deno.remove(root, { recursive: true });
});
