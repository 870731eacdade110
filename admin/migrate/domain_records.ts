/**
 * A virtual domain of this installation as an exchange has it: what users/assign, control files and its folder say. The
 * same for writing a domain and for comparing one that is read with what is here.
 */
import { realDisk } from "../../storage/disk.ts";
import { Temporary } from "../../core/errors.ts";
import type { DomainEntry, DomainStore } from "../../storage/accounts/domain_store.ts";
import { type DomainRecord, FILE_BYTES_MAX, type FileRecord, isCarriedFile } from "./exchange_lines.ts";

/** The real domains of users/assign with their records, by name in the order of bytes. */
export async function domainRecords(
  domains: DomainStore,
  isWanted: (domain: string) => boolean = () => true,
): Promise<Map<string, { readonly entry: DomainEntry; readonly record: DomainRecord }>> {
  const entries = await domains.list();
  const aliases = new Map<string, string[]>();
  for (const { domain, aliasOf } of entries) {
    if (aliasOf !== undefined) aliases.set(aliasOf, [...aliases.get(aliasOf) ?? [], domain]);
  }
  const [accepted, checking] = [await domains.control.accepted(), await domains.control.checkingRecipients()];
  const records = new Map<string, { readonly entry: DomainEntry; readonly record: DomainRecord }>();
  const real = entries.filter(({ domain, aliasOf }) => aliasOf === undefined && isWanted(domain));
  for (const entry of real.sort((one, other) => one.domain < other.domain ? -1 : 1)) {
    const { domain, uid, gid, directory } = entry;
    const record: DomainRecord = {
      name: domain,
      uid,
      gid,
      ...(directory === domains.directoryOf(domain) ? {} : { directory }),
      aliases: (aliases.get(domain) ?? []).sort(),
      accepted: accepted.has(domain),
      checkRecipients: checking.has(domain),
    };
    records.set(domain, { entry, record });
  }
  return records;
}

/** The files of a domain's folder that are carried, by name; `passedOver` hears of one that cannot be. */
export async function* folderFiles(
  { domain, directory }: Pick<DomainEntry, "domain" | "directory">,
  passedOver: (path: string, why: string) => void,
): AsyncGenerator<FileRecord> {
  let names: string[];
  try {
    names = await realDisk.readDirectory(directory);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new Temporary(`cannot read ${directory}: ${error}`);
    return passedOver(directory, "it is not there");
  }
  for (const name of names.filter(isCarriedFile).sort()) {
    const path = `${directory}/${name}`;
    const stat = await realDisk.lstat(path);
    if (stat.kind !== "file") passedOver(path, "it is no file");
    else if (stat.sizeBytes > FILE_BYTES_MAX) passedOver(path, `it has more than ${FILE_BYTES_MAX} bytes`);
    else yield { domain, name, bytes: new Uint8Array(await realDisk.readFile(path)) };
  }
}
