/**
 * A folder of services with a svscan that runs (the checkout's, or the compiled one of INDIMAIL_BIN), for tests of
 * processes: makes services, starts and kills svscan, reads status files and logs.
 */
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { readStand } from "../../tools/daemontools/supervision/stand.ts";
import type { Status } from "../../tools/daemontools/supervision/status.ts";
import { killChild } from "./kill_child.ts";

const EXECUTABLE = Deno.env.get("INDIMAIL_BIN");
const FLAGS = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options"];
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
/** A condition is waited for so long. */
const WAIT_MS_MAX = 60_000;
const LOOK_MS = 20;
const MODE = 0o755;

/** Waits until `look` gives something else than undefined or false. */
export async function until<T>(what: string, look: () => T | undefined | false): Promise<T> {
  const end = performance.now() + WAIT_MS_MAX;
  while (performance.now() < end) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  throw new Error(`waited in vain: ${what}`);
}

function script(path: string, lines: string): void {
  Deno.writeTextFileSync(path, `#!/bin/sh\n${lines}\n`, { mode: MODE });
}

/** What a service is made of; the log is a plain multilog line unless said otherwise. */
export interface ServiceFiles {
  readonly run: string;
  /** Shell commands of log/run; null: no log. */
  readonly log?: string | null;
  readonly files?: Readonly<Record<string, string>>;
}

/** See above. */
export class SvscanSite implements AsyncDisposable {
  readonly root: string = Deno.makeTempDirSync({ prefix: "indimail-svscan." });
  readonly folder: string = `${this.root}/service`;
  #child: Deno.ChildProcess | undefined;
  #errors: Promise<string> = Promise.resolve("");
  readonly #strays = new Set<number>();

  constructor() {
    Deno.mkdirSync(this.folder);
  }

  /** Makes a service whole, beside the folder, then moves it there. */
  add(name: string, { run, log = "exec multilog t ./main", files = {} }: ServiceFiles): void {
    const made = `${this.root}/made`;
    Deno.mkdirSync(log === null ? made : `${made}/log`, { recursive: true });
    script(`${made}/run`, run);
    if (log !== null) script(`${made}/log/run`, log);
    for (const [file, text] of Object.entries(files)) Deno.writeTextFileSync(`${made}/${file}`, text, { mode: MODE });
    Deno.renameSync(made, `${this.folder}/${name}`);
  }

  /** Starts svscan. */
  start(env: Readonly<Record<string, string>> = {}): void {
    const own = EXECUTABLE === undefined ? [...FLAGS, MAIN] : [];
    const child = new Deno.Command(EXECUTABLE ?? Deno.execPath(), {
      args: [...own, "svscan", "-v", this.folder],
      env: { DISABLE_RUN: "1", AUTOSCAN: "1", SCANINTERVAL: "1", ...env },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    this.#errors = new Response(child.stderr).text();
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Ends svscan by a signal; what it wrote on standard error. Its services may hold that open, so not after KILL. */
  async end(signal: Deno.Signal): Promise<string> {
    if (!this.#child) return "";
    killChild(this.#child, signal);
    await this.#child.status;
    this.#child = undefined;
    return signal === "SIGKILL" ? "" : await this.#errors;
  }

  status(name: string): Status | undefined {
    const stand = readStand(`${this.folder}/${name}`);
    return stand.kind === "known" ? stand.status : undefined;
  }

  /** The pid of a service once it is up. */
  async up(name: string): Promise<number> {
    const pid = await until(`${name} is up`, () => {
      const status = this.status(name);
      return status?.up ? status.pid : undefined;
    });
    if (pid !== this.pid) this.#strays.add(pid);
    return pid;
  }

  /** Everything in a log, old files first, without the labels. */
  log(name: string): string[] {
    const folder = `${this.folder}/${name}/log/main`;
    try {
      const files = [...Deno.readDirSync(folder)].map((entry) => entry.name).filter((file) => file.startsWith("@"))
        .sort();
      return [...files, "current"].flatMap((file) => Deno.readTextFileSync(`${folder}/${file}`).split("\n"))
        .filter((line) => line !== "").map((line) => line.replace(/^@[0-9a-f]{24} /, ""));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child) await this.end("SIGTERM");
    for (const pid of this.#strays) {
      if (tryReadProcessStatus(pid)) {
        try {
          Deno.kill(pid, "SIGKILL");
        } catch (error) {
          if (!(error instanceof Deno.errors.NotFound)) throw error;
        }
      }
    }
    await Deno.remove(this.root, { recursive: true });
  }
}
