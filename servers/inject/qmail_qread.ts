/**
 * qmail-qread: lists the messages of the queues, those that are only in a daemon's journal as well as those in files.
 * Reads only; takes no lock; at most one message is in memory at a time.
 */
import { pathExists } from "../../core/path_exists.ts";
import { defineApplet, type Proc } from "../../core/applet.ts";
import { safeLogText } from "../../core/log.ts";
import { Temporary } from "../../core/errors.ts";
import { formatQmailDate } from "../../mail/date.ts";
import { realDisk } from "../../storage/disk.ts";
import { QueueLayout } from "../../storage/queue/layout.ts";
import type { StoreParts } from "../../storage/queue/parts.ts";
import { askJournalMessages, type ListedMessage, listedMessage } from "../../storage/queue/status.ts";
import { loadStored, scanStored } from "../../storage/queue/stored.ts";
import { queueSockets } from "../../storage/queue/submission_client.ts";
import { takeTodoEntries } from "../../storage/queue/todo.ts";
import { createWorld, type InjectWorld } from "./world.ts";

/** Queues looked for when QUEUE_COUNT does not say how many there are. */
const QUEUES_MAX = 100;

interface Wanted {
  readonly local: boolean;
  readonly remote: boolean;
  readonly todo: boolean;
  /** Only counts. */
  readonly counts: boolean;
}

interface Counts {
  local: number;
  remote: number;
  todo: number;
}

export const applet = defineApplet({
  names: ["qmail-qread"],
  section: 8,
  summary: "list outgoing messages and recipients",
  role: "inject",
  dialect: "admin",
  options: {
    all: { flag: "a", help: "list messages with local and remote recipients and those in todo (default)" },
    local: { flag: "l", help: "list messages with local recipients" },
    remote: { flag: "r", help: "list messages with remote recipients" },
    todo: { flag: "t", help: "list messages that are not yet preprocessed" },
    counts: { flag: "c", help: "display counts only" },
    silent: { flag: "s", help: "no headings; accepted for compatibility" },
    info: { flag: "i", help: "accepted for compatibility" },
  },
  description:
    `qmail-qread lists the messages of the queues: when each arrived, its id, its bytes, its sender, and below it the
recipients still under consideration; "done" stands before those that are finished. Messages that are only in the journal
of a running queue daemon are asked of it, the others are read from the queue's files; so it must run as root or as the
queue's user.`,
  env: {
    QUEUEDIR: "folder of the one queue to list",
    QUEUE_BASE: "folder of the queues",
    QUEUE_COUNT: "number of queues; default: all there are",
    QUEUE_START: "number of the first queue; default 1",
    CONFSPLIT: "number of subfolders of mess and others, when the queue was made with another than 151",
    HOME: "folder of .defaultqueue",
    SKIP_LOCAL_ENVIRONMENT: "set: ~/.defaultqueue is not read",
    FASTQUEUE: "set: ~/.defaultqueue is not read",
  },
  files: { "queue/queueN": "the queues" },
  seeAlso: ["qmail-send(8)", "qmail-queue(8)"],
  source: ["[man qmail-qread.9]"],
  async run(proc) {
    const world = createWorld(proc, { defaults: true });
    const { options } = proc;
    const every = options.all || !(options.local || options.remote || options.todo);
    const wanted = {
      local: every || options.local,
      remote: every || options.remote,
      todo: every || options.todo,
      counts: options.counts,
    };
    const counts = { local: 0, remote: 0, todo: 0 };
    const queues = findQueues(world);
    if (queues.length === 0) throw new Temporary(`there is no queue in ${proc.paths.queueBase}`);
    for (const queue of queues) await listQueue(world, queue, { wanted, counts });
    if (!options.counts) return;
    await print(
      proc,
      `Messages in local queue: ${counts.local}\nMessages in remote queue: ${counts.remote}\n` +
        `Messages in todo queue: ${counts.todo}\n`,
    );
  },
});

