/**
 * The process for the logs of one account, started by svscan with a socket as standard input: becomes that account,
 * opens the logs it is told to, with the descriptors that come along, and ends when svscan does. [decision 0051]
 */
import type { OptionSpecs, Proc } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import { becomeUser } from "../../../core/libc/account.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { setUmask } from "../../../core/libc/files.ts";
import { closeFds } from "../../../core/libc/packets.ts";
import type { Poller } from "../../../core/libc/poll.ts";
import { ownProcFolder, setProcessName } from "../../../core/libc/process.ts";
import { tryParseUser } from "./account_logs.ts";
import { type LogOrder, type LogReport, PacketChannel, tryParseOrder } from "./log_channel.ts";
import { LogJob } from "./log_job.ts";
import type { JobSignal } from "./service.ts";

/** Modes of a log's files are exact [man multilog.8]. */
const UMASK = 0o022;
/** Signals that mean something to a log; all others end it. */
const SIGNALS: Readonly<Record<string, JobSignal>> = {
  SIGSTOP: "SIGSTOP",
  SIGCONT: "SIGCONT",
  SIGALRM: "SIGALRM",
  SIGHUP: "SIGHUP",
  SIGINT: "SIGINT",
};

class LogKeeper {
  readonly #pid: number;
  readonly #poller: Poller;
  readonly #channel: PacketChannel;
  readonly #jobs = new Map<number, LogJob>();
  readonly #ends = new Set<Promise<void>>();
  readonly #asked = Promise.withResolvers<void>();

  constructor(pid: number, poller: Poller) {
    this.#pid = pid;
    this.#poller = poller;
    this.#channel = new PacketChannel(0, {
      poller,
      message: (value, fds) => this.#obey(tryParseOrder(value), fds),
      ended: () => this.stop(),
    });
  }

  stop(): void {
    this.#asked.resolve();
  }

  /** Until svscan has gone or TERM; then all logs end as at TERM. */
  async run(): Promise<void> {
    await this.#asked.promise;
    for (const job of this.#jobs.values()) job.signal("SIGTERM");
    await Promise.all(this.#ends);
    this.#channel.close();
  }

  #obey(order: LogOrder | undefined, fds: readonly number[]): void {
    const [pipe, folder] = fds;
    if (order?.kind === "open" && pipe !== undefined && folder !== undefined) {
      const end = this.#open(order, { pipe, folder }).finally(() => {
        closeFds(fds);
        this.#ends.delete(end);
      });
      this.#ends.add(end);
      return;
    }
    fds.forEach(closeFd);
    if (order?.kind === "signal") this.#jobs.get(order.id)?.signal(SIGNALS[order.signal] ?? "SIGTERM");
  }

  /** Resolves when the log has ended. */
  async #open(order: LogOrder & { kind: "open" }, fds: { readonly pipe: number; readonly folder: number }) {
    const { id, script, sync } = order;
    const tell = (report: LogReport) => this.#channel.send(report);
    const ended = Promise.withResolvers<number>();
    try {
      const job = await LogJob.start(script, {
        directory: `/proc/${this.#pid}/fd/${fds.folder}`,
        warn: (text) => tell({ kind: "warning", id, text }),
        sync,
        poller: this.#poller,
        fd: fds.pipe,
        pid: this.#pid,
        ended: (end) => ended.resolve(end?.code ?? 0),
      });
      this.#jobs.set(id, job);
    } catch (error) {
      return tell({ kind: "failed", id, text: errorText(error) });
    }
    tell({ kind: "opened", id });
    const code = await ended.promise;
    this.#jobs.delete(id);
    tell({ kind: "ended", id, code });
  }
}

/** Keeps the logs of `account` (uid:gid:groups) until svscan ends. Throws Usage or Temporary. */
export async function keepAccountLogs(proc: Proc<OptionSpecs>, account: string, poller: Poller): Promise<void> {
  const user = tryParseUser(account);
  if (!user) throw new Usage(`--logs ${account}: only svscan itself starts a process so`);
  try {
    becomeUser(user);
    ownProcFolder();
  } catch (error) {
    throw new Temporary(`unable to become uid ${user.uid}: ${errorText(error)}`);
  }
  setProcessName("svscan-logs");
  setUmask(UMASK);
  const keeper = new LogKeeper(proc.pid, poller);
  proc.stopping.addEventListener("abort", () => keeper.stop());
  await keeper.run();
}
