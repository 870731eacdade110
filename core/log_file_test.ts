import { assert, assertEquals } from "../tests/support/assert.ts";
import { LogFile } from "./log_file.ts";

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await run(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("lines are appended to current, also by a later process", () =>
  inFolder(async (folder) => {
    for (const text of ["first", "second"]) {
      const log = new LogFile(folder);
      log.line(text);
      await log.close();
    }
    assertEquals(Deno.readTextFileSync(`${folder}/current`), "first\nsecond\n");
    assertEquals((Deno.statSync(`${folder}/current`).mode ?? 0) & 0o777, 0o640);
  }));

Deno.test("a full current becomes an older file, and only so many are kept", () =>
  inFolder(async (folder) => {
    for (let number = 0; number < 5; number++) {
      const log = new LogFile(folder, { fileBytesMax: 10, filesKept: 2 });
      log.line(`line number ${number}`);
      await log.close();
      await new Promise((resolve) => setTimeout(resolve, 2)); // older files are named by the millisecond
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assertEquals(names.length, 3);
    assertEquals(names.at(-1), "current");
    const kept = names.slice(0, 2).map((name) => Deno.readTextFileSync(`${folder}/${name}`));
    assertEquals(kept, ["line number 3\n", "line number 4\n"]);
  }));

Deno.test("a folder that is not there is an error at once", () => {
  let failed = false;
  try {
    new LogFile("/nonexistent/folder");
  } catch (error) {
    failed = error instanceof Deno.errors.NotFound;
  }
  assert(failed);
});
