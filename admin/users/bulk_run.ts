/** vadduser with a file: opens it, shows how far it is, tells what was refused, and sums up. */
import type { Proc } from "../../core/applet.ts";
import { errorText, Permanent } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { Command } from "../../storage/accounts/command.ts";
import { checkDomainName, shown } from "../../storage/accounts/names.ts";
import { randomPasswordOf } from "../../storage/accounts/password_choice.ts";
import { postHandleOf, runPostHandle } from "../../storage/accounts/post_handle.ts";
import { BulkAdder, type BulkTotals, LineRefused } from "./bulk_add.ts";
import type { BulkOptions } from "./bulk_candidates.ts";
import { ProgressBar } from "./progress_bar.ts";
import { addedText } from "./user_report.ts";

/** What vadduser was given. */
export interface FileOptions extends Pick<BulkOptions, "random" | "comment" | "quota" | "inactive" | "places"> {
  readonly makeDirectory: boolean;
  readonly keepGoing: boolean;
  readonly verbose: boolean;
  readonly csv: string | undefined;
  readonly vpasswd: string | undefined;
  readonly domain: string | undefined;
  readonly encrypted: boolean;
  readonly hash: string | undefined;
  readonly scram: string | undefined;
  readonly clear: boolean;
  readonly salt: string | undefined;
  readonly iterations: string | undefined;
}

/** What a run needs of its program. */
export type BulkProc = Pick<Proc, "name" | "paths" | "env" | "stdin" | "stdout" | "stderr" | "clock" | "spawn">;

/** An input with the bytes read of it so far. */
interface Source extends ByteReader {
  readonly bytes: number;
  readonly bytesAll: number | undefined;
  close(): void;
}

/** Adds the users of a file; the exit code. Throws Permanent with file and line at the first wrong one, unless told to go on. */
export async function addFile(proc: BulkProc, command: Command, options: FileOptions): Promise<number> {
  const path = options.csv ?? options.vpasswd ?? "-";
  const file = path === "-" ? "standard input" : path;
  if (options.random !== undefined) randomPasswordOf(options.random); // a wrong length is found before the file is read
  const source = openSource(proc, path);
  const bar = new ProgressBar(Deno.stderr.isTerminal() ? proc.stderr : undefined, () => proc.clock.nowMs());
  const write = async (to: "stdout" | "stderr", text: string) => {
    await bar.clear();
    await proc[to].write(new TextEncoder().encode(text));
  };
  let told = "";
  const adder = new BulkAdder(command, bulkOptions(proc, command, options), {
    password: (line) => write("stdout", line),
    added(row) {
      if (options.verbose) told += addedText(row);
      return Promise.resolve();
    },
    refused: ({ line, fault }) => write("stderr", `${proc.name}: ${file}:${line}: ${fault}\n`),
    handle: postHandleOf(proc) === undefined
      ? undefined
      : (address) => runPostHandle(proc, [address], { stdin: "null" }),
    async progress({ added, present, refused }) {
      if (told !== "") await write("stdout", told);
      told = "";
      await bar.draw({ users: added + present, refused, bytes: source.bytes, bytesAll: source.bytesAll });
    },
  });
  let isDone = false;
  try {
    await adder.addAll(source, options.csv === undefined ? "vpasswd" : "csv");
    isDone = true;
  } catch (error) {
    if (error instanceof LineRefused) throw new Permanent(`${file}:${error.line}: ${errorText(error)}`);
    throw error instanceof Permanent ? new Permanent(`${file}: ${errorText(error)}`) : error;
  } finally {
    source.close();
    await write("stderr", `${proc.name}: ${summary(adder.totals)}${isDone ? "" : "; run it again for the rest"}\n`);
    if (adder.totals.added > 0) await command.forget();
  }
  return adder.totals.refused === 0 ? EXIT_DIALECTS.admin.ok : EXIT_DIALECTS.admin.permanent;
}

function summary({ added, present, refused }: BulkTotals): string {
  return `${added} added, ${present} were there already, ${refused} refused`;
}

function bulkOptions(proc: BulkProc, command: Command, options: FileOptions): BulkOptions {
  const { encrypted, hash, scram, clear, salt, iterations, domain } = options;
  const usual = command.control.line("envnoathost") ?? command.control.line("me");
  return {
    ...options,
    password: { encrypted, hash, scram, clear, salt, iterations },
    defaultDomain: domain === undefined ? usual : checkDomainName(domain),
    environment: { limits: proc.env.get("DOMAIN_LIMITS"), hash: proc.env.get("PASSWORD_HASH") },
  };
}

function openSource(proc: BulkProc, path: string): Source {
  const opened = path === "-" ? undefined : openFile(path);
  let bytes = 0;
  return {
    async read(into) {
      const count = await (opened ? opened.file.read(into) : proc.stdin.read(into));
      bytes += count ?? 0;
      return count;
    },
    get bytes() {
      return bytes;
    },
    bytesAll: opened?.bytesAll,
    close: () => opened?.file.close(),
  };
}

/** The file and its size; a pipe has none. */
function openFile(path: string): { readonly file: Deno.FsFile; readonly bytesAll: number | undefined } {
  try {
    const file = Deno.openSync(path, { read: true });
    const { isFile, isDirectory, size } = file.statSync();
    if (!isDirectory) return { file, bytesAll: isFile ? size : undefined };
    file.close();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new Permanent(`there is no file ${shown(path)}`);
    throw new Permanent(`cannot read ${shown(path)}: ${errorText(error)}`);
  }
  throw new Permanent(`${shown(path)} is a folder`);
}
