/** Files in a user's home that commands write: date folders and the answer to mail during a vacation [man vmoduser.9]. */
import { latin1Text } from "../../core/bytes.ts";
import { Permanent } from "../../core/errors.ts";
import { findProgram, selfCommand } from "../../core/self.ts";
import type { ByteReader } from "../../core/stream.ts";
import type { Command } from "./command.ts";
import { type DomainEntry, removeTree } from "./domain_store.ts";
import { inputFile } from "./input_file.ts";
import { addLine, removeLines, writeLineFile } from "./line_file.ts";

/** Where programs of the package are, in the order of the original's line and of a delivery's PATH. */
const DELIVERY_PATH = "/usr/bin:/usr/local/bin:/bin:/usr/sbin:/sbin";
/** In a user's home where mail is answered: the text. */
export const VACATION_FILE = ".vacation.msg";
/** Longest text of an answer, bytes. */
const MESSAGE_BYTES_MAX = 1024 * 1024;
/** Longest format of a date folder; the name made of it may be longer. */
const FORMAT_MAX = 100;

/** Sets the strftime format of folders that mail is delivered into; empty removes it [spec formats 5]. */
export async function setDateFolder(
  command: Command,
  domain: DomainEntry,
  change: { readonly user: { readonly home: string }; readonly format: string },
): Promise<void> {
  const path = `${change.user.home}/Maildir/folder.dateformat`;
  if (change.format === "") return await removeTree(command.disk, path);
  if (/[/\p{Cc}]|^\.\.?$/u.test(change.format) || change.format.length > FORMAT_MAX) {
    throw new Permanent(`-D ${JSON.stringify(change.format)}: not a folder's name of at most ${FORMAT_MAX} characters`);
  }
  await command.users.makeHome(change.user, domain);
  await writeLineFile(command.disk, path, [change.format]);
}

/** The text to answer with: of a file, or of `stdin` for `+`; undefined for `-`, which ends the answers. Throws Permanent. */
export async function vacationText(command: Command, file: string, stdin: ByteReader): Promise<string | undefined> {
  if (file === "-") return undefined;
  return file === "+" ? await readAll(stdin) : await readMessage(command, file);
}

/** Sets up the autoresponder with a text; without one removes it [spec formats 26]. The caller holds DomainStore's lock. */
export async function setVacation(
  command: Command,
  domain: DomainEntry,
  change: { readonly user: { readonly home: string }; readonly text: string | undefined },
): Promise<void> {
  const { disk } = command;
  const { text } = change;
  const { home } = change.user;
  const call = `autoresponder -q ${home}/${VACATION_FILE} ${home}/.vacation.dir`;
  if (text === undefined) {
    await removeLines(disk, `${home}/.qmail`, (one) => isCall(one, call) || one === "./Maildir/");
    for (const name of [VACATION_FILE, ".vacation.dir"]) await removeTree(disk, `${home}/${name}`);
    if (await isEmpty(command, `${home}/.qmail`)) await removeTree(disk, `${home}/.qmail`);
    return;
  }
  await command.users.makeHome(change.user, domain);
  await disk.mkdir(`${home}/.vacation.dir`, { recursive: true, mode: 0o700 });
  await writeLineFile(disk, `${home}/${VACATION_FILE}`, text.replace(/\n$/, "").split("\n"));
  await removeLines(disk, `${home}/.qmail`, (one) => isCall(one, call));
  await addLine(disk, `${home}/.qmail`, `| ${autoresponderFolder()}${call}`);
  await addLine(disk, `${home}/.qmail`, "./Maildir/");
  if (Deno.uid() !== 0) return;
  for (const name of [".vacation.dir", VACATION_FILE, ".qmail"]) {
    await disk.chown(`${home}/${name}`, domain.uid, domain.gid);
  }
}

/** A line of ours, wherever the program was when it was written. */
function isCall(line: string, call: string): boolean {
  return line.startsWith("| ") && (line.endsWith(`/${call}`) || line.endsWith(` ${call}`));
}

/** What stands before the program's name: the folder where a delivery finds it, or the executable that it is part of. */
function autoresponderFolder(): string {
  const found = findProgram("autoresponder", DELIVERY_PATH);
  if (found !== undefined) return found.slice(0, -"autoresponder".length);
  const { program, args } = selfCommand({ mainUrl: new URL("../../main.ts", import.meta.url).href }, "");
  return [program, ...args].filter((word) => word !== "").map(shellWord).join(" ") + " ";
}

function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

async function isEmpty(command: Command, path: string): Promise<boolean> {
  try {
    return (await command.disk.stat(path)).sizeBytes === 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function readMessage(command: Command, path: string): Promise<string> {
  return checkedText(await inputFile(path, (name) => command.disk.readFile(name)));
}

async function readAll(stdin: ByteReader): Promise<string> {
  const buffer = new Uint8Array(MESSAGE_BYTES_MAX + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = await stdin.read(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return checkedText(buffer.subarray(0, length));
}

/** One character a byte: written back as it came. */
function checkedText(bytes: Uint8Array): string {
  if (bytes.length > MESSAGE_BYTES_MAX) throw new Permanent(`the text is longer than ${MESSAGE_BYTES_MAX} bytes`);
  return latin1Text(bytes);
}
