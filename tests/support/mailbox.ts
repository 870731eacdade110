/** What the tests of storage/mailbox share: a temporary Maildir with a store and an account over it. */
import { type Disk, realDisk } from "../../storage/disk.ts";
import { createMaildir } from "../../storage/maildir/deliver.ts";
import { isRefusal, type Refusal } from "../../mail/imap/backend.ts";
import { FolderMailbox } from "../../storage/mailbox/folder_mailbox.ts";
import { MailAccount } from "../../storage/mailbox/mail_account.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";

/** A Maildir of a test. */
export interface TestMail {
  readonly maildir: string;
  readonly store: MailStore;
  readonly account: MailAccount;
  /** Puts a file into a folder's new/ or cur/. */
  put(path: string, text?: string): void;
  open(name?: string): Promise<FolderMailbox>;
  /** A second process over the same files, as it were. */
  other(): { readonly store: MailStore; readonly account: MailAccount };
}

/** Runs `run` with a Maildir that is removed afterwards; all stores are closed. */
export async function withMail(
  run: (mail: TestMail) => Promise<void>,
  options: { readonly quota?: string; readonly prefix?: string; readonly disk?: Disk } = {},
): Promise<void> {
  const root = await Deno.makeTempDir();
  const maildir = `${root}/Maildir`;
  await createMaildir(realDisk, maildir);
  const stores: MailStore[] = [];
  const other = () => {
    const store = new MailStore({ hostName: "test.example", nowMs: Date.now, disk: options.disk ?? realDisk });
    stores.push(store);
    const prefix = options.prefix === undefined ? {} : { prefix: options.prefix };
    return { store, account: new MailAccount(store, { maildir, quota: options.quota ?? "NOQUOTA", ...prefix }) };
  };
  const { store, account } = other();
  const put = (path: string, text = "Subject: x\n\nbody\n") => Deno.writeTextFileSync(`${maildir}/${path}`, text);
  try {
    await run({ maildir, store, account, put, open: (name = "INBOX") => openMailbox(account, name), other });
  } finally {
    for (const each of stores) await each.close();
    await Deno.remove(root, { recursive: true });
  }
}

/** Opens a folder that must be there. */
export async function openMailbox(account: MailAccount, name: string): Promise<FolderMailbox> {
  const mailbox = accepted(await account.select(name, { readOnly: false }));
  if (!(mailbox instanceof FolderMailbox)) throw new TypeError("not a folder of this store");
  return mailbox;
}

/** A result that must not be a refusal. */
export function accepted<T extends object>(result: T | Refusal): T {
  if (isRefusal(result)) throw new Error(`refused: ${result.code} ${result.text}`);
  return result;
}

/** The UIDs a mailbox shows. */
export function uidsOf(mailbox: FolderMailbox): number[] {
  return [...mailbox.snapshot.uids];
}
