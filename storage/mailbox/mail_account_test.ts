import { assert, assertEquals } from "../../tests/support/assert.ts";
import { FLAG_BITS, type ImapStatus, isRefusal, MESSAGE_WHOLE_BYTES_MAX } from "../../mail/imap/backend.ts";
import { formatQuota } from "../maildir/quota.ts";
import type { MailAccount } from "./mail_account.ts";
import { accepted, openMailbox, uidsOf, withMail } from "../../tests/support/mailbox.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);

async function append(
  account: MailAccount,
  name: string,
  message: { text: string; flags?: number; keywords?: string[]; dateMs?: number },
) {
  const bytes = encode(message.text);
  const begun = accepted(
    await account.append(name, {
      flags: message.flags ?? 0,
      keywords: message.keywords ?? [],
      internalDateMs: message.dateMs,
      sizeBytes: bytes.length,
    }),
  );
  for (let at = 0; at < bytes.length; at += 7) await begun.write(bytes.slice(at, at + 7));
  return accepted(await begun.finish());
}

function refusal(result: unknown): string {
  assert(typeof result === "object" && result !== null && isRefusal(result));
  return result.code;
}

Deno.test("folders are made, listed with special uses, renamed and deleted", async () => {
  await withMail(async ({ account, put }) => {
    for (const name of ["INBOX.Sent", "INBOX.Junk", "INBOX.a.b.c"]) assertEquals(await account.create(name), undefined);
    assertEquals(refusal(await account.create("INBOX.Sent")), "ALREADYEXISTS");
    assertEquals(refusal(await account.create("INBOX")), "ALREADYEXISTS");
    assertEquals(refusal(await account.create("Sent")), "CANNOT");
    assertEquals(refusal(await account.create("INBOX.a..b")), "CANNOT");
    await account.subscribe("INBOX.Sent", { subscribed: true });
    const list = account.list().map((folder) => `${folder.name} ${folder.selectable} ${folder.specialUse ?? ""}`);
    assertEquals(list, [
      "INBOX true ",
      "INBOX.Junk true \\Junk",
      "INBOX.Sent true \\Sent",
      "INBOX.a false ",
      "INBOX.a.b false ",
      "INBOX.a.b.c true ",
    ]);
    assertEquals(account.subscriptions(), ["INBOX.Sent"]);
    put(".a.b.c/cur/1.a.h:2,S");
    const before = accepted(await account.status("INBOX.a.b.c"));
    await account.rename("INBOX.a", "INBOX.z");
    assertEquals(accepted(await account.status("INBOX.z.b.c")), before);
    assertEquals(refusal(await account.status("INBOX.a.b.c")), "NONEXISTENT");
    assertEquals(refusal(await account.rename("INBOX.z", "INBOX.z.y")), "CANNOT");
    assertEquals(refusal(await account.rename("INBOX.none", "INBOX.y")), "NONEXISTENT");
    assertEquals(refusal(await account.rename("INBOX.z", "INBOX.Sent")), "ALREADYEXISTS");
    assertEquals(await account.remove("INBOX.z.b.c"), undefined);
    assertEquals(refusal(await account.remove("INBOX.z.b.c")), "NONEXISTENT");
    assertEquals(refusal(await account.remove("INBOX")), "CANNOT");
    await account.subscribe("INBOX.Sent", { subscribed: false });
    assertEquals(account.subscriptions(), []);
  });
});

Deno.test("without a prefix folders stand beside INBOX", async () => {
  await withMail(async ({ account }) => {
    await account.create("Drafts");
    assertEquals(account.list().map((folder) => folder.name), ["INBOX", "Drafts"]);
    assertEquals(accepted(await account.status("Drafts")).messages, 0);
  }, { prefix: "" });
});

Deno.test("a folder deleted and made again has another UIDVALIDITY, and its sessions see it empty", async () => {
  await withMail(async ({ account, put }) => {
    await account.create("INBOX.x");
    put(".x/cur/1.a.h:2,");
    const old = await openMailbox(account, "INBOX.x");
    await account.remove("INBOX.x");
    assertEquals(uidsOf(old), []);
    await account.create("INBOX.x");
    const now = await openMailbox(account, "INBOX.x");
    assert(now.uidValidity > old.uidValidity);
    old.release();
    now.release();
  });
});

Deno.test("an appended message is kept with LF, comes back as it was sent, with flags, keywords and date", async () => {
  await withMail(async ({ account, maildir, other }) => {
    const sent = "Subject: x\r\n\r\none\r\ntwo\r\n";
    const dateMs = 1_600_000_000_000;
    const done = await append(account, "INBOX", { text: sent, flags: FLAG_BITS.seen, keywords: ["$Work"], dateMs });
    const inbox = await openMailbox(account, "INBOX");
    assertEquals(uidsOf(inbox), [done.uid]);
    assertEquals([inbox.snapshot.sizeAt(0), inbox.snapshot.dateAt(0)], [sent.length, dateMs]);
    assertEquals(inbox.view.keywordNames(inbox.snapshot.flags[0]!), ["$Work"]);
    const name = [...Deno.readDirSync(`${maildir}/cur`)][0]!.name;
    assert(name.endsWith(`,S=${sent.length - 4}:2,S`), name);
    assertEquals(Deno.readTextFileSync(`${maildir}/cur/${name}`), sent.replaceAll("\r", ""));
    assertEquals(decode((await inbox.message(done.uid))!.whole), sent);
    assertEquals([...Deno.readDirSync(`${maildir}/tmp`)].length, 0);
    inbox.release();
    const again = await openMailbox(other().account, "INBOX");
    assertEquals([again.snapshot.sizeAt(0), again.snapshot.dateAt(0)], [sent.length, dateMs]);
    assertEquals(again.view.keywordNames(again.snapshot.flags[0]!), ["$Work"]);
    again.release();
  });
});

