/** svscan: supervises and logs all services of a folder in one process [man svscan.9]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import { closeFd, OPEN, openFd } from "../../../core/libc/fd.ts";
import { tryWait } from "../../../core/libc/children.ts";
import { Poller } from "../../../core/libc/poll.ts";
import { newSession, setProcessName, startedChildren, type UserIds } from "../../../core/libc/process.ts";
import { placeFd } from "../../../core/libc/socket.ts";
import { AccountLogs, formatUser } from "./account_logs.ts";
import { makeRunFolder } from "./places.ts";
import { removePidFile, takePidFile } from "./pid_file.ts";
import { ownChildren } from "./process_mark.ts";
import { OWN_FOLDER, ServiceScan, type StopWaits } from "./scan.ts";
import { watchFolder } from "./folder_watch.ts";
import { hasExecutable, runShell } from "./own_scripts.ts";
import type { ServiceWorld } from "./service.ts";
import { SUPERVISE_ENV } from "./supervise.ts";

/** Services of one folder unless -n says otherwise [man svscan.9]. */
const SERVICES_MAX = 1000;
const SCAN_SECONDS = 60;
/** How long services get after TERM, and logs after them; KILLWAIT1 and KILLWAIT2 say otherwise [decision 0051]. */
const STOP_SERVICES_SECONDS = 60;
const STOP_LOGS_SECONDS = 5;
/** .svscan/shutdown may take so long. */
const SHUTDOWN_SCRIPT_MS = 60_000;
/** Orphans are reaped at most so often. */
const REAP_INTERVAL_MS = 500;

/** The program. */
export const applet = defineApplet({
  names: ["svscan"],
  section: 8,
  summary: "start and monitor all services of a folder",
  role: "tool",
  dialect: "daemon",
  options: {
    verbose: { flag: "v", help: "informational messages, too; SIGUSR1 switches that" },
    silent: { flag: "s", help: "no warnings; SIGUSR2 switches that" },
    logs: {
      long: "logs",
      value: "account",
      help: "for svscan itself: keep the logs of an account, told on descriptor 0",
    },
    count: { flag: "n", value: "services", default: "1000", help: "most services" },
  },
  operands: [{ name: "folder", help: "the folder of services; default: where svscan is started", optional: true }],
  description:
    `svscan supervises each folder in the folder, as supervise does, and each folder's log, if it has one: what the service
writes goes to the log by a pipe. Names that begin with a dot are left out. All services and all logs whose log/run is a
plain multilog line (sh, an optional exec, setuidgid, envuidgid, envdir and softlimit, multilog and its arguments) are kept
by this one process, those whose setuidgid names another account by one more process for each account; any other log/run
is a process, and a service with the sticky bit on its run gets a supervise of its own.

The folder is looked at again at HUP, and with AUTOSCAN when something appears in it and every SCANINTERVAL seconds. A file
down that appears stops its service, one that goes starts it. A folder that is gone or begins with a dot keeps its service
until svc -dx; it is not started again then.

TERM stops the services, then the logs, and ends svscan; what would not stop in time goes on. .svscan/shutdown runs before.
When svscan is killed, services go on, what they write waits in the pipe, and the next svscan adopts them.

With SCANLOG and a folder .svscan/log svscan's own output and that of services without a log goes there.`,
  env: {
    ...SUPERVISE_ENV,
    AUTOSCAN: "set: look for new services without being told",
    SCANINTERVAL: "seconds between looks, and after one that failed; default 60",
    SCANLOG: "set: use .svscan/log",
    SCANNOW: "set: look again whenever a child has ended; always as process 1",
    INITCMD: "run once at the start by sh; empty: .svscan/run, if that is executable",
    WAIT_INITCMD: "set: no service is started before INITCMD has ended",
    KILLWAIT: "seconds that services and logs get to stop, in all; each the half",
    KILLWAIT1: "seconds that services get to stop; default 60",
    KILLWAIT2: "seconds that logs get to stop after that; default 5",
    TERMINATE_SESSION: "stop services at TERM, which is always done",
    SETSID: "set: become leader of a session",
  },
  exits: { "0": "ended by TERM", "111": "another svscan runs, or the folder cannot be entered" },
  files: {
    ".svscan.pid": "pid, four bytes and a line in decimal; in /run/svscan, else in the folder",
    ".svscan/run": "what INITCMD runs",
    ".svscan/shutdown": "runs at TERM",
  },
  seeAlso: ["supervise(8)", "svc(8)", "svstat(8)", "svok(8)", "svps(1)", "svscanboot(8)", "multilog(8)"],
  source: ["[man svscan.9]", "[decision 0051]"],
  async run(proc) {
    const poller = new Poller((error) => proc.log.line(`svscan: warning: ${errorText(error)}`));
    try {
      const { logs } = proc.options;
      if (logs === undefined) await new Svscan(proc, poller).run();
      else await (await import("./log_keeper.ts")).keepAccountLogs(proc, logs, poller);
    } finally {
      await poller.close();
    }
  },
});

