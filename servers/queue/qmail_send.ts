/**
 * qmail-send: the daemon of one queue. Binds control files, sockets and signals to QueueDaemon (daemon.ts).
 */
import { statfs } from "node:fs/promises";
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import { openQueueStore } from "../../storage/queue/store.ts";
import { QueueDaemon } from "./daemon.ts";
import { QUEUE_CONTROL_FILES } from "./settings.ts";

/** The folder and the socket of the queue that the arguments and QUEUEDIR name; queue1 by default. */
function chooseQueue(paths: Paths, chosen: string): { directory: string; name: string; socket: string } {
  const directory =
    (chosen.includes("/") ? chosen : `${paths.queueBase}/${/^\d+$/.test(chosen) ? "queue" : ""}${chosen}`)
      .replace(/\/+$/, "");
  const name = directory.slice(directory.lastIndexOf("/") + 1);
  if (!/^[\w.-]+$/.test(name)) throw new Permanent(`${directory} cannot be a queue: its name is ${name}`);
  const number = /^queue(\d+)$/.exec(name)?.[1];
  const socket = number === undefined ? `${paths.run}/${name}.socket` : socketPath(paths, `queue${Number(number)}`);
  return { directory, name, socket };
}

export const applet = defineApplet({
  names: ["qmail-send"],
  section: 8,
  summary: "deliver messages from a queue",
  role: "queue",
  dialect: "daemon",
  daemon: true,
  options: {
    scanning: { flag: "s", help: "find new messages by reading todo/; accepted for compatibility, both ways are on" },
    dynamic: {
      flag: "d",
      help: "find new messages by being told of them; accepted for compatibility, both ways are on",
    },
  },
  operands: [{ name: "queue", help: "the queue: a number, a name below the queue base, or a folder", optional: true }],
  description:
    `qmail-send owns one queue. It takes messages on its Unix socket (from qmail-smtpd, qmail-queue and deliveries that
forward) and makes each durable before it says so; it finds those that qmail-queue has left in todo/ while no daemon
ran. It tries each message at once, and again later by the schedule of the original, through the local and the remote
delivery daemon. When a recipient fails for good, or the message gets too old, the sender gets a bounce; when a bounce
fails, doublebounceto gets a double bounce; when that fails, it is dropped.

HUP makes it reread control files. ALRM makes it try everything now. TERM makes it finish deliveries in flight, for at
most 30 seconds, and leave everything in qmail's own files.`,
  env: {
    QUEUEDIR: "folder of the queue; default queue1 below the queue base",
    QIDENT: "text appended to delivery numbers in the log; default none",
    CONFSPLIT: "number of subfolders of mess and others, when the queue was made with another than 151",
  },
  control: [...QUEUE_CONTROL_FILES, "queuejournal"],
  files: {
    "queue/queueN": "the queue",
    "run/queueN.socket": "where messages are handed over",
    "queue/queueN/lock/trigger": "one byte makes it look into todo/",
  },
  seeAlso: ["qmail-queue(8)", "qmail-lspawn(8)", "qmail-rspawn(8)", "qmail-qread(8)", "qmail-log(5)"],
  source: ["[man qmail-send.9]", "[man qmail-log.5]", "[spec formats 1]"],
  async run(proc) {
    const chosen = proc.args[0] ?? proc.env.get("QUEUEDIR") ?? "queue1";
    const { directory, name, socket } = chooseQueue(proc.paths, chosen);
    const control = new ControlFiles(proc.paths.control);
    const split = proc.env.get("CONFSPLIT");
    const store = await openQueueStore({
      disk: realDisk,
      directory,
      ...(split !== undefined && /^\d{1,4}$/.test(split) ? { split: Number(split) } : {}),
      journal: { enabled: control.number("queuejournal", 1) !== 0 },
      clock: proc.clock,
      log: proc.log,
      pid: proc.pid,
      async freeBytes() {
        const { bavail, bsize } = await statfs(directory);
        return bavail * bsize;
      },
    });
    let daemon: QueueDaemon;
    try {
      daemon = new QueueDaemon({
        store,
        disk: realDisk,
        control,
        clock: proc.clock,
        log: proc.log,
        queue: name,
        ident: proc.env.get("QIDENT"),
        submitter: { uid: proc.uid, pid: proc.pid },
        sockets: { queue: socket, local: socketPath(proc.paths, "local"), remote: socketPath(proc.paths, "remote") },
      });
    } catch (error) {
      await store.close();
      throw error;
    }
    proc.onSignal("SIGALRM", () => daemon.retryAll());
    proc.onSignal("SIGHUP", () => daemon.reread());
    await daemon.start();
    await aborted(proc.stopping);
    await daemon.stop();
    await proc.log.flush();
  },
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
