/** maildirserial: sends the messages of a Maildir through a client. */
import { defineApplet } from "../../core/applet.ts";
import { queueEnvironment } from "../../core/default_queue.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { BOUNCE_CONTROL, readBounceSettings } from "./bounce_message.ts";
import { cleanTmp } from "./maildir_scan.ts";
import { SerialRun } from "./serial_run.ts";

/** Locks the Maildir's folder against another run; it is freed when the process ends. */
function lockMaildir(maildir: string): Deno.FsFile {
  let folder: Deno.FsFile;
  try {
    folder = Deno.openSync(maildir, { read: true });
    if (folder.tryLockSync(true)) return folder;
  } catch (error) {
    throw new Temporary(`unable to open ${maildir}: ${errorText(error)}`);
  }
  folder.close();
  throw new Temporary(`${maildir} is being sent by another maildirserial`);
}

export const applet = defineApplet({
  names: ["maildirserial"],
  section: 1,
  summary: "send the messages of a Maildir through a client",
  role: "tool",
  dialect: "qmail",
  options: {
    bounce: { flag: "b", help: "return what is refused for good to its sender by qmail-queue, and remove it" },
    lifetime: {
      flag: "t",
      value: "seconds",
      help: "refusals for now of messages older than this are refusals for good",
    },
  },
  operands: [
    { name: "dir", help: "a Maildir" },
    { name: "prefix", help: "only messages whose recipient begins so; it is removed" },
    { name: "client", help: "program that sends" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `maildirserial runs the client in the Maildir and gives it, on standard input, the names of the messages that
came before it was started, oldest first, each ended by a NUL. The client prints for each a name, a NUL, K, Z or D, and a line of
text. Messages with K are removed; those with Z (refused for now) and D (for good) stay, but for the options.

A client that ends before it has decided on all is run again, until it makes no progress. Only one maildirserial works on a
Maildir at a time. A message is removed only when the client or the queue has it.`,
  env: {
    HOME: "folder of .defaultqueue",
    SKIP_LOCAL_ENVIRONMENT: "set: ~/.defaultqueue is not read",
    QUEUE_BASE: "set: the control folder defaultqueue is not read",
    QMAILQUEUE: "program to run instead of qmail-queue",
  },
  control: [...BOUNCE_CONTROL],
  exits: {
    "0": "nothing is left to be sent",
    "100": "the client has exited 100",
    "111": "messages are left, or the client makes no progress",
  },
  files: { "~/.defaultqueue/": "variables, a file each", "control/defaultqueue/": "variables for all users" },
  seeAlso: ["maildirsmtp(1)", "maildirqmtp(1)", "maildircmd(1)", "serialsmtp(1)", "maildir(5)", "qmail-queue(8)"],
  source: ["[man maildirserial.9]", "[spec formats 21]"],
  async run(proc) {
    const [dir = "", prefix = "", ...client] = proc.args;
    const { bounce, lifetime } = proc.options;
    if (lifetime !== undefined && !/^\d{1,15}$/.test(lifetime)) {
      throw new Usage(`${lifetime} is not a number of seconds`);
    }
    const { control } = proc.paths;
    const job = {
      maildir: dir,
      prefix,
      client,
      bounce,
      lifetimeSeconds: lifetime === undefined ? undefined : Number(lifetime),
      env: queueEnvironment(proc.env.all(), control),
      settings: readBounceSettings(control),
    };
    const lock = lockMaildir(dir);
    try {
      cleanTmp(dir, proc.clock.nowMs());
      return await new SerialRun(proc, job).run();
    } finally {
      lock.close();
    }
  },
});
