/** Mail that these programs send: by qmail-queue, with the variables of ~/.defaultqueue and control/defaultqueue. */
import type { Proc } from "../../core/applet.ts";
import { queueEnvironment } from "../../core/default_queue.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { queueByProgram, type QueuedMessage } from "../../core/queue_program.ts";
import { describeQueueExit } from "../../mail/queue_exits.ts";

/** Variables that decide how mail is queued, for the declarations of programs. */
export const QUEUE_ENV = {
  QMAILQUEUE: "program to run instead of qmail-queue",
  HOME: "folder of .defaultqueue",
  SKIP_LOCAL_ENVIRONMENT: "set: ~/.defaultqueue is not read",
  QUEUE_BASE: "folder of the queues; set: control/defaultqueue is not read",
} as const;

/** Folders that they read. */
export const QUEUE_FILES = {
  "~/.defaultqueue/": "variables for what queues mail, a file each; not for root",
  "control/defaultqueue/": "the same for all users",
} as const;

/** The environment for what queues mail [man uenv.9]. */
export function mailEnvironment(proc: Pick<Proc, "env" | "paths" | "uid">): Readonly<Record<string, string>> {
  const all = proc.env.all();
  const asked = proc.uid === 0 ? { ...all, SKIP_LOCAL_ENVIRONMENT: "" } : all;
  return queueEnvironment(asked, proc.paths.control, all);
}

/** Queues a message; the number that says so in logs. Throws Permanent or Temporary with what qmail-queue said. */
export async function queueMail(
  proc: Pick<Proc, "env" | "paths" | "uid" | "spawn">,
  message: QueuedMessage,
): Promise<number> {
  const env = mailEnvironment(proc);
  const end = await queueByProgram(proc, message, { program: env.QMAILQUEUE, env });
  const exit = describeQueueExit(end.code, end.text);
  if (exit.kind === "accepted") return end.pid;
  const text = `unable to queue the message: ${exit.text} (#${exit.enhanced})`;
  throw exit.kind === "permanent" ? new Permanent(text) : new Temporary(text);
}