Deno.test("an append that is given up leaves nothing, a missing folder is told before", async () => {
  await withMail(async ({ account, maildir }) => {
    const options = { flags: 0, keywords: [], internalDateMs: undefined, sizeBytes: 5 };
    const begun = accepted(await account.append("INBOX", options));
    await begun.write(encode("hel"));
    await begun.abort();
    assertEquals([...Deno.readDirSync(`${maildir}/tmp`)].length, 0);
    assertEquals(refusal(await account.append("INBOX.none", options)), "TRYCREATE");
  });
});

Deno.test("copies and moves keep flags, keywords and dates, and say the UIDs", async () => {
  await withMail(async ({ account, put }) => {
    for (let message = 1; message <= 5; message++) put(`cur/${message}.a.h:2,S`, `Subject: ${message}\n\n`);
    await account.create("INBOX.Trash");
    const inbox = await openMailbox(account, "INBOX");
    const bits = inbox.keywordBits(["kept"])!;
    await inbox.store(Uint32Array.of(2), { mode: "add", flags: bits | FLAG_BITS.flagged });
    const copied = accepted(await inbox.copy(Uint32Array.of(2, 4, 99), "INBOX.Trash"));
    assertEquals([copied.sourceUids, copied.targetUids], [[2, 4], [1, 2]]);
    const trash = await openMailbox(account, "INBOX.Trash");
    assertEquals(copied.uidValidity, trash.uidValidity);
    assertEquals(trash.view.keywordNames(trash.snapshot.flags[0]!), ["kept"]);
    assertEquals(trash.snapshot.flags[0]! & 31, FLAG_BITS.seen | FLAG_BITS.flagged);
    const moved = accepted(await inbox.move(Uint32Array.of(1, 3), "INBOX.Trash"));
    assertEquals([moved.targetUids, uidsOf(inbox), uidsOf(trash)], [[3, 4], [2, 4, 5], [1, 2, 3, 4]]);
    const within = accepted(await inbox.copy(Uint32Array.of(5), "INBOX"));
    assertEquals([within.targetUids, uidsOf(inbox)], [[6], [2, 4, 5, 6]]);
    assertEquals(inbox.snapshot.dateAt(2), inbox.snapshot.dateAt(3));
    assertEquals(refusal(await inbox.copy(Uint32Array.of(2), "INBOX.none")), "TRYCREATE");
    await account.rename("INBOX", "INBOX.old");
    assertEquals([uidsOf(inbox), accepted(await account.status("INBOX.old")).messages], [[], 4]);
    inbox.release();
    trash.release();
  });
});

Deno.test("the quota is kept: appends and copies that do not fit are refused, Trash does not count", async () => {
  await withMail(async ({ account, maildir }) => {
    const text = `Subject: x\r\n\r\n${"y".repeat(300)}\r\n`;
    await account.create("INBOX.Trash");
    await append(account, "INBOX", { text });
    await append(account, "INBOX", { text });
    const size = () => Deno.readTextFileSync(`${maildir}/maildirsize`).split("\n")[0];
    assertEquals(size(), formatQuota({ bytes: 1000, messages: 0 }));
    const inbox = await openMailbox(account, "INBOX");
    assertEquals(refusal(await inbox.copy(inbox.snapshot.uids, "INBOX")), "OVERQUOTA");
    const options = { flags: 0, keywords: [], internalDateMs: undefined, sizeBytes: 500 };
    assertEquals(refusal(await account.append("INBOX", options)), "OVERQUOTA");
    accepted(await inbox.move(Uint32Array.of(1), "INBOX.Trash"));
    await append(account, "INBOX", { text });
    inbox.release();
  }, { quota: "1000S" });
});

Deno.test("STATUS counts without taking \\Recent away", async () => {
  await withMail(async ({ account, put }) => {
    put("cur/1.a.h:2,S");
    put("new/2.a.h");
    const expected: ImapStatus = { messages: 2, recent: 1, unseen: 1, uidNext: 3, uidValidity: 0 };
    for (let time = 0; time < 2; time++) {
      assertEquals({ ...accepted(await account.status("INBOX")), uidValidity: 0 }, expected);
    }
  });
});

Deno.test("a large message is read in pieces, from any place", async () => {
  await withMail(async ({ account, put }) => {
    const lines = Array.from({ length: 60_000 }, (_, line) => `line ${line} ${"z".repeat(line % 60)}`);
    const sent = `Subject: big\r\n\r\n${lines.join("\r\n")}\r\n`;
    put("cur/1.a.h:2,", sent.replaceAll("\r", ""));
    const inbox = await openMailbox(account, "INBOX");
    const whole = encode(sent);
    assert(whole.length > MESSAGE_WHOLE_BYTES_MAX);
    for (const [from, to] of [[0, whole.length], [1_000_000, 1_000_100], [70_000, 200_000], [5, 6]] as const) {
      const message = (await inbox.message(1))!;
      assertEquals([message.sizeBytes, message.whole], [whole.length, undefined]);
      const parts: Uint8Array[] = [];
      for await (const part of message.pieces(from, to)) parts.push(part.slice());
      message.close();
      assertEquals(parts.map(decode).join(""), sent.slice(from, to));
    }
    const rows = await inbox.cached("envelope", Uint32Array.of(1));
    assert(decode(rows.bytes).includes("big"));
    inbox.release();
  });
});
