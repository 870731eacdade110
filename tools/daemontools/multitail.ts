/** multitail: shows what is added to logs of multilog, across their rotation. A program of our own behind an old name. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";

/** Lines of the end of a log that are shown first. */
const LINES_DEFAULT = 10;
const LINES_MAX = 1_000_000;
const READ_BYTES = 64 * 1024;
/** How often a log is looked at: multilog writes at once what it reads. */
const POLL_MS = 200;
const LF = 10;

/** The program. */
export const applet = defineApplet({
  names: ["multitail"],
  section: 1,
  summary: "show what is added to logs of multilog",
  role: "text",
  dialect: "chain",
  options: {
    lines: { flag: "n", value: "lines", default: "10", help: "begin with that many lines that are there already" },
    once: { flag: "1", help: "end there, without waiting for more" },
  },
  operands: [{ name: "folder", help: "a log of multilog, or a file", repeat: true }],
  description:
    `multitail prints the last lines of the file current of each folder, and then what is added, until TERM or INT. When
multilog makes current an old file the rest of that is printed first, so no line is left out. With several folders a line
==> FOLDER <== says which one the lines behind it are from. A folder without current is waited for.`,
  exits: { "111": "a log cannot be read" },
  examples: [{ command: "multitail /var/log/svc/smtp | tai64nlocal", help: "watch a service" }],
  seeAlso: ["multilog(8)", "tai64nlocal(8)", "tail(1)"],
  source: ["[spec indimail.7]"],
  async run(proc) {
    const lines = Number(proc.options.lines ?? LINES_DEFAULT);
    if (!(Number.isInteger(lines) && lines >= 0 && lines <= LINES_MAX)) {
      throw new Usage(`-n ${proc.options.lines}: a number of lines up to ${LINES_MAX}`);
    }
    const stopping = proc.stopping;
    const logs = proc.args.map((folder) => new FollowedLog(folder));
    const output = new Headed(proc, logs.length > 1);
    try {
      for (const log of logs) {
        log.open();
        log.skip(lines);
      }
      do {
        for (const log of logs) await log.follow((bytes) => output.write(log.folder, bytes));
        if (proc.options.once) continue;
        await proc.clock.sleep(POLL_MS, stopping).catch(() => {}); // stopped: the loop ends
      } while (!proc.options.once && !stopping.aborted);
    } finally {
      for (const log of logs) log.close();
    }
  },
});

/** Standard output with a line before the bytes of another log. */
class Headed {
  readonly #proc: Pick<Proc, "stdout">;
  readonly #headed: boolean;
  #last: string | undefined;

  constructor(proc: Pick<Proc, "stdout">, headed: boolean) {
    this.#proc = proc;
    this.#headed = headed;
  }

  async write(folder: string, bytes: Uint8Array): Promise<void> {
    if (this.#headed && this.#last !== folder) {
      await this.#proc.stdout.write(new TextEncoder().encode(`==> ${folder} <==\n`));
    }
    this.#last = folder;
    await this.#proc.stdout.write(bytes);
  }
}

/** A log whose current file is followed through its renaming. */
class FollowedLog {
  readonly folder: string;
  readonly #path: string;
  #file: Deno.FsFile | undefined;
  #inode: number | null = null;

  constructor(folder: string) {
    this.folder = folder;
    this.#path = isFolder(folder) ? `${folder}/current` : folder;
  }

  /** Opens what the name stands for now; absent is no error. Throws Temporary. */
  open(): void {
    try {
      this.#file = Deno.openSync(this.#path);
      this.#inode = this.#file.statSync().ino;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) {
        throw new Temporary(`unable to read ${this.#path}: ${errorText(error)}`);
      }
    }
  }

  /** Goes to the start of the last lines. */
  skip(lines: number): void {
    const file = this.#file;
    if (!file) return;
    let left = lines;
    let at = file.statSync().size;
    const buffer = new Uint8Array(READ_BYTES);
    while (at > 0) {
      const start = Math.max(0, at - buffer.length);
      file.seekSync(start, Deno.SeekMode.Start);
      const count = file.readSync(buffer.subarray(0, at - start)) ?? 0;
      for (let place = count - 1; place >= 0; place--) {
        const endsLine = buffer[place] === LF && start + place + 1 < file.statSync().size;
        if (endsLine && --left === 0 || lines === 0) {
          file.seekSync(lines === 0 ? 0 : start + place + 1, lines === 0 ? Deno.SeekMode.End : Deno.SeekMode.Start);
          return;
        }
      }
      at = start;
    }
    file.seekSync(0, Deno.SeekMode.Start);
  }

  /** Prints what was added, and goes on to the next files when the name stands for another. */
  async follow(print: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const renamed = inodeOf(this.#path) !== this.#inode; // asked first: what is read then is all of the old file
    if (this.#file) await printRest(this.#file, print);
    if (!renamed) return;
    const before = this.#inode;
    this.close();
    this.open();
    for (const path of this.#missed(before)) {
      using file = tryOpen(path);
      if (file) await printRest(file, print);
    }
    if (this.#file) await printRest(this.#file, print);
  }

  /** Old files between the one that was read last and the one that is open now. */
  #missed(before: number | null): string[] {
    const folder = this.#path.slice(0, -"/current".length);
    if (folder !== this.folder || before === null) return [];
    const old = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.startsWith("@")).sort()
      .map((name) => ({ path: `${folder}/${name}`, inode: inodeOf(`${folder}/${name}`) }));
    const last = old.findIndex(({ inode }) => inode === before);
    if (last < 0) return []; // a processor made something else of it
    return old.slice(last + 1).filter(({ inode }) => inode !== this.#inode).map(({ path }) => path);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
    this.#inode = null;
  }
}

/** Prints from where the file is read to its end. */
async function printRest(file: Deno.FsFile, print: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = file.readSync(buffer) ?? 0;
    if (count === 0) return;
    await print(buffer.subarray(0, count));
  }
}

function tryOpen(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined; // multilog keeps only so many
    throw error;
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

function inodeOf(path: string): number | null {
  try {
    return Deno.statSync(path).ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
