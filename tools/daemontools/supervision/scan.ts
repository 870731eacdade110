/**
 * The services of a folder of folders: finds new ones, follows their files `down`, pairs each with its log, stops all in
 * order. All of them live in this process; only a ./run with the sticky bit gets a supervise of its own, because whose an
 * orphan is can be told by processes only [man svscan.9].
 */
import { errorText } from "../../../core/errors.ts";
import { pathExists } from "../../../core/path_exists.ts";
import type { Disk } from "../../../storage/disk.ts";
import type { AccountLogs } from "./account_logs.ts";
import { LogPipe } from "./log_pipe.ts";
import { openService, placeOfState } from "./open_service.ts";
import { NAME_BYTES_MAX } from "./places.ts";
import { pause, type ServiceWorld } from "./service.ts";
import { withEnvFolder } from "./service_plan.ts";
import { superviseByProcess, type Supervised } from "./supervise_process.ts";

/** Name of the folder for svscan's own script, variables and log. */
export const OWN_FOLDER = ".svscan";
/** Services started before other events get their turn. */
const BATCH = 8;

/** One folder. */
interface Entry {
  /** Device and inode: a renamed folder is the same service. */
  readonly key: string;
  name: string;
  isActive: boolean;
  /** There was no file down when it was last looked at. */
  isWanted: boolean;
  pipe: LogPipe | undefined;
  main: Supervised | undefined;
  log: Supervised | undefined;
}

/** How services are scanned for. */
export interface ScanOptions {
  /** Absolute. */
  readonly folder: string;
  readonly world: ServiceWorld;
  readonly env: Readonly<Record<string, string>>;
  /** Where state is mirrored; undefined: in the services' folders. */
  readonly mirror: string | undefined;
  /** Most services. */
  readonly servicesMax: number;
  readonly uid: number;
  readonly disk?: Disk;
  /** Keeps the logs of other accounts, when this is root. */
  readonly accounts?: AccountLogs;
}

/** How long to wait for what is to stop. Milliseconds. */
export interface StopWaits {
  readonly servicesMs: number;
  readonly logsMs: number;
}

/** See above. */
export class ServiceScan {
  readonly #options: ScanOptions;
  readonly #entries = new Map<string, Entry>();
  #scanning: Promise<boolean> | undefined;
  #again = false;
  #stopping = false;

  constructor(options: ScanOptions) {
    this.#options = options;
  }

  /** How many folders are known. */
  get size(): number {
    return this.#entries.size;
  }

  /** Looks at the folder; false when something could not be started and is to be tried again. */
  scan(): Promise<boolean> {
    this.#again = this.#scanning !== undefined;
    this.#scanning ??= this.#scanAll().finally(() => this.#scanning = undefined);
    return this.#scanning;
  }

  async #scanAll(): Promise<boolean> {
    let isFine: boolean;
    do {
      this.#again = false;
      isFine = await this.#scanOnce();
    } while (this.#again && !this.#stopping);
    return isFine;
  }

  async #scanOnce(): Promise<boolean> {
    let names: string[];
    try {
      names = [...Deno.readDirSync(this.#options.folder)].map(({ name }) => name);
    } catch (error) {
      this.#options.world.warn(`unable to read ${this.#options.folder}: ${errorText(error)}`);
      return false;
    }
    for (const entry of this.#entries.values()) entry.isActive = entry.name === OWN_FOLDER;
    let isFine = true;
    let started = 0;
    if (this.#options.mirror !== undefined) { for (const name of names) mirrorRename(this.#options.mirror, name); }
    for (const name of names.filter((name) => !name.startsWith(".")).sort()) {
      if (this.#stopping) return true;
      try {
        if (this.#look(name) && ++started % BATCH === 0) await pause(0, new AbortController().signal);
      } catch (error) {
        this.#options.world.warn(`${name}: ${errorText(error)}`);
        isFine = false;
      }
    }
    this.#dropEnded();
    return isFine;
  }

  /** True when something was started. */
  #look(name: string): boolean {
    const path = `${this.#options.folder}/${name}`;
    let stat: Deno.FileInfo;
    try {
      stat = Deno.statSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false; // a link to what is gone
      throw error;
    }
    if (!stat.isDirectory) return false;
    const key = `${stat.dev}:${stat.ino}`;
    let entry = this.#entries.get(key);
    if (!entry) {
      if (this.#entries.size >= this.#options.servicesMax) {
        this.#options.world.warn(`${name} is not started: there are ${this.#options.servicesMax} services (-n)`);
        return false;
      }
      const isWanted = !pathExists(`${path}/down`);
      entry = { key, name, isActive: true, isWanted, pipe: undefined, main: undefined, log: undefined };
      this.#entries.set(key, entry);
    }
    entry.isActive = true;
    entry.name = name;
    this.#followDown(entry, path);
    return this.#startMissing(entry, path);
  }

  #followDown(entry: Entry, path: string): void {
    const isWanted = !pathExists(`${path}/down`);
    if (entry.main && !entry.main.isGone && isWanted !== entry.isWanted) {
      this.#options.world.info(
        `${entry.name}: ${isWanted ? "start: no file down any more" : "stop: there is a file down"}`,
      );
      entry.main.command(isWanted ? "u" : "d");
    }
    entry.isWanted = isWanted;
  }

  #startMissing(entry: Entry, path: string): boolean {
    const hasLog = entry.name.length + 4 <= NAME_BYTES_MAX && pathExists(`${path}/log`);
    let started = false;
    if (hasLog && !(entry.log && !entry.log.isGone)) {
      entry.log = this.#startLog(entry, path);
      started = true;
    }
    if (entry.main && !entry.main.isGone) return started;
    if (!pathExists(`${path}/run`)) {
      this.#options.world.warn(`${entry.name} has no run yet`);
      return started;
    }
    this.#options.world.info(`starting service ${entry.name}`);
    entry.main = this.#startMain(entry, path);
    return true;
  }

  #environment(path: string, own: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const env = { ...this.#options.env, ...own };
    const folder = `${path}/.svars`;
    return pathExists(folder) ? withEnvFolder(env, folder, this.#options.world.warn) : env;
  }

  #startLog(entry: Entry, path: string): Supervised {
    const { world, mirror, uid, disk, accounts } = this.#options;
    const name = `${entry.name}/log`;
    const state = placeOfState(`${path}/log`, name, mirror);
    entry.pipe ??= new LogPipe(state);
    world.info(`starting service ${name}`);
    return openService({
      name,
      path: `${path}/log`,
      state,
      argument: mirror === undefined ? "log" : state.replace(/\/supervise$/, ""),
      env: this.#environment(`${path}/log`, { SV_PWD: entry.name }),
      input: entry.pipe,
      inside: { uid, ...(disk && { disk }), ...(accounts && { accounts }) },
    }, world);
  }