type SvscanProc = Proc<OptionSpecs>;

function seconds(text: string | undefined, otherwise: number): number {
  const value = Number(text === "" ? undefined : text);
  return Number.isFinite(value) && value >= 0 ? value : otherwise;
}

class Svscan {
  readonly #proc: SvscanProc;
  readonly #folder: string;
  readonly #mirror: string | undefined;
  readonly #scan: ServiceScan;
  readonly #accounts: AccountLogs;
  readonly #poller: Poller;
  readonly #world: ServiceWorld;
  #verbose: boolean;
  #silent: boolean;
  #nextScan: ReturnType<typeof setTimeout> | undefined;
  #reaping: ReturnType<typeof setTimeout> | undefined;

  constructor(proc: SvscanProc, poller: Poller) {
    this.#proc = proc;
    this.#poller = poller;
    const env = { ...proc.env.all() };
    if (proc.options.verbose) env.VERBOSE = "1";
    if (proc.options.silent) env.SILENT = "1";
    this.#verbose = env.VERBOSE !== undefined;
    this.#silent = env.SILENT !== undefined;
    const most = servicesMax(proc);
    this.#folder = enter(proc.args[0] ?? ".");
    this.#mirror = env.DISABLE_RUN === undefined ? makeRunFolder() : undefined;
    this.#world = {
      poller,
      clock: proc.clock,
      pid: proc.pid,
      warn: (text) => this.#silent || proc.log.line(`svscan: warning: ${text}`),
      info: (text) => this.#verbose && proc.log.line(`svscan: info: ${text}`),
    };
    this.#accounts = new AccountLogs((user, socket) => startLogKeeper(proc, user, socket), this.#world);
    this.#scan = new ServiceScan({
      folder: this.#folder,
      world: this.#world,
      env: { ...env, SCANDIR: this.#folder, PWD: this.#folder, PPID: String(proc.pid) },
      mirror: this.#mirror,
      servicesMax: most,
      uid: proc.uid,
      ...(proc.uid === 0 && { accounts: this.#accounts }),
    });
  }

