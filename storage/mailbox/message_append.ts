/**
 * A message on its way into a folder by APPEND: written to tmp as it comes, with LF line ends as everything in a Maildir,
 * synced, linked to cur with its flags, and given its UID. A crash leaves a file in tmp or a whole message.
 */
import type { AppendedMessage, ImapAppend, Refusal } from "../../mail/imap/backend.ts";
import { refuse } from "../../mail/imap/backend.ts";
import { concatBytes } from "../../core/bytes.ts";
import type { Disk, DiskFile } from "../disk.ts";
import { writeKeywords } from "../maildir/keywords.ts";
import { FLAGS_MARK } from "../maildir/names.ts";
import { countBareLf, CrlfToLf } from "./crlf.ts";
import { lettersOfFlags } from "./flag_letters.ts";
import { fileOf } from "./folder_scan.ts";
import type { FolderMailbox } from "./folder_mailbox.ts";

/** Bytes gathered before they are written. */
const BUFFER_BYTES = 256 * 1024;
const LF = 10;

/** What an append is told at its beginning. */
export interface AppendSettings {
  readonly disk: Disk;
  readonly mailbox: FolderMailbox;
  readonly uniqueName: string;
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly dateMs: number;
  /** Notes what the Maildir grew by; bytes. */
  readonly grown: (bytes: number) => Promise<void>;
}

/** One APPEND. */
export class MessageAppend implements ImapAppend {
  readonly #settings: AppendSettings;
  readonly #tmp: string;
  readonly #file: DiskFile;
  readonly #filter = new CrlfToLf();
  #parts: Uint8Array[] = [];
  #waitingBytes = 0;
  #fileBytes = 0;
  #networkBytes = 0;
  #before = LF;

  private constructor(settings: AppendSettings, tmp: string, file: DiskFile) {
    this.#settings = settings;
    this.#tmp = tmp;
    this.#file = file;
  }

  /** Opens the file in tmp. */
  static async begin(settings: AppendSettings): Promise<MessageAppend> {
    const tmp = `${settings.mailbox.view.context.path}/tmp/${settings.uniqueName}`;
    return new MessageAppend(
      settings,
      tmp,
      await settings.disk.open(tmp, { write: true, createNew: true, mode: 0o600 }),
    );
  }

  write(bytes: Uint8Array): Promise<void> | void {
    this.#add(this.#filter.push(bytes));
    if (this.#waitingBytes >= BUFFER_BYTES) return this.#flush();
  }

  async finish(): Promise<AppendedMessage | Refusal> {
    try {
      await this.#writeAll();
      const uid = await this.#place();
      if (uid === undefined) return refuse("TRYCREATE", "the mailbox has been removed");
      await this.#settings.grown(this.#fileBytes);
      return { uidValidity: this.#settings.mailbox.uidValidity, uid };
    } finally {
      await this.#removeTmp();
      this.#settings.mailbox.release();
    }
  }

  async abort(): Promise<void> {
    this.#file.close();
    try {
      await this.#removeTmp();
    } finally {
      this.#settings.mailbox.release();
    }
  }

  async #writeAll(): Promise<void> {
    try {
      this.#add(this.#filter.finish());
      await this.#flush();
      await this.#file.sync();
    } finally {
      this.#file.close();
    }
    await this.#settings.disk.utime(this.#tmp, this.#settings.dateMs, this.#settings.dateMs);
  }

  #place(): Promise<number | undefined> {
    const { disk, mailbox: { view }, uniqueName } = this.#settings;
    const base = `${uniqueName},S=${this.#fileBytes}`;
    const path = `${base}${FLAGS_MARK}${lettersOfFlags(this.#settings.flags, "")}`;
    return view.exclusive(async () => {
      await view.prepare();
      if (view.dead) return undefined;
      await disk.link(this.#tmp, fileOf(view.context.path, path));
      const synced = disk.syncDirectory(`${view.context.path}/cur`);
      const [uid] = await Promise.all([this.#takeIn({ base, path }), synced]);
      return uid;
    });
  }

  async #takeIn(message: { readonly base: string; readonly path: string }): Promise<number | undefined> {
    const { disk, mailbox, flags, keywords, dateMs } = this.#settings;
    const { view } = mailbox;
    const bits = keywords.length === 0 ? 0 : view.keywordBits(keywords) ?? 0;
    if (bits !== 0) {
      await writeKeywords(disk, view.context.path, { base: message.base, keywords: view.keywordNames(bits) });
    }
    view.ownChange();
    const arrival = { path: message.path, flags: flags | bits, dateMs, sizeBytes: this.#networkBytes };
    return (await view.takeIn([arrival]))[0];
  }

  #add(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#parts.push(bytes);
    this.#waitingBytes += bytes.length;
    this.#fileBytes += bytes.length;
    this.#networkBytes += bytes.length + countBareLf(bytes, this.#before);
    this.#before = bytes[bytes.length - 1]!;
  }

  async #flush(): Promise<void> {
    const parts = this.#parts;
    this.#parts = [];
    this.#waitingBytes = 0;
    if (parts.length > 0) await this.#file.append(parts.length === 1 ? parts[0]! : concatBytes(...parts));
  }

  async #removeTmp(): Promise<void> {
    await this.#settings.disk.unlink(this.#tmp).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    });
  }
}