  #startMain(entry: Entry, path: string): Supervised {
    const { world, mirror } = this.#options;
    const env = this.#environment(path, { MAIN_SV: entry.name });
    const state = placeOfState(path, entry.name, mirror);
    if (((Deno.statSync(`${path}/run`).mode ?? 0) & 0o1000) !== 0) {
      const { name, pipe } = entry;
      return superviseByProcess({ name, pipe, env, cwd: this.#options.folder, control: `${state}/control` }, world);
    }
    return openService({
      name: entry.name,
      path,
      state,
      argument: mirror === undefined ? entry.name : state.replace(/\/supervise$/, ""),
      env,
      output: entry.pipe,
    }, world);
  }

  /** Starts the log of svscan itself; its pipe, or undefined when there is no such log. */
  startOwnLog(): LogPipe | undefined {
    const path = `${this.#options.folder}/${OWN_FOLDER}`;
    if (!pathExists(`${path}/log`)) return undefined;
    const entry: Entry = {
      key: OWN_FOLDER,
      name: OWN_FOLDER,
      isActive: true,
      isWanted: true,
      pipe: undefined,
      main: undefined,
      log: undefined,
    };
    entry.log = this.#startLog(entry, path);
    this.#entries.set(entry.key, entry);
    return entry.pipe;
  }

  #dropEnded(): void {
    for (const entry of this.#entries.values()) {
      if (entry.isActive || (entry.main && !entry.main.isGone) || (entry.log && !entry.log.isGone)) continue;
      entry.pipe?.close();
      this.#entries.delete(entry.key);
    }
  }

  /** Stops the services, then the logs; says which ones would not end, and leaves those. */
  async stopAll(waits: StopWaits): Promise<void> {
    this.#stopping = true;
    await this.#scanning;
    const { warn } = this.#options.world;
    const entries = [...this.#entries.values()].filter(({ name }) => name !== OWN_FOLDER);
    const mains = entries.flatMap(({ name, main }) => main && !main.isGone ? [{ name, service: main }] : []);
    await stopSome(mains, waits.servicesMs, (name) => warn(`${name} has not stopped: it goes on, for the next svscan`));
    const logs = entries.flatMap(({ name, log, pipe }) => log && !log.isGone ? [{ name, service: log, pipe }] : []);
    await stopLogs(logs, waits.logsMs, (name) => warn(`${name}/log has not stopped: it goes on, for the next svscan`));
    for (const { pipe } of entries) pipe?.close();
  }

  /** Stops svscan's own log, last. */
  async stopOwnLog(waitMs: number): Promise<void> {
    const entry = this.#entries.get(OWN_FOLDER);
    if (entry?.log) await stopSome([{ name: OWN_FOLDER, service: entry.log }], waitMs, () => {});
    entry?.pipe?.close();
  }
}

/** A service that was taken out of service by a dot before its name is found under that name in the mirror, too. */
function mirrorRename(mirror: string, name: string): void {
  if (!name.startsWith(".") || name === OWN_FOLDER) return;
  const [from, to] = [`${mirror}/${name.slice(1)}`, `${mirror}/${name}`];
  if (pathExists(from) && !pathExists(to)) Deno.renameSync(from, to);
}

/** Something to stop. */
interface Stoppable {
  readonly name: string;
  readonly service: Supervised;
}

async function untilGone(services: readonly Stoppable[], waitMs: number): Promise<readonly Stoppable[]> {
  const enough = new AbortController();
  await Promise.race([Promise.all(services.map(({ service }) => service.exited)), pause(waitMs, enough.signal)]);
  enough.abort();
  return services.filter(({ service }) => !service.isGone);
}

async function stopSome(services: readonly Stoppable[], waitMs: number, left: (name: string) => void): Promise<void> {
  for (const { service } of services) service.stop();
  for (const { name, service } of await untilGone(services, waitMs)) {
    left(name);
    service.abandon();
  }
}

/** A log that is a process reads on to the end of its pipe; TERM only for those that do not end then. */
async function stopLogs(
  logs: readonly (Stoppable & { readonly pipe: LogPipe | undefined })[],
  waitMs: number,
  left: (name: string) => void,
): Promise<void> {
  const processes = logs.filter(({ service }) => !service.isInside);
  for (const { service, pipe } of processes) {
    service.command("x");
    pipe?.close();
  }
  await stopSome(logs.filter(({ service }) => service.isInside), waitMs, left);
  await stopSome(await untilGone(processes, waitMs), waitMs, left);
}
