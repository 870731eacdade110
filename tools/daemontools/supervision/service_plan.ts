/**
 * A service's folder as a plan: which process ./run becomes with which environment and descriptors, what runs before,
 * after and beside it [man supervise.9]. The log of a service is planned here too; a plain one needs no process.
 */
import type { ProcessEnd } from "../../../core/applet.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { accountByName, groupsOf } from "../../../core/libc/account.ts";
import { spawnProcess, type UserIds } from "../../../core/libc/process.ts";
import type { Disk } from "../../../storage/disk.ts";
import { EnvFolder } from "../env_folder.ts";
import { LogJob } from "./log_job.ts";
import type { LogPipe } from "./log_pipe.ts";
import { type PlainLog, tryParseLogRun } from "./log_run.ts";
import { ProcessJob, watchProcess } from "./process_job.ts";
import { findStartedIn, isRunning, markOf, markOfNext } from "./process_mark.ts";
import type { Job, JobSignal, ServicePlan, ServiceWorld, StartReason } from "./service.ts";
import type { AccountLogs } from "./account_logs.ts";
import type { ServiceFiles } from "./service_files.ts";
import type { ServiceFolder } from "./service_folder.ts";
import { waitForOther } from "./wait_file.ts";

/** Permission to enter a folder, for others: ./variables without it stands alone [man supervise.9]. */
const OTHERS_ENTER = 0o001;
/** The largest signal number. */
const SIGNAL_MAX = 64;

/** What is known of a service before its folder is read. */
export interface ServiceSpec {
  /** Name in messages. */
  readonly name: string;
  /** First argument of ./run, ./alert and ./shutdown. */
  readonly argument: string;
  readonly folder: ServiceFolder;
  readonly files: ServiceFiles;
  readonly env: Readonly<Record<string, string>>;
  /** Where its standard output goes: a pipe, or where ours goes. */
  readonly output?: LogPipe | undefined;
  /** What it reads, when it is a log. */
  readonly input?: LogPipe | undefined;
  /** A log may be kept inside this process. */
  readonly inside?: { readonly uid: number; readonly disk?: Disk; readonly accounts?: AccountLogs } | undefined;
  /** This process exists for this service: orphans are the service's. */
  readonly subreaper?: boolean;
}

