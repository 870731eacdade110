/**
 * One queue's daemon, put together: store, scheduler, submission socket, todo watch, answers about its state. Order at
 * start: the store recovers its journal, what lies on disk is scheduled, and only then anything new is accepted.
 */
import type { Clock } from "../../core/applet.ts";
import type { Frame, FrameChannel } from "../../core/channel.ts";
import { errorText } from "../../core/errors.ts";
import type { Logger } from "../../core/log.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import type { Disk } from "../../storage/disk.ts";
import { formatItems, formatStatus, QUEUE_STATUS } from "../../storage/queue/status.ts";
import type { Submitter } from "../../storage/queue/submission.ts";
import type { QueueChannel, QueueStore } from "../../storage/queue/store_types.ts";
import { DeliveryLink, type DeliveryLinkEvents } from "./delivery_link.ts";
import { QueueLog } from "./log_lines.ts";
import { Scheduler } from "./scheduler.ts";
import { readQueueSettings } from "./settings.ts";
import { SubmissionServer } from "./submission_server.ts";
import { TodoWatch } from "./todo_watch.ts";

/** How long a stop waits for deliveries in flight. */
export const STOP_WAIT_MS = 30_000;
/** How often leftovers are cleaned up [spec formats 1.8]. */
const CLEANUP_INTERVAL_MS = 76_431_000;

/** What a queue daemon is made of. */
export interface QueueDaemonOptions {
  /** An open store; the daemon closes it. */
  readonly store: QueueStore;
  readonly disk: Disk;
  readonly control: ControlFiles;
  readonly clock: Clock;
  readonly log: Logger;
  /** `queue1`. */
  readonly queue: string;
  /** QIDENT: appended to delivery numbers in the log. */
  readonly ident?: string | undefined;
  readonly submitter: Submitter;
  readonly sockets: { readonly queue: string; readonly local: string; readonly remote: string };
  readonly stopWaitMs?: number;
}

/** The daemon of one queue. */
export class QueueDaemon {
  readonly #options: QueueDaemonOptions;
  readonly #log: QueueLog;
  readonly #scheduler: Scheduler;
  readonly #server: SubmissionServer;
  readonly #todo: TodoWatch;
  readonly #stopping = new AbortController();
  #cleaning: Promise<void> | undefined;

  constructor(options: QueueDaemonOptions) {
    const { store, disk, clock, control, queue, submitter, sockets } = options;
    this.#options = options;
    const log = new QueueLog({
      line: (text) => options.log.line(text),
      queue,
      ...(options.ident === undefined ? {} : { ident: options.ident }),
    });
    this.#log = log;
    const settings = readQueueSettings(control, queue);
    const link = (channel: QueueChannel, events: DeliveryLinkEvents) =>
      new DeliveryLink(sockets[channel], clock, events);
    const scheduler = new Scheduler({ store, disk, settings, log, clock, submitter, link });
    this.#scheduler = scheduler;
    this.#server = new SubmissionServer({
      path: sockets.queue,
      store,
      log,
      targets: (recipients) => scheduler.targets(recipients),
      accepted: (message) => scheduler.accept(message, "mqueue"),
      other: (channel, frame) => this.#answer(channel, frame),
    });
    this.#todo = new TodoWatch({ directory: store.directory, clock, log, scan: () => this.#scanTodo() });
  }

  /** Schedules what is on disk, then listens. */
  async start(): Promise<void> {
    for await (const stored of this.#options.store.scan()) this.#scheduler.addStored(stored);
    this.#scheduler.start();
    this.#server.listen();
    this.#todo.start();
    this.#cleaning = this.#cleanUp();
  }

  /** TERM: takes nothing new, lets deliveries in flight finish, writes everything out. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#todo.stop();
    await this.#server.stop();
    await this.#scheduler.stop(this.#options.stopWaitMs ?? STOP_WAIT_MS);
    await this.#cleaning;
    await this.#options.store.close();
    this.#log.exiting();
  }

  /** ALRM. */
  retryAll(): void {
    this.#scheduler.retryAll();
  }

  /** HUP: with control files that cannot be read the old settings stay. */
  reread(): void {
    try {
      this.#options.control.reread();
      this.#scheduler.reread(readQueueSettings(this.#options.control, this.#options.queue));
    } catch (error) {
      this.#log.alert(`unable to reread controls: ${errorText(error)}`);
    }
  }

  /** Reads todo/ soon. */
  wakeTodo(): void {
    this.#todo.wake();
  }

  async #scanTodo(): Promise<void> {
    const { store } = this.#options;
    for await (const todo of store.takeTodo()) {
      if (this.#stopping.signal.aborted) return;
      try {
        const message = await store.preprocess(todo, this.#scheduler.targets(todo.envelope.recipients));
        this.#scheduler.accept(message, "opendir");
      } catch (error) {
        this.#log.warn(`trouble preprocessing message file ${todo.fileId}, will try later: ${errorText(error)}`);
      }
    }
  }

  async #cleanUp(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        const count = await this.#options.store.cleanup();
        if (count > 0) this.#log.info(`cleaned up ${count} leftover files`);
        await this.#options.clock.sleep(CLEANUP_INTERVAL_MS, signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#log.warn(`unable to clean up: ${errorText(error)}`);
        await this.#options.clock.sleep(CLEANUP_INTERVAL_MS, signal).catch(() => {}); // a stop ends the pause
      }
    }
  }

  #answer(channel: FrameChannel, { type, id }: Frame): void | Promise<void> {
    if (type === QUEUE_STATUS.list) return this.#list(channel, id);
    if (type !== QUEUE_STATUS.status) return;
    const { queue, submitter, store } = this.#options;
    const { journalMessages, journalBytes, bufferedBytes } = store.status();
    const { local, remote } = this.#scheduler.settings.concurrency;
    channel.send(
      QUEUE_STATUS.status,
      id,
      formatStatus({
        queue,
        pid: submitter.pid,
        journalMessages,
        journalBytes,
        bufferedBytes,
        ...this.#scheduler.status(),
        localConcurrency: local,
        remoteConcurrency: remote,
      }),
    );
  }

  async #list(channel: FrameChannel, id: number): Promise<void> {
    for (const item of formatItems(this.#options.store.journalMessages())) {
      channel.send(QUEUE_STATUS.item, id, item);
      await channel.drained();
    }
    channel.send(QUEUE_STATUS.end, id, new Uint8Array(0));
  }
}
