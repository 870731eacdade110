import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { type Disk, realDisk } from "../disk.ts";
import { cleanTmp, createMaildir, deliverToMaildir, TMP_AGE_MS_MAX } from "./deliver.ts";
import { FolderSync } from "./folder_sync.ts";

const text = new TextEncoder().encode("Subject: x\n\nhello\n");

async function withMaildir(run: (maildir: string) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    await createMaildir(realDisk, `${root}/home/Maildir`);
    await run(`${root}/home/Maildir`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map((entry) => entry.name);
}

function delivery(maildir: string, more: Partial<Parameters<typeof deliverToMaildir>[0]> = {}) {
  return deliverToMaildir({
    disk: realDisk,
    maildir,
    uniqueName: "17.Q1.host",
    sizeBytes: text.length,
    body: [text.subarray(0, 5), text.subarray(5)],
    ...more,
  });
}

Deno.test("a message is delivered to new under its name and size, and tmp is left empty", async () => {
  await withMaildir(async (maildir) => {
    const done = await delivery(maildir);
    assertEquals(done, {
      kind: "delivered",
      path: `${maildir}/new/17.Q1.host,S=${text.length}`,
      sizeBytes: text.length,
    });
    assertEquals(Deno.readFileSync(done.path), text);
    assertEquals(names(`${maildir}/tmp`), []);
  });
});

Deno.test("a name that is the message's own is given by a rename, and a repeat leaves one file", async () => {
  await withMaildir(async (maildir) => {
    const first = await delivery(maildir, { ownName: true });
    assertEquals([first.kind, Deno.readFileSync(first.path)], ["delivered", text]);
    assertEquals((await delivery(maildir, { ownName: true })).path, first.path);
    assertEquals((await delivery(maildir, { ownName: true, mayBeRepeat: true })).kind, "already-there");
    assertEquals([names(`${maildir}/new`).length, names(`${maildir}/tmp`)], [1, []]);
    await assertRejects(() => delivery(`${maildir}/none`, { ownName: true }), Temporary);
  });
});

Deno.test("a repeat adds nothing, wherever a reader has put the first", async () => {
  await withMaildir(async (maildir) => {
    const first = await delivery(maildir);
    assertEquals((await delivery(maildir)).kind, "already-there");
    const moved = `${maildir}/cur/17.Q1.host,S=${text.length}:2,FS`;
    Deno.renameSync(first.path, moved);
    assertEquals(await delivery(maildir, { mayBeRepeat: true }), {
      kind: "already-there",
      path: moved,
      sizeBytes: text.length,
    });
    assertEquals([names(`${maildir}/new`), names(`${maildir}/tmp`)], [[], []]);
    assertEquals((await delivery(maildir, { mayBeRepeat: true, uniqueName: "17.Q1" })).kind, "delivered");
  });
});

Deno.test("a message with flags goes to cur, and a stream is written as it comes", async () => {
  await withMaildir(async (maildir) => {
    async function* stream() {
      yield text.subarray(0, 7);
      yield await Promise.resolve(text.subarray(7));
    }
    const done = await delivery(maildir, { flags: "SF", body: stream() });
    assertEquals(done.path, `${maildir}/cur/17.Q1.host,S=${text.length}:2,FS`);
    assertEquals(Deno.readFileSync(done.path), text);
  });
});

Deno.test("a body of another length and a missing Maildir are temporary and leave nothing", async () => {
  await withMaildir(async (maildir) => {
    await assertRejects(() => delivery(maildir, { sizeBytes: 3 }), Temporary, "came as");
    await assertRejects(() => delivery(maildir, { sizeBytes: 300 }), Temporary, "came as");
    assertEquals([names(`${maildir}/new`), names(`${maildir}/tmp`)], [[], []]);
    await assertRejects(() => delivery(`${maildir}/.None`), Temporary, "no Maildir");
    assertEquals((await delivery(`${maildir}/.Made/x`, { create: true })).kind, "delivered");
  });
});

Deno.test("whichever operation fails, there is a whole message or none", async () => {
  for (let failing = 1; failing <= 6; failing++) {
    await withMaildir(async (maildir) => {
      let operations = 0;
      const step = () => {
        if (++operations === failing) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
      };
      const disk: Disk = {
        ...realDisk,
        async open(path, options) {
          step();
          const file = await realDisk.open(path, options);
          return {
            readAt: (into, at) => file.readAt(into, at),
            writeAt: (bytes, at) => file.writeAt(bytes, at),
            append: (bytes) => (step(), file.append(bytes)),
            sync: () => (step(), file.sync()),
            truncate: (size) => file.truncate(size),
            stat: () => file.stat(),
            close: () => file.close(),
          };
        },
        link: async (from, to) => (step(), await realDisk.link(from, to)),
        unlink: async (path) => (step(), await realDisk.unlink(path)),
      };
      const done = await delivery(maildir, { disk }).catch((error) => error);
      const delivered = names(`${maildir}/new`);
      if (failing <= 4) {
        assert(done instanceof Temporary);
        assertEquals(delivered, []);
      } else assertEquals([done.kind, delivered.length], ["delivered", 1]);
      assertEquals((await delivery(maildir, { mayBeRepeat: true })).kind, failing <= 4 ? "delivered" : "already-there");
      assertEquals(names(`${maildir}/new`).length, 1);
    });
  }
});

Deno.test("what lies in tmp for 36 hours is removed, younger files stay", async () => {
  await withMaildir(async (maildir) => {
    Deno.writeFileSync(`${maildir}/tmp/old`, text);
    Deno.writeFileSync(`${maildir}/tmp/young`, text);
    Deno.utimeSync(`${maildir}/tmp/old`, 1000, 1000);
    assertEquals(await cleanTmp(realDisk, maildir, TMP_AGE_MS_MAX + 2_000_000), 1);
    assertEquals(names(`${maildir}/tmp`), ["young"]);
  });
});

Deno.test("folders are synced once a group and their deliveries told durable", async () => {
  const synced: string[] = [];
  const durable: number[] = [];
  const sync = new FolderSync<number>({
    disk: { ...realDisk, syncDirectory: (path) => Promise.resolve(void synced.push(path)) },
    onDurable: (tokens) => durable.push(...tokens),
    onFailed: () => assert(false),
  });
  for (let token = 0; token < 10; token++) sync.touched(`/m${token % 2}/new`, token);
  assertEquals(sync.waiting, 10);
  await sync.flush();
  assertEquals([synced.length, durable.sort((a, b) => a - b).length, sync.waiting], [2, 10, 0]);
});

Deno.test("a folder that cannot be synced is tried three times and then given up, the others are not held up", async () => {
  let tries = 0;
  const durable: number[] = [];
  const failed: number[] = [];
  const sync = new FolderSync<number>({
    disk: {
      ...realDisk,
      syncDirectory: (path) => path === "/bad" ? (tries++, Promise.reject(new Error("EIO"))) : Promise.resolve(),
    },
    onDurable: (tokens) => durable.push(...tokens),
    onFailed: (tokens) => failed.push(...tokens),
  });
  sync.touched("/bad", 1);
  sync.touched("/good", 2);
  await sync.flush();
  assertEquals([tries, durable, failed], [3, [2], [1]]);
});

Deno.test("many folders are synced by one call for the filesystem", async () => {
  const calls: string[] = [];
  const durable: number[] = [];
  const folder = await Deno.makeTempDir();
  const sync = new FolderSync<number>({
    disk: realDisk,
    onDurable: (tokens) => durable.push(...tokens),
    onFailed: () => assert(false),
    syncFilesystem: (path) => Promise.resolve(void calls.push(path)),
  });
  for (let token = 0; token < 20; token++) {
    Deno.mkdirSync(`${folder}/${token}`);
    sync.touched(`${folder}/${token}`, token);
  }
  await sync.flush();
  await Deno.remove(folder, { recursive: true });
  assertEquals([calls.length, durable.length], [1, 20]);
});
