/**
 * The heart of the queue daemon: decides which message is tried when, notes what became of each recipient, bounces and
 * removes what is finished. A message is an object only while it is worked on; a backlog is numbers in two heaps and
 * files on disk. Anything unforeseen with one message is logged and defers that message; the daemon goes on.
 */
import type { Clock } from "../../core/applet.ts";
import { errorText } from "../../core/errors.ts";
import { formatBounceFailure } from "../../mail/bounce.ts";
import { rewriteRecipient, stripVirtualPrefix } from "../../mail/rewrite.ts";
import type { Disk } from "../../storage/disk.ts";
import type { Submitter } from "../../storage/queue/submission.ts";
import type {
  QueueChannel,
  QueuedMessage,
  QueueStore,
  QueueTarget,
  StoredMessage,
} from "../../storage/queue/store_types.ts";
import { type Active, type Attempt, newActive, tryNewAttempt } from "./active.ts";
import { queueBounce } from "./bouncer.ts";
import { Deliveries, type Outcome } from "./deliveries.ts";
import type { DeliveryLinkEvents, DeliveryLinkLike } from "./delivery_link.ts";
import type { Arrival, QueueLog } from "./log_lines.ts";
import { nextAttemptMs, resumedAttemptMs } from "./schedule.ts";
import type { QueueSettings } from "./settings.ts";
import { type Due, Timetable } from "./timetable.ts";
import { WriteOuts } from "./write_outs.ts";

/** Messages worked on at a time; what comes beyond is written out and tried when there is room. */
export const ACTIVE_MESSAGES_MAX = 5000;
/** Attempts of a channel that wait for a slot, above which no more are read from disk. */
const WAITING_ATTEMPTS_MAX = 200;
/** Messages being read from disk at a time. */
const LOADS_MAX = 16;
/**
 * Attempts of a message that are repeated as soon as a delivery daemon that went away is back; after them it waits for its
 * schedule, since it may be what brings the daemon down [decision 0033].
 */
const LOST_ATTEMPTS_MAX = 5;
/** Pause after trouble with the disk [spec formats 1.8]. */
const TROUBLE_PAUSE_MS = 123_000;
/** Pause before a done record that could not be written is tried again [man qmail-log.5]. */
const MARK_PAUSE_MS = 10_000;
/** Longest sleep [spec formats 1.8]. */
const SLEEP_MS_MAX = 86_400_000;
const CHANNELS = ["local", "remote"] as const;

/** What the scheduler is made of. */
export interface SchedulerOptions {
  readonly store: QueueStore;
  readonly disk: Disk;
  readonly settings: QueueSettings;
  readonly log: QueueLog;
  readonly clock: Clock;
  /** The daemon itself, as submitter of bounces. */
  readonly submitter: Submitter;
  link(channel: QueueChannel, events: DeliveryLinkEvents): DeliveryLinkLike;
}

/** What is going on, for `indimail status`. */
export interface SchedulerStatus {
  readonly activeMessages: number;
  readonly localInFlight: number;
  readonly remoteInFlight: number;
  /** Attempts in the schedule, and those of them whose time has come. */
  readonly scheduled: number;
  readonly due: number;
}

