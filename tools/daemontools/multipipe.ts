/** multipipe: copies standard input to a supervised service for each folder [man multipipe.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { Part } from "./part.ts";
import { SignalInput } from "./signal_input.ts";

const READ_BYTES = 64 * 1024;
/** How often folders are looked for [man multipipe.1]. */
const SCAN_MS = 5000;
/** How long services may take to read the rest at the end of input, before they are told to end. */
const REST_MS = 5000;
/** Most folders. */
const READERS_MAX = 1000;

/** The program. */
export const applet = defineApplet({
  names: ["multipipe"],
  section: 1,
  summary: "copy standard input to supervised services",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [{ name: "folder", help: "where the services are; the current folder unless given", optional: true }],
  description:
    `multipipe starts supervise for each folder in the folder, with a pipe as its standard input, and copies its own standard
input to every such pipe; the slowest reader sets the pace. Folders named supervise, or beginning with a dot, are left out.
Every five seconds it looks for new folders; the pipe of a folder that is gone is closed.

At TERM, INT and QUIT it runs svc -dx on each folder and waits for all to end. At the end of input it closes the pipes, lets
the services read what is in them, and tells those to end that have not after five seconds.`,
  exits: { "0": "all services are down", "111": "the folder cannot be read" },
  examples: [{ command: "tail -F log | multipipe /service/readers", help: "several programs that read one stream" }],
  seeAlso: ["spipe(1)", "teepipe(1)", "supervise(8)", "svc(8)"],
  source: ["[man multipipe.1]"],
  async run(proc) {
    const folder = proc.args[0];
    try {
      if (folder !== undefined) Deno.chdir(folder);
    } catch (error) {
      throw new Temporary(`unable to change to ${folder}: ${errorText(error)}`);
    }
    const input = new SignalInput();
    let asked = false;
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
      proc.onSignal(signal, () => {
        asked = true;
        input.interrupt();
      });
    }
    const readers = new Readers(proc);
    await readers.scan();
    const timer = setInterval(() => void readers.scan(), SCAN_MS);
    const buffer = new Uint8Array(READ_BYTES);
    while (!asked) {
      const count = await input.read(buffer);
      if (count === null) break;
      if (count !== undefined) await readers.write(buffer.subarray(0, count));
    }
    clearInterval(timer);
    if (!asked) await readers.finish(REST_MS);
    await readers.stop();
  },
});

/** The services. */
class Readers {
  readonly #proc: Proc;
  readonly #readers = new Map<number, Part>();
  /** A scan and a write must not overlap. */
  #last: Promise<void> = Promise.resolve();

  constructor(proc: Proc) {
    this.#proc = proc;
  }

  /** Starts services for new folders, closes the pipes of those that are gone. */
  scan(): Promise<void> {
    this.#last = this.#last.then(() => this.#scan()).catch((error: unknown) => this.#say(errorText(error)));
    return this.#last;
  }

  async #scan(): Promise<void> {
    const present = new Set<number>();
    for (const { name } of Deno.readDirSync(".")) {
      if (name.startsWith(".") || name === "supervise") continue;
      const stat = statOf(name);
      if (!stat?.isDirectory || stat.ino === null) continue;
      present.add(stat.ino);
      if (!this.#readers.has(stat.ino) && this.#readers.size < READERS_MAX) {
        this.#readers.set(stat.ino, await Part.start(this.#proc, name, { 0: "pipe-in", 1: 1 }));
      }
    }
    for (const [inode, reader] of this.#readers) {
      if (present.has(inode) && reader.running) continue;
      this.#readers.delete(inode);
      closePipe(reader);
    }
  }

  /** Gives the bytes to all; resolves when the slowest has them. */
  write(bytes: Uint8Array): Promise<void> {
    this.#last = this.#last.then(async () => {
      await Promise.all([...this.#readers.values()].map(async (reader) => {
        if (!reader.running) return;
        try {
          await reader.child.writers.get(0)?.write(bytes);
        } catch (error) {
          reader.running = false;
          await this.#say(`${reader.folder} reads no more: ${errorText(error)}`);
        }
      }));
    });
    return this.#last;
  }

  /** Closes the pipes, and waits so long for services that end by themselves then. */
  async finish(waitMs: number): Promise<void> {
    const running = [...this.#readers.values()].filter((reader) => reader.running);
    running.forEach(closePipe);
    await Promise.all(running.map((reader) => reader.tell("ox")));
    const stop = new AbortController();
    const ended = Promise.all(running.map(({ ended }) => ended)).then(() => stop.abort());
    const waited = this.#proc.clock.sleep(waitMs, stop.signal).catch(() => {}); // stopped before its time
    await Promise.race([ended, waited]);
  }

  /** Tells all services to end and waits for them. */
  async stop(): Promise<void> {
    await this.#last;
    await Promise.all(
      [...this.#readers.values()].filter((reader) => reader.running).map(async (reader) => {
        await reader.tell("dx");
        await reader.ended;
      }),
    );
    this.#readers.forEach(closePipe);
  }

  async #say(text: string): Promise<void> {
    await this.#proc.stderr.write(new TextEncoder().encode(`${this.#proc.name}: warning: ${text}\n`));
  }
}

function closePipe({ child }: Part): void {
  child.writers.get(0)?.close();
}

function statOf(name: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