  async run(): Promise<void> {
    const proc = this.#proc;
    setProcessName("svscan");
    const pidFile = `${this.#mirror ?? this.#folder}/.svscan.pid`;
    takePidFile(pidFile, proc.pid);
    const stopped = new Promise<void>((resolve) => proc.stopping.addEventListener("abort", () => resolve()));
    this.#takeSignals();
    if (proc.env.get("SETSID") !== undefined) newSession();
    if (proc.env.get("SCANLOG") !== undefined) this.#logHere();
    await this.#initCommand(stopped);
    const close = proc.env.get("AUTOSCAN") === undefined ? undefined : this.#watchFolder();
    await this.#look();
    await stopped;
    close?.();
    clearTimeout(this.#nextScan);
    clearTimeout(this.#reaping);
    removePidFile(pidFile);
    await this.#stop();
  }

  #takeSignals(): void {
    const { onSignal, env, pid } = this.#proc;
    onSignal("SIGHUP", () => {
      this.#world.info("SIGHUP: looking for services");
      this.#look();
    });
    onSignal("SIGUSR1", () => void (this.#verbose = !this.#verbose));
    onSignal("SIGUSR2", () => void (this.#silent = !this.#silent));
    const scansAtEnds = env.get("SCANNOW") !== undefined || pid === 1;
    onSignal("SIGCHLD", () => {
      this.#reaping ??= setTimeout(() => {
        this.#reaping = undefined;
        this.#reapOrphans();
        if (scansAtEnds) this.#look();
      }, REAP_INTERVAL_MS);
    });
  }

  /** Children that we did not start were handed to us by the kernel: as process 1, or by who was us before exec. */
  #reapOrphans(): void {
    for (const pid of ownChildren()) {
      if (startedChildren.has(pid) || !tryWait(pid)) continue;
      this.#world.info(`pid ${pid} was an orphan and has ended`);
    }
  }

  #watchFolder(): () => void {
    try {
      return watchFolder(this.#poller, this.#folder, () => this.#look());
    } catch (error) {
      this.#world.warn(`${errorText(error)}: new services are found every SCANINTERVAL seconds only`);
      return () => undefined;
    }
  }

  async #look(): Promise<void> {
    if (this.#proc.stopping.aborted) return;
    clearTimeout(this.#nextScan);
    let isFine = false;
    try {
      isFine = await this.#scan.scan();
    } catch (error) {
      this.#world.warn(errorText(error)); // the services that run must not suffer
    }
    const env = (name: string) => this.#proc.env.get(name);
    if ((isFine && env("AUTOSCAN") === undefined) || this.#proc.stopping.aborted) return;
    clearTimeout(this.#nextScan);
    const everySeconds = seconds(env("SCANINTERVAL"), SCAN_SECONDS) || SCAN_SECONDS;
    this.#nextScan = setTimeout(() => this.#look(), everySeconds * 1000);
  }

  /** What we and services without a log write goes to .svscan/log from now on. */
  #logHere(): void {
    const pipe = this.#scan.startOwnLog();
    if (!pipe) return;
    takeOutput(pipe.openForService());
    this.#world.info(`pid ${this.#proc.pid} starts`);
  }

  async #initCommand(stopped: Promise<void>): Promise<void> {
    const command = this.#proc.env.get("INITCMD");
    if (command === undefined) return;
    const own = `${this.#folder}/${OWN_FOLDER}/run`;
    if (command === "" && !hasExecutable(own)) return;
    const ended = runShell(command === "" ? own : command, this.#shellPlace());
    if (this.#proc.env.get("WAIT_INITCMD") !== undefined) await Promise.race([ended, stopped]);
  }

  #shellPlace() {
    const env = { ...this.#proc.env.all(), SCANDIR: this.#folder, PWD: this.#folder, PPID: String(this.#proc.pid) };
    return { cwd: this.#folder, env, world: this.#world };
  }

  async #stop(): Promise<void> {
    this.#proc.log.line(`svscan: pid ${this.#proc.pid} stops all services`);
    const script = `${this.#folder}/${OWN_FOLDER}/shutdown`;
    if (hasExecutable(script)) {
      const enough = AbortSignal.timeout(SHUTDOWN_SCRIPT_MS);
      await runShell(script, { ...this.#shellPlace(), enough });
    }
    await this.#scan.stopAll(this.#waits());
    this.#proc.log.line(`svscan: pid ${this.#proc.pid} ends`);
    await this.#proc.log.flush();
    if (this.#proc.env.get("SCANLOG") !== undefined) {
      takeOutput(openFd("/dev/null", OPEN.write | OPEN.closeOnExec)); // else the log would keep its own pipe open
      await this.#scan.stopOwnLog(this.#waits().logsMs);
    }
    await this.#accounts.close();
  }

  #waits(): StopWaits {
    const env = (name: string) => this.#proc.env.get(name);
    const half = env("KILLWAIT") === undefined ? undefined : seconds(env("KILLWAIT"), 0) / 2;
    return {
      servicesMs: 1000 * (half ?? seconds(env("KILLWAIT1"), STOP_SERVICES_SECONDS)),
      logsMs: 1000 * (half ?? seconds(env("KILLWAIT2"), STOP_LOGS_SECONDS)),
    };
  }
}

async function startLogKeeper(proc: SvscanProc, user: Required<UserIds>, socket: number): Promise<number> {
  const args = ["--logs", formatUser(user)];
  const child = await proc.spawn({ program: "svscan", args, fds: { 0: socket, 1: 1, 2: 2 }, unwaited: true });
  return child.pid;
}

function servicesMax(proc: SvscanProc): number {
  const { count } = proc.options;
  if (typeof count !== "string") return SERVICES_MAX;
  if (!/^[1-9]\d{0,6}$/.test(count)) throw new Usage(`-n ${count}: not a count of services`);
  return Number(count);
}

/** Standard output and error go there from now on; closes `fd`. */
function takeOutput(fd: number): void {
  for (const target of [1, 2]) placeFd(fd, target);
  closeFd(fd);
}

/** The folder's path after changing into it. */
function enter(folder: string): string {
  try {
    Deno.chdir(folder);
    return Deno.cwd();
  } catch (error) {
    throw new Temporary(`unable to enter ${folder}: ${errorText(error)}`);
  }
}
