import { assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { openMailbox, uidsOf, withMail } from "../../tests/support/mailbox.ts";
import { openMaildrop, parseSizeList } from "./pop3_maildrop.ts";

Deno.test("ids and sizes are the same in every session and across processes", async () => {
  await withMail(async ({ maildir, store, other, put }) => {
    for (let message = 1; message <= 5; message++) put(`new/${message}.a.h`, "Subject: x\n\nbody\n");
    const first = await openMaildrop(store, { maildir, quota: "NOQUOTA" });
    const ids = [...first.uniqueIds()];
    assertEquals([...first.sizesBytes], [20, 20, 20, 20, 20]);
    await first.remove([1, 3]);
    assertEquals((await first.message(0))!.sizeBytes, 20);
    assertEquals(await first.message(1), undefined);
    assertEquals(first.sizesBytes.length, 5);
    await first.close();
    await store.close();
    const second = await openMaildrop(other().store, { maildir, quota: "NOQUOTA" });
    assertEquals(second.uniqueIds(), [ids[0]!, ids[2]!, ids[4]!]);
    await second.close();
  });
});

Deno.test("IMAP and POP3 sessions share the view", async () => {
  await withMail(async ({ maildir, store, account, put }) => {
    put("cur/1.a.h:2,");
    put("cur/2.a.h:2,");
    const inbox = await openMailbox(account, "INBOX");
    const maildrop = await openMaildrop(store, { maildir, quota: "" });
    await maildrop.remove([0]);
    assertEquals(uidsOf(inbox), [2]);
    await maildrop.close();
    inbox.release();
  });
});

Deno.test("ids of Courier's list are kept", async () => {
  const list = "/2 9 1600000000\n1.a.h,S=5:2,S 20 3:1600000000\n2.b.h 20 0:0\n3.c.h:2, 20 4:0\n4.d+h 7\nbroken\n";
  assertEquals([...parseSizeList(list)], [
    ["1.a.h,S=5", "UID3-1600000000"],
    ["2.b.h", "2.b.h"],
    ["3.c.h", "UID4"],
    ["4.d+h", "4.d+2Bh"],
  ]);
  await withMail(async ({ maildir, store, put }) => {
    put("cur/1.a.h,S=5:2,");
    put("cur/5.e.h:2,");
    put("courierpop3dsizelist", list);
    const maildrop = await openMaildrop(store, { maildir, quota: "" });
    const [first = "", second = ""] = maildrop.uniqueIds();
    assertEquals([first, /^UID2-\d+$/.test(second)], ["UID3-1600000000", true]);
    await maildrop.close();
  });
});

Deno.test("a missing Maildir is temporary", async () => {
  await withMail(async ({ store }) => {
    await assertRejects(() => openMaildrop(store, { maildir: "/nonexistent/Maildir", quota: "" }), Temporary);
  });
});
