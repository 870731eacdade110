/**
 * Logs that are to belong to another account: svscan, as root, starts one process of ours for each such account, which
 * keeps all of that account's logs as svscan keeps its own. Pipes stay open in svscan; when that process dies its logs
 * end as a multilog would, and are started again, in a new process, at most once a second [decision 0051].
 */
import type { ProcessEnd } from "../../../core/applet.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { closeFd } from "../../../core/libc/fd.ts";
import { openPacketPair } from "../../../core/libc/packets.ts";
import type { UserIds } from "../../../core/libc/process.ts";
import { PacketChannel, tryParseReport } from "./log_channel.ts";
import { watchProcess } from "./process_job.ts";
import { type Job, type JobSignal, pause, RESTART_INTERVAL_MS, type ServiceWorld } from "./service.ts";

/** How long the processes get to end once their channels are closed. */
const END_WAIT_MS = 5000;
/** Longest text of a process that is repeated. */
const TEXT_LENGTH_MAX = 1000;

/** Starts the process of an account with a socket as its standard input; its pid. Rejects with Temporary. */
export type SpawnLogKeeper = (user: Required<UserIds>, socket: number) => Promise<number>;

/** A log to be kept. */
export interface AccountLog {
  readonly name: string;
  readonly script: readonly string[];
  readonly sync: boolean;
  /** Of svscan; the process gets copies. */
  readonly pipe: number;
  readonly folder: number;
  ended(end: ProcessEnd | undefined): void;
}

interface Kept {
  readonly log: AccountLog;
  readonly answer: PromiseWithResolvers<void>;
  isOpen: boolean;
}

/** One process. */
class Keeper {
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #channel: PacketChannel;
  readonly #world: ServiceWorld;
  readonly #kept = new Map<number, Kept>();
  #lastId = 0;
  #isGone = false;

  constructor(pid: number, socket: number, world: ServiceWorld) {
    this.pid = pid;
    this.#world = world;
    this.#channel = new PacketChannel(socket, {
      poller: world.poller,
      message: (value, fds) => {
        for (const fd of fds) closeFd(fd); // none is expected
        this.#hear(value);
      },
      ended: () => {},
    });
    this.exited = new Promise((resolve) => {
      watchProcess(world.poller, pid, { isChild: true, ended: (end) => (this.#die(end), resolve()) });
    });
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  #hear(value: unknown): void {
    const report = tryParseReport(value);
    const kept = report && this.#kept.get(report.id);
    if (!kept) return;
    if (report.kind === "opened") {
      kept.isOpen = true;
      kept.answer.resolve();
    } else if (report.kind === "warning") this.#world.warn(`${kept.log.name}: ${printable(report.text)}`);
    else {
      this.#kept.delete(report.id);
      if (report.kind === "ended") kept.log.ended({ code: report.code, signal: 0 });
      else kept.answer.reject(new Temporary(printable(report.text)));
    }
  }

  #die(end: ProcessEnd | undefined): void {
    this.#isGone = true;
    this.#channel.close();
    for (const { isOpen, log, answer } of this.#kept.values()) {
      if (isOpen) log.ended(end);
      else answer.reject(new Temporary("the process of this account's logs has ended"));
    }
    this.#kept.clear();
  }

  async open(log: AccountLog): Promise<Job> {
    const id = ++this.#lastId;
    const kept = { log, answer: Promise.withResolvers<void>(), isOpen: false };
    this.#kept.set(id, kept);
    try {
      this.#channel.sendWith({ kind: "open", id, script: log.script, sync: log.sync }, [log.pipe, log.folder]);
    } catch (error) {
      this.#kept.delete(id);
      throw error;
    }
    await kept.answer.promise;
    const signal = (signal: JobSignal) => this.#channel.send({ kind: "signal", id, signal: String(signal) });
    return { pid: this.pid, isInside: true, signal };
  }

  close(): void {
    this.#channel.close();
  }
}

function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.slice(0, TEXT_LENGTH_MAX).replace(/[\x00-\x1f\x7f]/g, "?");
}

interface Place {
  startedAt: number;
  keeper: Promise<Keeper> | undefined;
  /** Orders to open one after another: never more than one waits for its answer. */
  last: Promise<unknown>;
}

/** See above. */
export class AccountLogs {
  readonly #spawn: SpawnLogKeeper;
  readonly #world: ServiceWorld;
  readonly #places = new Map<string, Place>();

  constructor(spawn: SpawnLogKeeper, world: ServiceWorld) {
    this.#spawn = spawn;
    this.#world = world;
  }

  /** Opens a log as that account. Rejects with Temporary. */
  start(user: Required<UserIds>, log: AccountLog): Promise<Job> {
    const key = formatUser(user);
    let place = this.#places.get(key);
    if (!place) {
      place = { startedAt: -RESTART_INTERVAL_MS, keeper: undefined, last: Promise.resolve() };
      this.#places.set(key, place);
    }
    const { last } = place;
    const open = async (place: Place) => {
      await last;
      return await (await this.#keeper(place, user)).open(log);
    };
    const opening = open(place);
    place.last = opening.catch(() => {}); // told by `opening`
    return opening;
  }

  async #keeper(place: Place, user: Required<UserIds>): Promise<Keeper> {
    const before = await place.keeper;
    if (before && !before.isGone) return before;
    place.keeper = undefined;
    const leftMs = place.startedAt + RESTART_INTERVAL_MS - performance.now();
    if (leftMs > 0) await pause(leftMs, new AbortController().signal);
    place.startedAt = performance.now();
    const keeper = await this.#startKeeper(user);
    place.keeper = Promise.resolve(keeper);
    return keeper;
  }

  async #startKeeper(user: Required<UserIds>): Promise<Keeper> {
    let pair: readonly [number, number];
    try {
      pair = openPacketPair();
    } catch (error) {
      throw new Temporary(errorText(error));
    }
    try {
      const pid = await this.#spawn(user, pair[1]);
      this.#world.info(`started pid ${pid} for the logs of uid ${user.uid}`);
      return new Keeper(pid, pair[0], this.#world);
    } catch (error) {
      closeFd(pair[0]);
      throw error;
    } finally {
      closeFd(pair[1]);
    }
  }

  /** Ends the processes; one that still waits for a disk goes on until it has written all it took. */
  async close(): Promise<void> {
    const keepers = await Promise.all([...this.#places.values()].map(({ keeper }) => keeper));
    const running = keepers.filter((keeper) => keeper !== undefined);
    for (const keeper of running) keeper.close();
    const enough = new AbortController();
    await Promise.race([Promise.all(running.map(({ exited }) => exited)), pause(END_WAIT_MS, enough.signal)]);
    enough.abort();
  }
}

/** uid, gid and groups, as the option --logs has them. */
export function formatUser({ uid, gid, groups }: Required<UserIds>): string {
  return `${uid}:${gid}:${groups.join(",")}`;
}

/** The reverse; undefined for anything else. */
export function tryParseUser(text: string): Required<UserIds> | undefined {
  const match = /^(\d{1,10}):(\d{1,10}):(\d{1,10}(?:,\d{1,10})*)$/.exec(text);
  if (!match) return undefined;
  return { uid: Number(match[1]), gid: Number(match[2]), groups: (match[3] ?? "").split(",").map(Number) };
}
