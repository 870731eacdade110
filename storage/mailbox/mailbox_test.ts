import { assert, assertEquals } from "../../tests/support/assert.ts";
import { FLAG_BITS, isRefusal } from "../../mail/imap/backend.ts";
import { UID_FILE_NAME } from "../maildir/uid_file.ts";
import { accepted, openMailbox, uidsOf, withMail } from "../../tests/support/mailbox.ts";
import { INDEX_FILE_NAME } from "./mail_index.ts";

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map((entry) => entry.name).sort();
}

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

Deno.test("selecting moves new mail to cur, gives UIDs in order of arrival and writes them down", async () => {
  await withMail(async ({ maildir, put, open }) => {
    put("new/1700000002.b.h");
    put("new/1700000001.a.h,S=17");
    put("cur/1700000000.c.h:2,FS");
    const inbox = await open();
    assertEquals(uidsOf(inbox), [1, 2, 3]);
    assertEquals([...inbox.snapshot.flags], [FLAG_BITS.flagged | FLAG_BITS.seen, 0, 0]);
    assertEquals(names(`${maildir}/new`), []);
    assertEquals(names(`${maildir}/cur`), ["1700000000.c.h:2,FS", "1700000001.a.h,S=17:2,", "1700000002.b.h:2,"]);
    assertEquals(inbox.recent({ take: true }), { fromUid: 2, toUid: 4 });
    assertEquals(inbox.recent({ take: true }), { fromUid: 4, toUid: 4 });
    assertEquals(
      Deno.readTextFileSync(`${maildir}/${UID_FILE_NAME}`),
      `1 ${inbox.uidValidity} 4\n1 1700000000.c.h\n2 1700000001.a.h,S=17\n3 1700000002.b.h\n`,
    );
    assertEquals([...inbox.snapshot.sizes()], [20, 20, 20]);
    inbox.release();
  });
});

Deno.test("all sessions share one mailbox, and a watcher hears of an arrival", async () => {
  await withMail(async ({ put, open }) => {
    put("new/1.a.h");
    const first = await open();
    const second = await open();
    assert(first === second);
    let heard = 0;
    const stop = second.watch(() => heard++);
    const before = first.snapshot;
    put("new/2.b.h");
    await first.refresh();
    assertEquals([heard, before.uids.length, first.snapshot.uids.length], [1, 1, 2]);
    stop();
    first.release();
    second.release();
  });
});

Deno.test("an index thrown away, broken or of another layout changes no UID", async () => {
  await withMail(async ({ maildir, put, store, other }) => {
    for (let message = 1; message <= 20; message++) put(`cur/${message + 100}.a.h:2,S`);
    let inbox = await openMailbox(other().account, "INBOX");
    const { uidValidity } = inbox;
    await inbox.expunge(Uint32Array.of(3, 7));
    const uids = uidsOf(inbox);
    await inbox.cached("envelope", inbox.snapshot.uids);
    inbox.release();
    await store.close();
    for (const damage of ["delete", "garbage", "truncate", "none"]) {
      const path = `${maildir}/${INDEX_FILE_NAME}`;
      if (damage === "delete") Deno.removeSync(path);
      if (damage === "garbage") Deno.writeTextFileSync(path, "not a database at all".repeat(1000));
      if (damage === "truncate") Deno.truncateSync(path, 4096 + 17);
      const process = other();
      inbox = await openMailbox(process.account, "INBOX");
      assertEquals([inbox.uidValidity, uidsOf(inbox)], [uidValidity, uids], damage);
      const rows = await inbox.cached("envelope", inbox.snapshot.uids);
      assert(rows.lengths.every((length) => length > 10), damage);
      inbox.release();
      await process.store.close();
    }
  });
});

Deno.test("a broken UID file gives a new UIDVALIDITY, a missing one is written from memory", async () => {
  await withMail(async ({ maildir, put, other, store }) => {
    put("cur/1.a.h:2,");
    put("cur/2.a.h:2,");
    const first = other();
    let inbox = await openMailbox(first.account, "INBOX");
    await inbox.expunge(Uint32Array.of(1));
    const { uidValidity } = inbox;
    Deno.removeSync(`${maildir}/${UID_FILE_NAME}`);
    put("new/3.a.h");
    await inbox.refresh();
    assertEquals([inbox.uidValidity, uidsOf(inbox)], [uidValidity, [2, 3]]);
    inbox.release();
    await first.store.close();
    Deno.writeTextFileSync(`${maildir}/${UID_FILE_NAME}`, "garbage\n");
    inbox = await openMailbox(other().account, "INBOX");
    assert(inbox.uidValidity > uidValidity);
    assertEquals(uidsOf(inbox), [1, 2]);
    inbox.release();
    await store.close();
  });
});

