/** A home moves whole, by name or by copy, and what comes to the old place meanwhile is brought along. */
import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { type Disk, realDisk } from "../disk.ts";
import { createMaildir } from "../maildir/deliver.ts";
import { moveHome } from "./move_home.ts";

const OWNER = { domain: "example.org", uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0, directory: "/nonexistent" };

/** A disk on which names cannot move from one folder tree to another, as between two file systems. */
function twoFileSystems(from: string): Disk {
  return {
    ...realDisk,
    rename(old, to) {
      if (old === from) return Promise.reject(new Error("Invalid cross-device link (os error 18)"));
      return realDisk.rename(old, to);
    },
  };
}

async function withHome(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await createMaildir(realDisk, `${folder}/old/ann/Maildir`);
    await Deno.writeTextFile(`${folder}/old/ann/Maildir/new/1.a`, "first");
    await Deno.writeTextFile(`${folder}/old/ann/Maildir/cur/2.b:2,S`, "second");
    await Deno.writeTextFile(`${folder}/old/ann/Maildir/tmp/3.c`, "unfinished");
    await Deno.symlink("Maildir/cur", `${folder}/old/ann/link`);
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function messages(home: string): string[] {
  return ["new", "cur"].flatMap((part) => [...Deno.readDirSync(`${home}/Maildir/${part}`)].map(({ name }) => name))
    .sort();
}

for (const kind of ["renamed", "copied"] as const) {
  Deno.test(`a home that is ${kind} keeps all mail, also what comes to the old place meanwhile`, () =>
    withHome(async (folder) => {
      const [from, to] = [`${folder}/old/ann`, `${folder}/new/deep/ann`];
      const disk = kind === "copied" ? twoFileSystems(from) : realDisk;
      let recorded = 0;
      const record = () => Promise.resolve(void recorded++);
      const end = await moveHome(disk, { from, to, domain: OWNER, record });
      assertEquals([recorded, messages(to)], [1, ["1.a", "2.b:2,S"]]);
      await Deno.writeTextFile(`${from}/Maildir/new/4.d`, "late"); // a delivery that knows only the old place
      await Deno.rename(`${to}/Maildir/new/1.a`, `${to}/Maildir/cur/1.a:2,S`); // a reader who knows only the new one
      await end();
      assertEquals(messages(to), ["1.a:2,S", "2.b:2,S", "4.d"]);
      assertEquals(await Deno.readTextFile(`${to}/Maildir/new/4.d`), "late");
      assertEquals(await Deno.readLink(`${to}/link`), "Maildir/cur");
      await assertRejects(() => Deno.lstat(from), Deno.errors.NotFound);
    }));

  Deno.test(`after a crash in the middle a home that is ${kind} is moved by the same call`, () =>
    withHome(async (folder) => {
      const [from, to] = [`${folder}/old/ann`, `${folder}/new/ann`];
      const disk = kind === "copied" ? twoFileSystems(from) : realDisk;
      const crash = () => Promise.reject(new Error("killed"));
      await assertRejects(() => moveHome(disk, { from, to, domain: OWNER, record: crash }), Error, "killed");
      await Deno.mkdir(`${from}/Maildir/new`, { recursive: true });
      await Deno.writeTextFile(`${from}/Maildir/new/4.d`, "late");
      const end = await moveHome(disk, { from, to, domain: OWNER, resume: true, record: () => Promise.resolve() });
      await end();
      assertEquals(messages(to), ["1.a", "2.b:2,S", "4.d"]);
    }));
}

Deno.test("a home is not moved onto a folder that is there, nor into itself", () =>
  withHome(async (folder) => {
    const from = `${folder}/old/ann`;
    await Deno.mkdir(`${folder}/taken`);
    for (const to of [`${folder}/taken`, `${from}/below`, `${folder}/old`]) {
      const move = { from, to, domain: OWNER, record: () => Promise.resolve() };
      await assertRejects(() => moveHome(realDisk, move), Permanent);
    }
    assertEquals(messages(from), ["1.a", "2.b:2,S"]);
  }));