function findQueues({ proc, env }: InjectWorld): { directory: string; socket: string }[] {
  const directory = env("QUEUEDIR")?.replace(/\/+$/, "");
  if (directory) return [{ directory, socket: `${proc.paths.run}/${directory.split("/").at(-1)}.socket` }];
  const base = env("QUEUE_BASE") ?? proc.paths.queueBase;
  const start = Number(env("QUEUE_START") ?? 1) || 1;
  const count = Math.min(Number(env("QUEUE_COUNT") ?? QUEUES_MAX) || QUEUES_MAX, QUEUES_MAX);
  return queueSockets(proc.paths, count, start).map((socket, at) => ({
    directory: `${base}/queue${start + at}`,
    socket,
  }))
    .filter((queue) => pathExists(queue.directory));
}

/** Lists one queue: first what the daemon knows, then the files, each message once. */
async function listQueue(
  world: InjectWorld,
  queue: { readonly directory: string; readonly socket: string },
  output: { readonly wanted: Wanted; readonly counts: Counts },
): Promise<void> {
  const { proc } = world;
  const listed = new Set<string>();
  const show = async (message: ListedMessage) => {
    listed.add(message.id);
    await showMessage(proc, message, output);
  };
  const inJournal: ListedMessage[] = [];
  try {
    await askJournalMessages(queue.socket, (message) => inJournal.push(message));
  } catch (error) {
    if (!(error instanceof Temporary)) throw error; // no daemon runs: all there is, is in files
  }
  for (const message of inJournal) await show(message);
  const split = Number(world.env("CONFSPLIT") ?? 0);
  const parts: StoreParts = {
    disk: realDisk,
    layout: new QueueLayout(queue.directory, split > 0 ? { split } : {}),
    log: proc.log,
    clock: proc.clock,
    pid: proc.pid,
    inUse: new Set(),
  };
  for await (const { fileId } of scanStored(parts)) {
    const message = await loadStored(parts, fileId);
    if (message && !listed.has(message.id)) await show(listedMessage(message));
  }
  for await (const { fileId, arrivedMs, sizeBytes, envelope } of takeTodoEntries(parts)) {
    output.counts.todo++;
    if (!output.wanted.todo || output.wanted.counts) continue;
    const recipients = envelope.recipients.map((address) => `\ttodo\t${safeText(address)}\n`).join("");
    const { sender } = envelope;
    await print(proc, headline({ id: String(fileId), arrivedMs, sizeBytes, sender, bounced: false }) + recipients);
  }
}

async function showMessage(
  proc: Proc,
  message: ListedMessage,
  { wanted, counts }: { readonly wanted: Wanted; readonly counts: Counts },
): Promise<void> {
  const { recipients } = message;
  if (recipients.some(({ channel }) => channel === "local")) counts.local++;
  if (recipients.some(({ channel }) => channel === "remote")) counts.remote++;
  if (wanted.counts) return;
  const shown = recipients.filter(({ channel }) => wanted[channel]);
  if (shown.length === 0 && recipients.length > 0) return;
  const lines = shown.map(({ address, channel, done }) =>
    `${done ? "  done" : ""}\t${channel}\t${safeText(address)}\n`
  );
  await print(proc, headline(message) + lines.join(""));
}

function headline(message: Omit<ListedMessage, "recipients">): string {
  const date = formatQmailDate(message.arrivedMs).replace("-0000", "GMT");
  const bouncing = message.bounced ? "  bouncing" : "";
  return `${date}  #${message.id}  ${message.sizeBytes}  <${safeText(message.sender)}>${bouncing}\n`;
}

function safeText(address: string): string {
  return address.includes("%") ? address.split("%").map(safeLogText).join("%") : safeLogText(address);
}

async function print(proc: Proc, text: string): Promise<void> {
  await proc.stdout.write(new TextEncoder().encode(text));
}