/** The scheduler of one queue. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #log: QueueLog;
  readonly #store: QueueStore;
  readonly #deliveries: Record<QueueChannel, Deliveries>;
  readonly #timetable = new Timetable(() => this.#wake.abort());
  /** Messages worked on that are in files, by file. */
  readonly #byFile = new Map<number, Active>();
  readonly #writeOuts: WriteOuts;
  readonly #loading: Record<QueueChannel, number> = { local: 0, remote: 0 };
  #settings: QueueSettings;
  /** When ALRM came last. */
  #retriedAllMs = Number.NEGATIVE_INFINITY;
  #activeCount = 0;
  /** Marks and completions on their way. */
  #pending = 0;
  #stopping = false;
  #statusWaits = false;
  #wake = new AbortController();
  readonly #stopped = new AbortController();
  #loop: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#store = options.store;
    this.#settings = options.settings;
    this.#writeOuts = new WriteOuts(options.store, options.log);
    const numbers = { next: 1 };
    const deliveries = (channel: QueueChannel) =>
      new Deliveries({
        channel,
        store: options.store,
        log: options.log,
        numbers,
        link: (events) => options.link(channel, events),
        settled: (attempt, index, outcome) => this.#settled(attempt, index, outcome),
        changed: () => this.#changed(channel),
      });
    this.#deliveries = { local: deliveries("local"), remote: deliveries("remote") };
  }

  get settings(): QueueSettings {
    return this.#settings;
  }

  /** Connects to the delivery daemons and begins to work. */
  start(): void {
    for (const channel of CHANNELS) this.#deliveries[channel].start();
    this.reread(this.#settings);
    this.#loop ??= this.#run();
  }

  /** Works by other settings from now on (HUP). */
  reread(settings: QueueSettings): void {
    this.#settings = settings;
    for (const channel of CHANNELS) this.#deliveries[channel].setConcurrency(settings.concurrency[channel]);
    this.#statusLine();
  }

  /** Makes everything due (ALRM). */
  retryAll(): void {
    this.#retriedAllMs = this.#options.clock.nowMs();
    this.#timetable.makeAllDue(this.#retriedAllMs);
  }

  /** Where recipients go, by the control files. */
  targets(recipients: readonly string[]): QueueTarget[] {
    return recipients.map((original) => ({ ...rewriteRecipient(original, this.#settings.tables), original }));
  }

  /** Takes a message that has just become durable, and tries it at once. */
  accept(message: QueuedMessage, arrival: Arrival): void {
    this.#log.arrived(message, arrival);
    const active = newActive(message);
    this.#activeCount++;
    if (message.fileId !== undefined) this.#byFile.set(message.fileId, active);
    if (this.#stopping) return;
    if (this.#activeCount > ACTIVE_MESSAGES_MAX) this.#postpone(active);
    else this.#begin(active);
  }

  /** Takes note of a message found in files at the start. */
  addStored(stored: StoredMessage): void {
    const nowMs = this.#options.clock.nowMs();
    for (const channel of CHANNELS) {
      if (stored[channel]) {
        this.#timetable.addFile(channel, stored.fileId, resumedAttemptMs(stored.arrivedMs, nowMs, channel));
      }
    }
    if (!stored.local && !stored.remote) this.#timetable.addFile("finish", stored.fileId, nowMs);
  }

  status(): SchedulerStatus {
    const nowMs = this.#options.clock.nowMs();
    return {
      activeMessages: this.#activeCount,
      localInFlight: this.#deliveries.local.inFlight,
      remoteInFlight: this.#deliveries.remote.inFlight,
      scheduled: this.#timetable.size,
      due: this.#timetable.countDue(nowMs),
    };
  }

  /** Starts nothing new, waits at most `waitMs` for what is in flight, and stops. The store is still open then. */
  async stop(waitMs: number): Promise<void> {
    this.#stopping = true;
    for (const channel of CHANNELS) this.#deliveries[channel].drain();
    this.#wake.abort();
    this.#stopped.abort();
    const giveUp = new AbortController();
    const idle = new Promise<void>((resolve) => {
      this.#idle = () => this.#isIdle() && resolve();
      this.#idle();
    });
    const limit = this.#options.clock.sleep(waitMs, giveUp.signal).catch(() => {}); // aborted when idle came first
    await Promise.race([idle, limit]);
    giveUp.abort();
    for (const channel of CHANNELS) await this.#deliveries[channel].stop();
    await this.#writeOuts.settled();
    await this.#loop;
  }

  #isIdle(): boolean {
    return this.#pending === 0 && CHANNELS.every((channel) => this.#deliveries[channel].unsettled === 0);
  }

  #begin(active: Active): void {
    for (const channel of CHANNELS) this.#attempt(active, channel);
    this.#settle(active);
  }

  #attempt(active: Active, channel: QueueChannel): void {
    const { message } = active;
    const isBounce = message.sender === "" || message.sender === "#@[]";
    const lifetimeMs = isBounce ? this.#settings.bounceLifetimeMs : this.#settings.lifetimeMs;
    const dying = this.#options.clock.nowMs() > message.arrivedMs + lifetimeMs;
    const attempt = tryNewAttempt(active, channel, { dying });
    if (attempt) this.#deliveries[channel].add(attempt);
  }

  /** Too much at once: to disk, and due at once. */
  #postpone(active: Active): void {
    const nowMs = this.#options.clock.nowMs();
    this.#writeOuts.add(active.message, () => {
      for (const channel of CHANNELS) {
        if (active.message.recipients.some((each) => each.channel === channel && !each.done)) {
          this.#timetable.add(channel, active, nowMs);
        }
      }
      this.#settle(active);
    });
  }

  #settled(attempt: Attempt, index: number, outcome: Outcome): void {
    const { active, channel } = attempt;
    if (outcome.kind === "temporary") attempt.deferred++;
    else if (outcome.kind === "lost") attempt.lost++;
    else {
      const recipient = active.message.recipients[index]!;
      const bounceText = outcome.kind === "permanent"
        ? formatBounceFailure(stripVirtualPrefix(recipient.address, this.#settings.tables), outcome.report)
        : undefined;
      this.#mark(active, index, bounceText);
    }
    if (--attempt.unsettled > 0) return;
    active.attempts[channel] = undefined;
    if (attempt.lost > 0 && !this.#stopping && active.lostAttempts < LOST_ATTEMPTS_MAX) {
      active.lostAttempts++;
      return this.#attempt(active, channel); // waits there until the daemon is back
    }
    if (!active.attempts.local && !active.attempts.remote) active.body = undefined;
    if (attempt.deferred + attempt.lost > 0) this.#defer(active, channel);
    this.#settle(active);
  }

  #mark(active: Active, index: number, bounceText: string | undefined): void {
    active.left--;
    active.marking++;
    this.#pending++;
    this.#store.done(active.message, [index], bounceText === undefined ? {} : { bounceText }).then(
      () => this.#marked(active),
      async (error: unknown) => {
        this.#log.alert(`trouble marking message ${active.message.id}: ${errorText(error)}`);
        active.left++;
        await this.#pause(MARK_PAUSE_MS);
        this.#marked(active, { failed: true });
        if (!this.#stopping) this.#mark(active, index, bounceText);
      },
    );
  }

  #marked(active: Active, options: { readonly failed?: boolean } = {}): void {
    active.marking--;
    this.#pending--;
    if (!options.failed) this.#settle(active);
    this.#idle?.();
  }

  /** Waits; a stop ends it at once. */
  async #pause(durationMs: number): Promise<void> {
    try {
      await this.#options.clock.sleep(durationMs, this.#stopped.signal);
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    }
  }

  #defer(active: Active, channel: QueueChannel): void {
    if (this.#stopping) return;
    const nowMs = this.#options.clock.nowMs();
    const dueMs = nextAttemptMs(active.message.arrivedMs, nowMs, channel);
    if (active.message.fileId !== undefined) return this.#timetable.add(channel, active, dueMs);
    active.marking++;
    this.#writeOuts.add(active.message, () => {
      active.marking--;
      if (active.message.fileId !== undefined) this.#byFile.set(active.message.fileId, active);
      this.#timetable.add(channel, active, this.#retriedAllMs >= nowMs ? nowMs : dueMs); // ALRM came while it was written
      this.#settle(active);
    });
  }

  /** Looks whether anything is left to do for a message, completes it or lets go of it. */
  #settle(active: Active): void {
    if (active.marking > 0 || active.completing || active.attempts.local || active.attempts.remote) return;
    if (active.left === 0) {
      active.completing = true;
      this.#pending++;
      this.#complete(active);
    } else this.#release(active);
  }

  #release(active: Active): void {
    const { fileId } = active.message;
    if (fileId === undefined || active.parked > 0) return; // it is in the schedule, or the stop writes it out
    this.#byFile.delete(fileId);
    this.#activeCount--;
  }

  async #complete(active: Active): Promise<void> {
    const { message } = active;
    try {
      if (message.bounced) {
        const { store, disk, clock, submitter } = this.#options;
        const bounce = await queueBounce(message, {
          store,
          disk,
          submitter,
          log: this.#log,
          settings: this.#settings,
          nowMs: clock.nowMs(),
          targets: (recipients) => this.targets(recipients),
        });
        if (bounce) this.accept(bounce, "mqueue");
      }
      await this.#store.finish(message);
      this.#log.ended(message.id);
      if (message.fileId !== undefined) this.#byFile.delete(message.fileId);
      this.#activeCount--;
    } catch (error) {
      this.#log.warn(`trouble injecting bounce message for ${message.id}, will try later: ${errorText(error)}`);
      active.completing = false;
      this.#timetable.add("finish", active, this.#options.clock.nowMs() + TROUBLE_PAUSE_MS);
    }
    this.#pending--;
    this.#idle?.();
  }

  /** After each start or end of deliveries: the status line, once a tick, and more work from disk. */
  #changed(channel: QueueChannel): void {
    this.#fill(channel);
    this.#idle?.();
    if (this.#statusWaits) return;
    this.#statusWaits = true;
    queueMicrotask(() => {
      this.#statusWaits = false;
      this.#statusLine();
    });
  }

  #statusLine(): void {
    const { local, remote } = this.#deliveries;
    const counts = `local ${local.inFlight}/${local.concurrency} remote ${remote.inFlight}/${remote.concurrency}`;
    this.#log.status(`${counts}${this.#settings.held ? " (held)" : ""}${this.#stopping ? " exitasap" : ""}`);
  }

  /** Reads what is due from disk, as far as there is room for it. */
  #fill(channel: QueueChannel): void {
    const deliveries = this.#deliveries[channel];
    const nowMs = this.#options.clock.nowMs();
    while (!this.#stopping && this.#timetable.isDue(channel, nowMs)) {
      if (this.#loading[channel] >= LOADS_MAX) return;
      if (deliveries.waiting + this.#loading[channel] >= WAITING_ATTEMPTS_MAX) return;
      const due = this.#timetable.take(channel)!;
      const active = this.#known(due);
      if (active) {
        this.#attempt(active, channel);
        this.#settle(active);
      } else if ("fileId" in due) this.#load(channel, due.fileId);
    }
  }

  /** What is due, if it is worked on already. */
  #known(due: Due): Active | undefined {
    return "active" in due ? due.active : this.#byFile.get(due.fileId);
  }

  async #load(channel: QueueChannel, fileId: number): Promise<void> {
    this.#loading[channel]++;
    try {
      const active = await this.#active(fileId);
      if (active) {
        this.#attempt(active, channel);
        this.#settle(active);
      }
    } catch (error) {
      this.#log.warn(`trouble reading message file ${fileId}, will try later: ${errorText(error)}`);
      this.#timetable.addFile(channel, fileId, this.#options.clock.nowMs() + TROUBLE_PAUSE_MS);
    }
    this.#loading[channel]--;
    this.#fill(channel);
  }

  /** The message of a file: the one worked on already, or a new one; undefined when it is gone. */
  async #active(fileId: number): Promise<Active | undefined> {
    const known = this.#byFile.get(fileId);
    if (known) return known;
    const message = await this.#store.load(fileId);
    const meanwhile = this.#byFile.get(fileId);
    if (meanwhile || !message) return meanwhile;
    const active = newActive(message);
    this.#activeCount++;
    this.#byFile.set(fileId, active);
    return active;
  }

  async #finishDue(): Promise<void> {
    while (!this.#stopping && this.#timetable.isDue("finish", this.#options.clock.nowMs())) {
      const due = this.#timetable.take("finish")!;
      if ("active" in due) this.#settle(due.active);
      else await this.#finishFile(due.fileId);
    }
  }

  async #finishFile(fileId: number): Promise<void> {
    try {
      const active = await this.#active(fileId);
      if (active) this.#settle(active);
    } catch (error) {
      this.#log.warn(`trouble reading message file ${fileId}, will try later: ${errorText(error)}`);
      this.#timetable.addFile("finish", fileId, this.#options.clock.nowMs() + TROUBLE_PAUSE_MS);
    }
  }

  /** Sleeps until something is due; `#wake` ends the sleep early. */
  async #run(): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stopping) {
      this.#wake = new AbortController();
      for (const channel of CHANNELS) this.#fill(channel);
      await this.#finishDue();
      const nowMs = clock.nowMs();
      const nextMs = Math.min(this.#timetable.nextMs(nowMs), nowMs + SLEEP_MS_MAX);
      if (this.#stopping) return;
      try {
        await clock.sleep(nextMs - nowMs, this.#wake.signal);
      } catch (error) {
        if (!this.#wake.signal.aborted) throw error;
      }
    }
  }
}
