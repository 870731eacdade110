/**
 * Delivery to a system user in a process of that user: qmail-local, started by the daemon when it runs as root
 * [man qmail-lspawn.9] [spec formats 2.1].
 */
import type { Proc } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { closeFd } from "../../core/libc/fd.ts";
import type { DeliveryJob } from "./context.ts";
import type { LocalRecipient } from "./environment.ts";
import { deferred, type DeliveryOutcome } from "./outcome.ts";
import { commandPath, openMessage, programKind } from "./program.ts";

/** Output of qmail-local that a report keeps [spec formats 2]. */
const OUTPUT_BYTES_MAX = 3000;
/** Exit codes of qmail-local that are for a later try [spec formats 2.1]; 0 is done, others are for good. */
const TEMPORARY_CODES: ReadonlySet<number> = new Set([
  111,
  71,
  74,
  75,
  112,
  113,
  115,
  116,
  117,
  118,
  119,
  120,
  121,
  122,
  127,
]);

/** Runs qmail-local as the recipient's user and reads its report. */
export async function deliverAsUser(
  proc: Proc,
  defaultDelivery: string,
  delivery: { readonly job: DeliveryJob; readonly recipient: LocalRecipient },
): Promise<DeliveryOutcome> {
  const { job, recipient } = delivery;
  const message = openMessage(job.message, proc.paths.run);
  const { user, home, local, dash, ext, domain, uid, gid } = recipient;
  try {
    const child = await proc.spawn({
      program: "qmail-local",
      args: ["--", user, home, local, dash, ext, domain, job.sender, defaultDelivery, job.extraHeader],
      env: {
        PATH: commandPath(proc.env.all()),
        INDIMAIL_ROOT: proc.paths.root,
        HOME: home,
        USER: user,
        MESSID: job.messageId,
        DELIVERYID: job.deliveryId,
        ARRIVEDMS: String(job.arrivedMs),
        REPEAT: job.mayBeRepeat ? "1" : "",
      },
      cwd: "/",
      fds: { 0: message, 1: "pipe-out", 2: "pipe-out" },
      user: { uid, gid },
    });
    const texts = await Promise.all([...child.readers.values()].map(readOutput));
    const end = await child.ended;
    const text = texts.join("");
    if (end.signal !== 0) return deferred(`${text}qmail-local crashed. (#4.3.0)`);
    if (end.code === 0) return { report: { kind: "done", text }, touched: [] };
    const kind = TEMPORARY_CODES.has(end.code) || programKind(end) === "temporary" ? "temporary" : "permanent";
    return { report: { kind, text }, touched: [] };
  } finally {
    closeFd(message);
  }
}

async function readOutput(
  reader: { read(into: Uint8Array): Promise<number | null>; close(): void },
): Promise<string> {
  const buffer = new Uint8Array(OUTPUT_BYTES_MAX);
  let text = "";
  for (let count = await reader.read(buffer); count !== null; count = await reader.read(buffer)) {
    text = (text + latin1Text(buffer.subarray(0, count))).slice(0, OUTPUT_BYTES_MAX);
  }
  reader.close();
  return text;
}
