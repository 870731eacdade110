/** Messages that another program renames or removes in the very moment in which a command is about to touch them. */
import { assertEquals } from "../../tests/support/assert.ts";
import { FLAG_BITS } from "../../mail/imap/backend.ts";
import { accepted, type TestMail, uidsOf, withMail } from "../../tests/support/mailbox.ts";
import { type Disk, realDisk } from "../disk.ts";

/** The real disk, with something that happens before an operation. */
function disturbedDisk(): { readonly disk: Disk; before(operation: keyof Disk, act: () => void): void } {
  let next: { operation: keyof Disk; act: () => void } | undefined;
  const disk = new Proxy(realDisk, {
    get(target, name) {
      if (next?.operation === name) {
        const { act } = next;
        next = undefined;
        act();
      }
      return Reflect.get(target, name).bind(target);
    },
  });
  return { disk, before: (operation, act) => next = { operation, act } };
}

/** A Maildir with messages 1 to 3 and a folder `.to`, over a disk that can be disturbed. */
async function withDisturbance(
  run: (mail: TestMail, before: (operation: keyof Disk, act: () => void) => void) => Promise<void>,
): Promise<void> {
  const { disk, before } = disturbedDisk();
  await withMail(async (mail) => {
    for (const number of [1, 2, 3]) mail.put(`cur/${number}.a.h,S=20:2,`);
    await mail.account.create("INBOX.to");
    await run(mail, before);
  }, { disk });
}

function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
}

Deno.test("flags reach a message that was renamed meanwhile, and not one that is gone", async () => {
  await withDisturbance(async ({ maildir, open }, before) => {
    const inbox = await open();
    before("rename", () => {
      Deno.renameSync(`${maildir}/cur/1.a.h,S=20:2,`, `${maildir}/cur/1.a.h,S=20:2,F`);
      Deno.removeSync(`${maildir}/cur/2.a.h,S=20:2,`);
    });
    await inbox.store(Uint32Array.of(1, 2, 3), { mode: "add", flags: FLAG_BITS.deleted });
    assertEquals(names(`${maildir}/cur`), ["1.a.h,S=20:2,FT", "3.a.h,S=20:2,T"]);
    assertEquals(uidsOf(inbox), [1, 3]);
    assertEquals([...inbox.snapshot.flags], [FLAG_BITS.flagged | FLAG_BITS.deleted, FLAG_BITS.deleted]);
    inbox.release();
  });
});

Deno.test("EXPUNGE removes a message that was renamed meanwhile", async () => {
  await withDisturbance(async ({ maildir, open }, before) => {
    const inbox = await open();
    before("unlink", () => Deno.renameSync(`${maildir}/cur/1.a.h,S=20:2,`, `${maildir}/cur/1.a.h,S=20:2,S`));
    await inbox.expunge(Uint32Array.of(1, 2));
    assertEquals(names(`${maildir}/cur`), ["3.a.h,S=20:2,"]);
    assertEquals(uidsOf(inbox), [3]);
    inbox.release();
  });
});

Deno.test("COPY finds a message that was renamed meanwhile, and leaves out one that is gone", async () => {
  await withDisturbance(async ({ maildir, open }, before) => {
    const inbox = await open();
    before("link", () => {
      Deno.renameSync(`${maildir}/cur/1.a.h,S=20:2,`, `${maildir}/cur/1.a.h,S=20:2,R`);
      Deno.removeSync(`${maildir}/cur/2.a.h,S=20:2,`);
    });
    const copied = accepted(await inbox.copy(Uint32Array.of(1, 2, 3), "INBOX.to"));
    assertEquals([copied.sourceUids, copied.targetUids], [[1, 3], [1, 2]]);
    assertEquals(names(`${maildir}/.to/cur`).length, 2);
    inbox.release();
  });
});

Deno.test("MOVE within one folder while its messages are renamed loses none", async () => {
  await withDisturbance(async ({ maildir, open }, before) => {
    const inbox = await open();
    before("link", () => Deno.renameSync(`${maildir}/cur/3.a.h,S=20:2,`, `${maildir}/cur/3.a.h,S=20:2,S`));
    const moved = accepted(await inbox.move(Uint32Array.of(1, 3), "INBOX"));
    assertEquals([moved.sourceUids, moved.targetUids], [[1, 3], [4, 5]]);
    assertEquals(uidsOf(inbox), [2, 4, 5]);
    assertEquals(names(`${maildir}/cur`).length, 3);
    inbox.release();
  });
});

Deno.test("a target folder that has gone is an error, not a message that has gone", async () => {
  await withDisturbance(async ({ maildir, open }, before) => {
    const inbox = await open();
    before("link", () => Deno.removeSync(`${maildir}/.to`, { recursive: true }));
    const error = await inbox.copy(Uint32Array.of(1), "INBOX.to").catch((error: unknown) => error);
    assertEquals(error instanceof Deno.errors.NotFound, true);
    assertEquals(uidsOf(inbox), [1, 2, 3]);
    inbox.release();
  });
});