Deno.test("flags change the file's name, keep unknown letters, and are seen after a restart", async () => {
  await withMail(async ({ maildir, put, other }) => {
    put("cur/1.a.h:2,PS");
    put("cur/2.a.h:2,");
    const first = other();
    let inbox = await openMailbox(first.account, "INBOX");
    const before = inbox.snapshot;
    await inbox.store(inbox.snapshot.uids, { mode: "add", flags: FLAG_BITS.flagged | FLAG_BITS.deleted });
    assertEquals(names(`${maildir}/cur`), ["1.a.h:2,FPST", "2.a.h:2,FT"]);
    assertEquals([...before.flags], [FLAG_BITS.seen, 0]);
    const bits = inbox.keywordBits(["$Junk", "work"])!;
    assertEquals(inbox.keywordBits(["WORK", "$junk"]), bits);
    await inbox.store(Uint32Array.of(2), { mode: "set", flags: bits | FLAG_BITS.seen });
    assertEquals(names(`${maildir}/cur`), ["1.a.h:2,FPST", "2.a.h:2,S"]);
    inbox.release();
    await first.store.close();
    Deno.removeSync(`${maildir}/${INDEX_FILE_NAME}`);
    inbox = await openMailbox(other().account, "INBOX");
    assertEquals(inbox.view.keywordNames(inbox.snapshot.flags[1]!), ["$Junk", "work"]);
    await inbox.store(Uint32Array.of(1, 2), { mode: "remove", flags: 0x7fffffff });
    assertEquals(names(`${maildir}/cur`), ["1.a.h:2,P", "2.a.h:2,"]);
    assertEquals([...inbox.snapshot.flags], [0, 0]);
    inbox.release();
  });
});

Deno.test("another program renames, removes and adds files: flags, expunges and arrivals", async () => {
  await withMail(async ({ maildir, put, open }) => {
    for (let message = 1; message <= 4; message++) put(`cur/${message}.a.h:2,`);
    const inbox = await open();
    Deno.renameSync(`${maildir}/cur/1.a.h:2,`, `${maildir}/cur/1.a.h:2,S`);
    Deno.removeSync(`${maildir}/cur/2.a.h:2,`);
    put("cur/5.a.h:2,F");
    inbox.view.distrust(); // in the same millisecond as the first reading, perhaps
    await inbox.refresh();
    assertEquals(uidsOf(inbox), [1, 3, 4, 5]);
    assertEquals([...inbox.snapshot.flags], [FLAG_BITS.seen, 0, 0, FLAG_BITS.flagged]);
    inbox.release();
  });
});

Deno.test("a file renamed behind our back is found when it is needed", async () => {
  await withMail(async ({ maildir, put, open }) => {
    put("cur/1.a.h:2,", "Subject: one\n\nx\n");
    put("cur/2.a.h:2,", "Subject: two\n\nx\n");
    const inbox = await open();
    await inbox.refresh();
    Deno.renameSync(`${maildir}/cur/1.a.h:2,`, `${maildir}/cur/1.a.h:2,R`);
    Deno.removeSync(`${maildir}/cur/2.a.h:2,`);
    assertEquals((await inbox.headers(Uint32Array.of(1, 2))).map(text), ["Subject: one\r\n\r\n", ""]);
    assertEquals(text((await inbox.message(1))!.whole), "Subject: one\r\n\r\nx\r\n");
    assertEquals(await inbox.message(2), undefined);
    await inbox.store(Uint32Array.of(1, 2), { mode: "add", flags: FLAG_BITS.seen });
    assertEquals(names(`${maildir}/cur`), ["1.a.h:2,RS"]);
    await inbox.refresh();
    assertEquals(uidsOf(inbox), [1]);
    inbox.release();
  });
});

Deno.test("two processes give a message the same UID and see each other's changes", async () => {
  await withMail(async ({ put, other }) => {
    put("new/1.a.h");
    const one = await openMailbox(other().account, "INBOX");
    const two = await openMailbox(other().account, "INBOX");
    for (let round = 2; round < 12; round++) {
      put(`new/${round}.a.h`);
      one.view.distrust();
      two.view.distrust();
      await (round % 2 ? one : two).refresh();
      await (round % 2 ? two : one).refresh();
      assertEquals(uidsOf(one), uidsOf(two));
    }
    assertEquals(one.uidValidity, two.uidValidity);
    await one.expunge(Uint32Array.of(5));
    await two.store(Uint32Array.of(6), { mode: "add", flags: FLAG_BITS.seen });
    one.view.distrust();
    two.view.distrust();
    await one.refresh();
    await two.refresh();
    assertEquals(uidsOf(one), uidsOf(two));
    assertEquals([...one.snapshot.flags], [...two.snapshot.flags]);
    one.release();
    two.release();
  });
});