/** `env` changed by the files of a folder, when there is that folder. Throws Temporary. */
export function withEnvFolder(
  env: Readonly<Record<string, string>>,
  folder: string,
  warn: (text: string) => void,
): Record<string, string> {
  const result = { ...env };
  for (const [name, value] of new EnvFolder({ ignoreUnreadable: false, warn }).read(folder)) {
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}

class FolderPlan implements ServicePlan {
  readonly name: string;
  readonly files: ServiceFiles;
  readonly wanted: boolean;
  readonly stopSignal: JobSignal;
  readonly signalsGroup: boolean;
  readonly #spec: ServiceSpec;
  readonly #world: ServiceWorld;

  constructor(spec: ServiceSpec, world: ServiceWorld) {
    this.#spec = spec;
    this.#world = world;
    this.name = spec.name;
    this.files = spec.files;
    this.wanted = !spec.folder.has("down");
    const asked = Number(spec.env.SHUTDOWN_SIGNAL ?? "");
    this.stopSignal = Number.isInteger(asked) && asked > 0 && asked <= SIGNAL_MAX ? asked : "SIGTERM";
    this.signalsGroup = spec.env.SETPGID !== undefined || (spec.subreaper ?? false);
  }

  async start(reason: StartReason, ended: (end: ProcessEnd | undefined) => void): Promise<Job> {
    const plain = this.#plainLog();
    if (plain) {
      return await (plain.user ? this.#startAccountLog(plain, plain.user, ended) : this.#startLog(plain, ended));
    }
    const { files } = this.#spec;
    const env = this.#runEnvironment();
    files.writeNote(markOfNext());
    let pid: number | undefined;
    try {
      pid = this.#spawn("./run", ["./run", this.#spec.argument, reason], env);
    } finally {
      files.writeNote(pid === undefined ? undefined : markOf(pid));
    }
    return this.#process(pid, { isChild: true, ended });
  }

  /** The script of a log that needs no process. */
  #plainLog(): (PlainLog & { readonly user?: Required<UserIds> }) | undefined {
    const { inside, folder, input } = this.#spec;
    if (!inside || !input) return undefined;
    let text: string;
    try {
      text = Deno.readTextFileSync(`${folder.path}/run`);
    } catch {
      return undefined; // the start of a process will say why
    }
    const plain = tryParseLogRun(text);
    if (plain?.account === undefined) return plain;
    const account = accountByName(plain.account);
    if (account?.uid === inside.uid) return plain;
    if (!account || inside.uid !== 0 || !inside.accounts) return undefined; // setuidgid will say why not
    const { uid, gid } = account;
    return { ...plain, user: { uid, gid, groups: plain.supplementary ? groupsOf(plain.account, gid) : [gid] } };
  }

  /** False: nothing is synced to disk. */
  #syncs(plain: PlainLog): boolean {
    const { folder } = this.#spec;
    let env = this.#runEnvironment();
    for (const name of plain.envFolders) {
      const path = name.startsWith("/") ? name : `${folder.path}/${name}`;
      env = withEnvFolder(env, path, (text) => this.#world.warn(`${this.name}: ${text}`));
    }
    return env.NOFSYNC === undefined;
  }

  /** A log in the process of another account. */
  async #startAccountLog(
    plain: PlainLog,
    user: Required<UserIds>,
    ended: (end: ProcessEnd | undefined) => void,
  ): Promise<Job> {
    const { folder, input, inside } = this.#spec;
    if (!input || !inside?.accounts) throw new Temporary("a log without a pipe");
    return await inside.accounts.start(user, {
      name: this.name,
      script: plain.script,
      sync: this.#syncs(plain),
      pipe: input.fd,
      folder: folder.fd,
      ended,
    });
  }

  #startLog(plain: PlainLog, ended: (end: ProcessEnd | undefined) => void): Promise<Job> {
    const { folder, input, inside } = this.#spec;
    if (!input) throw new Temporary("a log without a pipe");
    return LogJob.start(plain.script, {
      directory: folder.handle,
      ...(inside?.disk && { disk: inside.disk }),
      warn: (text) => this.#world.warn(`${this.name}: ${text}`),
      sync: this.#syncs(plain),
      poller: this.#world.poller,
      fd: input.fd,
      pid: this.#world.pid,
      ended,
    });
  }

  /** What ./run sees: ./variables on top of the rest, or alone when others may not enter it. */
  #runEnvironment(): Readonly<Record<string, string>> {
    const { env, folder } = this.#spec;
    const path = `${folder.path}/variables`;
    let mode: number;
    try {
      const stat = Deno.lstatSync(path);
      if (!stat.isDirectory) return env;
      mode = stat.mode ?? 0;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return env;
      throw error;
    }
    return withEnvFolder((mode & OTHERS_ENTER) === 0 ? {} : env, path, (text) => this.#world.warn(text));
  }

  #spawn(program: string, argv: readonly string[], env: Readonly<Record<string, string>>): number {
    const { input, output, folder } = this.#spec;
    const opened: number[] = [];
    const open = (fd: number) => (opened.push(fd), fd);
    try {
      return spawnProcess({
        program,
        argv,
        env,
        cwd: folder.path,
        fds: { 0: input ? open(input.openForLog()) : 0, 1: output ? open(output.openForService()) : 1, 2: 2 },
        newGroup: this.signalsGroup,
      });
    } finally {
      for (const fd of opened) closeFd(fd);
    }
  }

  #process(pid: number, options: { isChild: boolean; ended(end: ProcessEnd | undefined): void }): Job {
    const { files } = this.#spec;
    return new ProcessJob(pid, {
      poller: this.#world.poller,
      isChild: options.isChild,
      subreaper: this.#spec.subreaper ?? false,
      ended: (end) => {
        try {
          files.writeNote(undefined);
        } catch (error) {
          this.#world.warn(`${this.name}: ${errorText(error)}`);
        }
        options.ended(end);
      },
    });
  }

  adopt(ended: (end: ProcessEnd | undefined) => void): Job | undefined {
    const { files, folder } = this.#spec;
    const note = files.readNote();
    if (!note) return undefined;
    const pid = note.pid === 0 ? findStartedIn(folder.path, note) : isRunning(note) ? note.pid : undefined;
    const mark = pid === undefined ? undefined : markOf(pid);
    files.writeNote(mark);
    return mark && this.#process(mark.pid, { isChild: false, ended });
  }

  async init(): Promise<boolean> {
    if (!this.#spec.folder.hasExecutable("init")) return true;
    const end = await this.#script("init");
    return end?.code === 0 && end.signal === 0;
  }

  async alert(pid: number, end: ProcessEnd | undefined): Promise<void> {
    if (!this.#spec.folder.has("alert")) return;
    const how = !end ? ["-1", "unknown"] : end.signal > 0 ? [`${end.signal}`, "signalled"] : [`${end.code}`, "exited"];
    await this.#script("alert", this.#spec.argument, String(pid), ...how);
  }

  async shutdown(pid: number): Promise<void> {
    if (this.#spec.folder.has("shutdown")) await this.#script("shutdown", this.#spec.argument, String(pid));
  }

  /** Runs a script of the folder to its end; undefined when it cannot be run. */
  #script(name: string, ...args: readonly string[]): Promise<ProcessEnd | undefined> {
    return new Promise((resolve) => {
      try {
        const program = `./${name}`;
        // a link to svalert [man svalert.9] leads to a program that knows by its name what it is to do
        const argv = [this.#spec.folder.linkTarget(name) ?? program, ...args];
        const pid = this.#spawn(program, argv, this.#spec.env);
        watchProcess(this.#world.poller, pid, { isChild: true, ended: resolve });
      } catch (error) {
        this.#world.warn(`${this.name}: ${errorText(error)}`);
        resolve(undefined);
      }
    });
  }

  waitForOther(tell: (seconds: number) => void, cancelled: AbortSignal): Promise<void> {
    const { folder, env } = this.#spec;
    const warn = (text: string) => this.#world.warn(`${this.name}: ${text}`);
    return waitForOther(folder.path, { upFifo: env.UPFIFO ?? "up", tell, cancelled, warn });
  }
}

/** The plan of a service. */
export function planService(spec: ServiceSpec, world: ServiceWorld): ServicePlan {
  return new FolderPlan(spec, world);
}
