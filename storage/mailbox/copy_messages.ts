/**
 * Copies of messages: a link each. A message that somebody else has renamed meanwhile is found by its base; one that is gone
 * is left out.
 */
import { pathExists } from "../../core/path_exists.ts";
import { writeKeywords } from "../maildir/keywords.ts";
import { FLAGS_MARK } from "../maildir/names.ts";
import { addUsage, type QuotaContext } from "../maildir/quota_size.ts";
import { lettersOfFlags, SYSTEM_BITS } from "./flag_letters.ts";
import { baseOfPath, fileOf, readMessagePaths } from "./folder_scan.ts";
import { type Arrival, type FolderView, lettersOf } from "./folder_view.ts";
import { fileBytes, PASSES_MAX, unlinked } from "./view_changes.ts";

/** What a copy needs beside its folders. */
export interface CopyOptions {
  /** A new unique name. */
  readonly uniqueName: () => string;
  /** Where to note what the target grew by; undefined: it does not count. */
  readonly quota: QuotaContext | undefined;
}

/**
 * Links messages into another folder (or the same): all or none but those whose files are gone. UIDs there, in the order of
 * the source, durable when it resolves.
 */
export function copyMessages(
  source: FolderView,
  target: FolderView,
  work: CopyOptions & { readonly uids: Uint32Array },
): Promise<{ readonly sourceUids: number[]; readonly targetUids: number[] }> {
  return target.exclusive(async () => {
    await target.prepare();
    const arrivals: Arrival[] = [];
    const sourceUids: number[] = [];
    const keywordsOf: { base: string; keywords: string[] }[] = [];
    const places = new FilePlaces(source);
    let bytes = 0;
    try {
      for (const uid of work.uids) {
        const copied = await linkMessage(source, target, { uid, unique: work.uniqueName(), places });
        if (!copied) continue;
        arrivals.push(copied.arrival);
        sourceUids.push(uid);
        bytes += copied.fileBytes;
        if (copied.keywords.length > 0) {
          keywordsOf.push({ base: baseOfPath(copied.arrival.path), keywords: copied.keywords });
        }
      }
      for (const keywords of keywordsOf) await writeKeywords(target.context.disk, target.context.path, keywords);
    } catch (error) {
      for (const arrival of arrivals) await unlinked(target, fileOf(target.context.path, arrival.path));
      throw error;
    }
    if (arrivals.length === 0) return { sourceUids, targetUids: [] };
    const synced = target.context.disk.syncDirectory(`${target.context.path}/cur`);
    target.ownChange();
    const [targetUids] = await Promise.all([target.takeIn(arrivals), synced]);
    if (work.quota) {
      await addUsage(work.quota.disk, work.quota.maildir, { bytes, messages: arrivals.length });
    }
    return { sourceUids, targetUids };
  });
}

async function linkMessage(
  source: FolderView,
  target: FolderView,
  message: { readonly uid: number; readonly unique: string; readonly places: FilePlaces },
): Promise<{ arrival: Arrival; fileBytes: number; keywords: string[] } | undefined> {
  let from: string | undefined;
  for (let pass = 0; pass < PASSES_MAX; pass++) {
    from = message.places.pathOf(message.uid, from);
    const row = source.columns.find(message.uid);
    if (from === undefined || row < 0) return undefined;
    const size = fileBytes(fileOf(source.context.path, from));
    if (size === undefined) continue;
    const { columns } = source;
    const word = source.flags[row]!;
    const keywords = source.keywordNames(word);
    const bits = target.keywordBits(keywords) ?? 0;
    const path = `${message.unique},S=${size}${FLAGS_MARK}${lettersOfFlags(word & SYSTEM_BITS, lettersOf(from))}`;
    if (!await linked(source, from, fileOf(target.context.path, path))) continue;
    const [dateMs, sizeBytes] = [columns.dates[row]!, columns.sizes[row]!];
    return {
      arrival: { path, flags: (word & SYSTEM_BITS) | bits, dateMs, sizeBytes },
      fileBytes: size,
      keywords: bits === 0 ? [] : keywords,
    };
  }
  return undefined;
}

/** Where the files of a folder's messages are: sessions rename them while they change flags, and so do other programs. */
class FilePlaces {
  readonly #view: FolderView;
  #byBase: ReadonlyMap<string, string> = new Map();
  #readings = 0;

  constructor(view: FolderView) {
    this.#view = view;
  }

  /** The path of a message whose file was not at `failed`, if that is given; undefined when it is gone. */
  pathOf(uid: number, failed: string | undefined): string | undefined {
    const row = this.#view.columns.find(uid);
    const known = row < 0 ? undefined : this.#view.columns.paths[row]!;
    if (known === undefined || known !== failed) return known;
    const base = baseOfPath(known);
    if (this.#readings === 0 || (this.#byBase.get(base) === failed && this.#readings < PASSES_MAX)) this.#read();
    return this.#byBase.get(base);
  }

  #read(): void {
    this.#view.distrust();
    this.#readings++;
    const paths = readMessagePaths(this.#view.context.path, "cur");
    this.#byBase = new Map(paths.map((path) => [baseOfPath(path), path]));
  }
}

/** Links a file; false when it is not there. */
async function linked(source: FolderView, from: string, to: string): Promise<boolean> {
  const file = fileOf(source.context.path, from);
  try {
    await source.context.disk.link(file, to);
    return true;
  } catch (error) {
    // else it is the folder that it should go to
    if (error instanceof Deno.errors.NotFound && !pathExists(file)) return false;
    throw error;
  }
}