Deno.test("property: random changes by two processes and a third program never lose or double a UID", async () => {
  await withMail(async ({ maildir, put, other }) => {
    let seed = 42;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) % 2147483648) % below;
    const boxes = [await openMailbox(other().account, "INBOX"), await openMailbox(other().account, "INBOX")];
    const given = new Map<string, number>();
    for (let round = 0; round < 300; round++) {
      const box = boxes[random(2)]!;
      if (random(3) === 0) box.view.distrust();
      const uids = uidsOf(box);
      const uid = Uint32Array.of(uids[random(uids.length || 1)] ?? 1);
      const files = names(`${maildir}/cur`);
      const file = files[random(files.length || 1)];
      switch (random(7)) {
        case 0:
        case 1:
          put(`new/${1000 + round}.r.h`);
          break;
        case 2:
          await box.store(uid, { mode: random(2) ? "add" : "remove", flags: 1 << random(5) });
          break;
        case 3:
          if (random(3) === 0) await box.expunge(uid);
          break;
        case 4:
          if (file) Deno.renameSync(`${maildir}/cur/${file}`, `${maildir}/cur/${file.split(":")[0]}:2,F`);
          break;
        case 5:
          if (file && random(3) === 0) Deno.removeSync(`${maildir}/cur/${file}`);
          break;
        case 6:
          if (random(3) === 0) accepted(await box.copy(uid, "INBOX"));
      }
      await box.refresh();
      for (let row = 0; row < box.view.columns.count; row++) {
        const base = box.view.columns.paths[row]!.split(":")[0]!;
        const known = given.get(base);
        assertEquals(known ?? box.snapshot.uids[row], box.snapshot.uids[row], `seed ${seed} ${base}`);
        given.set(base, box.snapshot.uids[row]!);
      }
    }
    for (let round = 0; round < 2; round++) {
      for (const box of boxes) {
        box.view.distrust();
        await box.refresh();
      }
    }
    assertEquals(uidsOf(boxes[0]!), uidsOf(boxes[1]!));
    assertEquals(uidsOf(boxes[0]!).length, names(`${maildir}/cur`).length);
    for (const box of boxes) box.release();
  });
});

Deno.test("a folder replaced under a session shows it nothing any more, and a new one to the next", async () => {
  await withMail(async ({ maildir, put, open }) => {
    put("cur/1.a.h:2,");
    const old = await open();
    await old.refresh();
    for (const part of ["cur", "new"]) Deno.renameSync(`${maildir}/${part}`, `${maildir}/${part}.old`);
    for (const part of ["cur", "new"]) Deno.mkdirSync(`${maildir}/${part}`);
    Deno.removeSync(`${maildir}/${UID_FILE_NAME}`);
    put("cur/9.a.h:2,");
    await old.refresh();
    assertEquals(uidsOf(old), []);
    const now = await open();
    assert(now !== old);
    assertEquals(uidsOf(now), [1]);
    assert(now.uidValidity > old.uidValidity);
    old.release();
    now.release();
  });
});

Deno.test("more new messages than are moved at once are served from new and moved later", async () => {
  await withMail(async ({ maildir, put, open }) => {
    for (let message = 0; message < 700; message++) put(`new/${message + 1000}.a.h`);
    const inbox = await open();
    assertEquals([inbox.snapshot.uids.length, names(`${maildir}/new`).length], [700, 200]);
    await inbox.refresh();
    assertEquals([inbox.snapshot.uids.length, names(`${maildir}/new`).length], [700, 0]);
    assertEquals(uidsOf(inbox), Array.from({ length: 700 }, (_, at) => at + 1));
    inbox.release();
  });
});

Deno.test("envelopes come packed in the order asked for, gone messages are empty", async () => {
  await withMail(async ({ put, open, other, store }) => {
    for (let message = 1; message <= 40; message++) put(`cur/${100 + message}.a.h:2,`, `Subject: s${message}\n\nx\n`);
    const inbox = await open();
    await inbox.expunge(Uint32Array.of(5));
    const check = async (box: typeof inbox, wanted: number[]) => {
      const rows = await box.cached("envelope", Uint32Array.from(wanted));
      for (const [at, uid] of wanted.entries()) {
        const row = text(rows.bytes.subarray(rows.starts[at]!, rows.starts[at]! + rows.lengths[at]!));
        if (uid === 5 || uid > 40) assertEquals(row, "");
        else assert(row.startsWith(`(NIL "s${uid}" `), row);
      }
    };
    await check(inbox, [1, 2, 5, 40, 41]);
    await check(inbox, inbox.snapshot.uids.length ? [...inbox.snapshot.uids] : []);
    await check(inbox, []);
    inbox.release();
    await store.close();
    const again = await openMailbox(other().account, "INBOX");
    await check(again, [1, 40]);
    await check(again, [2, 3, 4, 6]);
    const structure = await again.cached("bodyStructure", Uint32Array.of(1));
    assert(text(structure.bytes).toUpperCase().includes('"PLAIN"'));
    again.release();
  });
});

Deno.test("a mailbox that does not exist is refused by name", async () => {
  await withMail(async ({ account }) => {
    for (const name of ["INBOX.none", "Other", "INBOX..", "INBOX.a/b", "INBOX.../x"]) {
      const result = await account.select(name, { readOnly: false });
      assert(isRefusal(result) && result.code === "NONEXISTENT", name);
    }
  });
});
