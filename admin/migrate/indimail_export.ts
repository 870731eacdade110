/**
 * indimail export: writes everything about accounts, of all domains or of some, as JSON lines that `indimail import` reads
 * into the same or the other kind of database.
 */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { realDisk } from "../../storage/disk.ts";
import { checkDomainName } from "../../storage/accounts/names.ts";
import { tableNames } from "../../storage/accounts/open_database.ts";
import { openSnapshot, type Snapshot } from "../../storage/accounts/snapshot.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { DomainStore } from "../../storage/accounts/domain_store.ts";
import { domainRecords, folderFiles } from "./domain_records.ts";
import { formatDomain, formatEnd, formatFile, HEADER } from "./exchange_lines.ts";
import { checkFileName } from "./exchange_reader.ts";
import { rowLines } from "./export_rows.ts";
import { ProgressLine } from "./progress.ts";

/** Mode of the file: it holds password hashes. */
const FILE_MODE = 0o600;
/** Characters that are gathered before they are written. */
const CHUNK_CHARACTERS = 256 * 1024;
/** Most domains named at once: each is a value or two of every statement. */
const DOMAINS_MAX = 1000;

/** Where the lines go. */
interface Sink {
  write(bytes: Uint8Array): Promise<void>;
  /** All is written. */
  finish(): Promise<void>;
  /** Nothing is to be left of it. */
  abort(): Promise<void>;
}

async function openSink(path: string | undefined, stdout: { write(bytes: Uint8Array): Promise<void> }): Promise<Sink> {
  const nothing = () => Promise.resolve();
  if (path === undefined) return { write: (bytes) => stdout.write(bytes), finish: nothing, abort: nothing };
  const temporary = `${checkFileName(path)}.new`;
  const slash = path.lastIndexOf("/");
  const folder = slash < 0 ? "." : path.slice(0, slash) || "/";
  const refused = (error: unknown) => new Temporary(`cannot write ${path}: ${(error as Error).message}`);
  const orRefused = <T>(done: Promise<T>) =>
    done.catch((error) => {
      throw refused(error);
    });
  await realDisk.unlink(temporary).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw refused(error);
  });
  const file = await orRefused(realDisk.open(temporary, { write: true, createNew: true, mode: FILE_MODE }));
  return {
    write: (bytes) => orRefused(file.append(bytes)),
    async finish() {
      await orRefused(file.sync({ metadata: true }));
      await orRefused(realDisk.rename(temporary, path));
      await orRefused(realDisk.syncDirectory(folder));
      file.close();
    },
    async abort() {
      file.close();
      await realDisk.unlink(temporary).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw refused(error);
      });
    },
  };
}

export const applet = defineApplet({
  names: ["indimail-export"],
  section: 8,
  summary: "write all accounts as JSON lines",
  role: "admin",
  dialect: "admin",
  options: {
    output: { flag: "o", long: "output", value: "file", help: "write that file, for its owner only" },
  },
  operands: [{ name: "domain", help: "only of these domains; default all", optional: true, repeat: true }],
  description:
    `Writes domains with their alias domains and the control files of their folders, users active and inactive
with password hashes and SCRAM credentials as they are stored, aliases, limits, filters, quota marks, last logins, state
of the directory tree, waiting bulletins and the rest of the local tables. Mail is not in it, nor the log of logins, nor
POP before SMTP. Everything is of one moment, while the server works, and takes no more memory for a million users than
for ten.

The lines are in an order that depends on what they say only: exporting, importing and exporting again gives the same
file, from SQLite to MySQL or back. The last line has the number of lines before it, so that a file that was cut off is
known.

The file is as secret as the database.`,
  env: MYSQL_ENV,
  control: ["host.mysql"],
  exits: { 0: "all is written", 1: "nothing is: a domain is unknown, or the database or the file failed" },
  examples: [
    { command: "indimail export -o accounts.jsonl", help: "all accounts" },
    { command: "indimail export example.org | ssh other indimail import", help: "one domain, to another host" },
  ],
  seeAlso: ["indimail-import(8)", "indimail-adopt(8)", "vuserinfo(1)"],
  source: ["[decision 0078]"],
  async run(proc) {
    if (proc.args.length > DOMAINS_MAX) throw new Permanent(`more than ${DOMAINS_MAX} domains: export all of them`);
    const wanted = proc.args.length === 0 ? undefined : [...new Set(proc.args.map(checkDomainName))].sort();
    const env = (name: string) => proc.env.get(name);
    const control = new ControlFiles(proc.paths.control);
    const snapshot = await openSnapshot({ paths: proc.paths, control, env });
    const progress = new ProgressLine(Deno.stderr.isTerminal() ? proc.stderr : undefined, () => proc.clock.nowMs());
    const told = (text: string) => void proc.stderr.write(utf8Bytes(`${proc.name}: ${text}\n`));
    try {
      const domains = new DomainStore(realDisk, proc.paths);
      await refuseUnknown(domains, wanted);
      const sink = await openSink(proc.options.output, proc.stdout);
      try {
        const lines = exportLines({ snapshot, domains, wanted, names: tableNames(env), told });
        await writeAll(sink, lines, progress);
        await sink.finish();
      } catch (error) {
        await sink.abort();
        throw error;
      }
    } finally {
      await progress.clear();
      await snapshot.close();
    }
  },
});

async function refuseUnknown(domains: DomainStore, wanted: readonly string[] | undefined): Promise<void> {
  for (const name of wanted ?? []) {
    const entry = await domains.find(name);
    if (!entry) throw new Permanent(`domain ${name} does not exist`);
    if (entry.aliasOf !== undefined) throw new Permanent(`${name} is an alias domain: export ${entry.aliasOf}`);
  }
}

/** What an export is made of. */
interface Exported {
  readonly snapshot: Snapshot;
  readonly domains: DomainStore;
  readonly wanted: readonly string[] | undefined;
  readonly names: ReturnType<typeof tableNames>;
  readonly told: (text: string) => void;
}

/** All lines but the last, some at a time. */
async function* exportLines({ snapshot, domains, wanted, names, told }: Exported): AsyncGenerator<readonly string[]> {
  yield [HEADER];
  const records = await domainRecords(domains, (domain) => wanted?.includes(domain) ?? true);
  for (const { record } of records.values()) yield [formatDomain(record)];
  for (const { entry } of records.values()) {
    const passedOver = (path: string, why: string) => told(`${path} is not exported: ${why}`);
    for await (const file of folderFiles(entry, passedOver)) yield [formatFile(file)];
  }
  yield* rowLines({ snapshot, names, domains: wanted, told });
}

async function writeAll(sink: Sink, batches: AsyncIterable<readonly string[]>, progress: ProgressLine): Promise<void> {
  const encoder = new TextEncoder();
  let lines = 0;
  let text = "";
  for await (const batch of batches) {
    lines += batch.length;
    text += batch.join("");
    if (text.length < CHUNK_CHARACTERS) continue;
    await sink.write(encoder.encode(text));
    text = "";
    await progress.draw(lines);
  }
  await sink.write(encoder.encode(text + formatEnd(lines)));
}
