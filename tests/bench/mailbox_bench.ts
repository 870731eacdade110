/**
 * Times the mailbox index over a Maildir of 10,000 messages of 4 KB, without a network: SELECT and ENVELOPE of all, cold
 * (no index), warm in a new process' store (index on disk) and warm in the same store. Prints milliseconds; medians of 5.
 * Run: deno run -A --unstable-net --unstable-worker-options tests/bench/mailbox_bench.ts [messages]
 */
import { isRefusal } from "../../mail/imap/backend.ts";
import type { FolderMailbox } from "../../storage/mailbox/folder_mailbox.ts";
import { openMailbox } from "../support/mailbox.ts";
import { MailAccount } from "../../storage/mailbox/mail_account.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";

const ROUNDS = 5;
const MESSAGE_BYTES = 4096;
const ONE_BY_ONE = 1000;

function message(number: number): string {
  const header = [
    `Return-Path: <sender${number % 50}@bench.invalid>`,
    "Delivered-To: u1@bench.test",
    `Received: from bench ([127.0.0.1]) by host with SMTP id x${number}; Thu, 01 Jan 2026 00:00:00 +0000`,
    `From: "Sender Number ${number % 50}" <sender${number % 50}@bench.invalid>`,
    "To: User One <u1@bench.test>",
    "Cc: other@bench.test",
    `Subject: bench message ${number}`,
    "Date: Thu, 01 Jan 2026 00:00:00 +0000",
    `Message-ID: <${number}.fixture@bench.invalid>`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=us-ascii",
  ].join("\n");
  return `${header}\n\n${"some words of a line of text that is not too long\n".repeat(100)}`.slice(0, MESSAGE_BYTES);
}

function makeMaildir(path: string, count: number): void {
  for (const part of ["tmp", "new", "cur"]) Deno.mkdirSync(`${path}/${part}`, { recursive: true });
  for (let number = 0; number < count; number++) {
    const name = `${1767225600 + number}.M${String(number).padStart(6, "0")}P1.bench,S=${MESSAGE_BYTES}:2,`;
    Deno.writeTextFileSync(`${path}/cur/${name}`, message(number));
  }
}

const times = new Map<string, number[]>();

async function timed<T>(name: string, run: () => T | Promise<T>): Promise<T> {
  const start = performance.now();
  const result = await run();
  const list = times.get(name) ?? [];
  list.push(performance.now() - start);
  times.set(name, list);
  return result;
}

function account(maildir: string): { store: MailStore; account: MailAccount } {
  const store = new MailStore({ hostName: "bench", nowMs: Date.now });
  return { store, account: new MailAccount(store, { maildir, quota: "NOQUOTA" }) };
}

async function fetchAll(inbox: FolderMailbox): Promise<void> {
  const { uids } = inbox.snapshot;
  const rows = await inbox.cached("envelope", uids);
  const sizes = inbox.snapshot.sizes();
  if (rows.lengths.some((length) => length === 0) || sizes.some((size) => size < 1)) {
    throw new Error("rows are missing");
  }
}

async function changes(inbox: FolderMailbox, process: ReturnType<typeof account>): Promise<void> {
  const { uids } = inbox.snapshot;
  await timed("STORE 1,000 one by one", async () => {
    for (let at = 0; at < ONE_BY_ONE; at++) {
      await inbox.store(uids.subarray(at, at + 1), { mode: "add", flags: 4 });
      await inbox.refresh();
    }
  });
  await timed("STORE 1,000 at once", () => inbox.store(uids.subarray(0, ONE_BY_ONE), { mode: "add", flags: 8 }));
  await timed("APPEND 200", async () => {
    const bytes = new TextEncoder().encode(message(1).replaceAll("\n", "\r\n"));
    for (let at = 0; at < 200; at++) {
      const options = { flags: 0, keywords: [], internalDateMs: undefined, sizeBytes: bytes.length };
      const append = await process.account.append("INBOX", options);
      if (isRefusal(append)) throw new Error(append.text);
      await append.write(bytes);
      await append.finish();
      await inbox.refresh();
    }
  });
  await timed("EXPUNGE 1,000", () => inbox.expunge(uids.subarray(0, ONE_BY_ONE)));
  await timed("message 1,000", async () => {
    for (let at = 2000; at < 3000; at++) (await inbox.message(uids[at]!))?.close();
  });
  await timed("headers of all", () => inbox.headers(uids));
}

const count = Number(Deno.args[0] ?? 10_000);
for (let round = 0; round < ROUNDS; round++) {
  const maildir = `${await Deno.makeTempDir()}/Maildir`;
  makeMaildir(maildir, count);
  await new Promise((resolve) => setTimeout(resolve, 1200)); // so that the folder is not read again to be sure
  const cold = account(maildir);
  let inbox = await timed("SELECT cold", () => openMailbox(cold.account, "INBOX"));
  await timed("ENVELOPE of all cold", () => fetchAll(inbox));
  inbox.release();
  await timed("close (saves the index)", () => cold.store.close());
  const warm = account(maildir);
  inbox = await timed("SELECT warm (new process)", () => openMailbox(warm.account, "INBOX"));
  await timed("ENVELOPE of all warm", () => fetchAll(inbox));
  inbox.release();
  inbox = await timed("SELECT warm (same process)", () => openMailbox(warm.account, "INBOX"));
  await changes(inbox, warm);
  inbox.release();
  await warm.store.close();
  await Deno.remove(maildir.replace(/\/Maildir$/, ""), { recursive: true });
}
for (const [name, list] of times) {
  list.sort((a, b) => a - b);
  console.log(`${name.padEnd(28)} ${list[list.length >> 1]!.toFixed(1).padStart(8)} ms`);
}
