/**
 * What the injection programs see of their surroundings: environment with the defaults of defaultqueue/ on top, control
 * files, standard input in chunks. The variables they share are declared here, once.
 */
import type { Proc } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import type { ByteReader } from "../../core/stream.ts";
import { ControlFiles } from "../../storage/control/control.ts";

/** Variables that shape what qmail-queue does [man qmail-queue.9]. */
export const QUEUE_ENV = {
  QUEUEDIR: "folder of the queue to use; default: one of QUEUE_COUNT queues below QUEUE_BASE",
  QUEUE_COUNT: "number of queues to choose from; default 1",
  QUEUE_START: "number of the first of them; default 1",
  QUEUE_BASE: "folder of the queues",
  CONFSPLIT: "number of subfolders of mess and others, when the queue was made with another than 151",
  QQEH: "header lines added at delivery",
  FASTQUEUE: "set: no control file is looked at",
  QUARANTINE: "recipient that replaces all recipients; overrides control file quarantine",
  EXTRAQUEUE: "recipient added to every message; overrides control file extraqueue",
  MAILARCHIVE: "name of control file mailarchive",
  REMOVEHEADERS: "name of control file removeheaders",
  ENVHEADERS: "name of control file envheaders",
  ORIGINIPFIELD: "header field that gets the address of a client that relays; overrides control file originipfield",
  RELAYCLIENT: "set: the client may relay",
  HIDE_HOST: "set: the Received line has neither host nor address",
  HOSTNAME: "name of this host in the Received line; default control file me",
  TCPREMOTEIP: "address of the client, for the Received line",
} as const;

/** Control files that qmail-queue reads. */
export const QUEUE_CONTROL = [
  "me",
  "extraqueue",
  "quarantine",
  "mailarchive",
  "removeheaders",
  "envheaders",
  "originipfield",
] as const;

/** Variables of programs that call qmail-queue. */
export const INJECT_ENV = {
  ...QUEUE_ENV,
  QMAILQUEUE: "program to run instead of qmail-queue",
  SKIP_LOCAL_ENVIRONMENT: "set: ~/.defaultqueue is not read",
  HOME: "folder of .defaultqueue",
} as const;

/** The surroundings of an injection. */
export interface InjectWorld {
  readonly proc: Proc;
  readonly control: ControlFiles;
  env(name: string): string | undefined;
}

/** The surroundings of a program; with `defaults` also what the folders defaultqueue/ say [spec formats 7]. */
export function createWorld(proc: Proc, options: { readonly defaults: boolean }): InjectWorld {
  const control = new ControlFiles(proc.paths.control);
  const overlay = new Map<string, string>();
  if (options.defaults) {
    if (proc.env.get("QUEUE_BASE") === undefined) readEnvironmentFolder(`${proc.paths.control}/defaultqueue`, overlay);
    const home = proc.env.get("HOME");
    const skipped = proc.env.get("SKIP_LOCAL_ENVIRONMENT") ?? proc.env.get("FASTQUEUE");
    if (home && proc.uid !== 0 && skipped === undefined) readEnvironmentFolder(`${home}/.defaultqueue`, overlay);
  }
  return {
    proc,
    control,
    env: (name) => overlay.has(name) ? overlay.get(name) || undefined : proc.env.get(name),
  };
}

/** A folder of variables, as envdir reads it: the first line of each file; an empty file unsets. */
function readEnvironmentFolder(path: string, into: Map<string, string>): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(path)];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return;
    throw error;
  }
  for (const { name, isDirectory } of entries) {
    if (isDirectory || name.startsWith(".") || name.includes("=")) continue;
    const text = latin1Text(Deno.readFileSync(`${path}/${name}`));
    into.set(name, text.split("\n", 1)[0]!.replace(/[ \t]+$/, "").replaceAll("\0", "\n"));
  }
}

const CHUNK_BYTES = 64 * 1024;

/** What a reader has, chunk by chunk; each is valid until the next. */
export async function* chunksOf(reader: ByteReader): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(CHUNK_BYTES);
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    yield buffer.subarray(0, count);
  }
}
