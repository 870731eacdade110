/**
 * INBOX as a POP3 maildrop: the messages as they were at login, over the same view that IMAP sessions have. Unique ids are
 * `UID<uid>-<uidvalidity>`, which Courier's POP3 server makes of its own list: where that list (courierpop3dsizelist) is
 * still there, its ids are kept, so that clients do not fetch everything again after a change of servers.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { Pop3Maildrop, Pop3Message } from "../../mail/pop3/backend.ts";
import { baseOfName } from "../maildir/names.ts";
import { findSizes } from "./fill_columns.ts";
import type { FolderMailbox } from "./folder_mailbox.ts";
import { baseOfPath } from "./folder_scan.ts";
import { MailAccount, type MailAccountOptions } from "./mail_account.ts";
import type { MailStore } from "./mail_store.ts";

/** Courier's list of ids. */
const SIZE_LIST_NAME = "courierpop3dsizelist";
/** Bytes of it that are read. */
const SIZE_LIST_BYTES_MAX = 64 * 1024 * 1024;
/** Longest unique id [rfc1939 7, UIDL]. */
const UNIQUE_ID_BYTES_MAX = 70;

/** The ids of Courier's list by base; empty when there is none. Lines are `name size uid:uidvalidity`. */
export function parseSizeList(text: string): Map<string, string> {
  const ids = new Map<string, string>();
  for (const line of text.split("\n")) {
    const match = /^([^ /]+) \d{1,15}(?: (\d{1,10})(?::(\d{1,10}))?)?$/.exec(line);
    if (!match) continue;
    const [, name = "", uid, uidValidity] = match;
    const base = baseOfName(name);
    const id = uid === undefined || uid === "0"
      ? base.replace(
        /[^!-~]|['"+]/g,
        (letter) => `+${letter.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
      )
      : uidValidity === undefined || uidValidity === "0"
      ? `UID${uid}`
      : `UID${uid}-${uidValidity}`;
    if (id.length <= UNIQUE_ID_BYTES_MAX) ids.set(base, id);
  }
  return ids;
}

/** Opens a user's maildrop. Throws Temporary when there is no Maildir. */
export async function openMaildrop(store: MailStore, options: MailAccountOptions): Promise<Pop3Maildrop> {
  const account = new MailAccount(store, options);
  const mailbox = await store.acquire(options.maildir, "", account);
  if (!mailbox) throw new Temporary(`there is no Maildir at ${options.maildir}`);
  try {
    await findSizes(mailbox.view, mailbox.snapshot.uids);
    return new MailboxMaildrop(mailbox, options.closed);
  } catch (error) {
    mailbox.release();
    throw error;
  }
}

class MailboxMaildrop implements Pop3Maildrop {
  readonly sizesBytes: Float64Array;
  readonly #mailbox: FolderMailbox;
  readonly #uids: Uint32Array;
  readonly #closed: (() => Promise<void>) | undefined;
  #ids: readonly string[] | undefined;

  constructor(mailbox: FolderMailbox, closed: (() => Promise<void>) | undefined) {
    this.#mailbox = mailbox;
    this.#closed = closed;
    const { snapshot } = mailbox;
    this.#uids = snapshot.uids;
    this.sizesBytes = snapshot.sizes();
  }

  uniqueIds(): readonly string[] {
    return this.#ids ??= this.#makeIds();
  }

  async message(index: number): Promise<Pop3Message | undefined> {
    return await this.#mailbox.message(this.#uids[index]!);
  }

  remove(indexes: readonly number[]): Promise<void> {
    return this.#mailbox.expunge(Uint32Array.from(indexes, (index) => this.#uids[index]!));
  }

  async close(): Promise<void> {
    this.#mailbox.release();
    await this.#closed?.();
  }

  #makeIds(): string[] {
    const { view, uidValidity } = this.#mailbox;
    const list = parseSizeList(readSizeList(view.context.path));
    const ids: string[] = [];
    const used = new Set<string>();
    for (const uid of this.#uids) {
      const row = list.size === 0 ? -1 : view.columns.find(uid);
      const base = row < 0 ? "" : baseOfPath(view.columns.paths[row]!);
      let id = list.get(base) ?? `UID${uid}-${uidValidity}`;
      if (used.has(id)) id = `UID${uid}-${uidValidity}-2`; // both lists began in the same second
      used.add(id);
      ids.push(id);
    }
    return ids;
  }
}

function readSizeList(folder: string): string {
  try {
    const path = `${folder}/${SIZE_LIST_NAME}`;
    return Deno.statSync(path).size > SIZE_LIST_BYTES_MAX ? "" : latin1Text(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
