/**
 * What every delivery needs, given once by the program that delivers: the daemon, qmail-local or vdelivermail.
 */
import type { Clock } from "../../core/applet.ts";
import type { Logger } from "../../core/log.ts";
import type { ControlFiles } from "../../storage/control/control.ts";
import type { Disk } from "../../storage/disk.ts";
import type { Lookup } from "../../storage/accounts/lookup_types.ts";
import type { SubmissionClient } from "../../storage/queue/submission.ts";
import type { DotQmailFiles } from "./dotqmail_files.ts";
import type { LocalRecipient } from "./environment.ts";
import type { DeliverableMessage } from "./message.ts";
import type { DeliveryOutcome } from "./outcome.ts";
import type { RunProgram } from "./program.ts";
import type { SendRouted } from "./routed.ts";

/** The world of a delivery. */
export interface DeliveryContext {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly control: ControlFiles;
  readonly lookup: Lookup;
  readonly queue: SubmissionClient;
  readonly dotQmail: DotQmailFiles;
  readonly runProgram: RunProgram;
  /** Hands a message to the remote daemon with a fixed route. */
  readonly sendRouted: SendRouted;
  /** Runs a delivery in a process of the recipient's user; undefined: this process is that user (or serves all). */
  readonly deliverAsUser?: (job: DeliveryJob, recipient: LocalRecipient) => Promise<DeliveryOutcome>;
  /** MDA: the program that delivers what no rule of vfilter decides; unset: we do. */
  readonly mda?: string | undefined;
  /** control/me, in Maildir names and Received lines. */
  readonly hostName: string;
  readonly pid: number;
  readonly uid: number;
  /** What a .qmail file that is empty stands for: `./Maildir/`. */
  readonly defaultDelivery: string;
}

/** One message for one recipient. Text is latin1. */
export interface DeliveryJob {
  readonly message: DeliverableMessage;
  readonly messageId: string;
  /** The same for every attempt; Maildir names are made of it. */
  readonly deliveryId: string;
  readonly arrivedMs: number;
  readonly sender: string;
  readonly extraHeader: string;
  readonly environmentHeaders: string;
  /** The name may be in the Maildir already, from an attempt that a crash cut off. */
  readonly mayBeRepeat: boolean;
  /** The id is the queue's own, so no other message has the name. */
  readonly ownName?: boolean;
}

/** A Maildir name for this job; `part` tells several Maildirs of one recipient apart. */
export function maildirName(context: DeliveryContext, job: DeliveryJob, part = 0): string {
  const host = context.hostName.replaceAll("/", "\\057").replaceAll(":", "\\072");
  return `${Math.floor(job.arrivedMs / 1000)}.${job.deliveryId}${part === 0 ? "" : `_${part}`}.${host}`;
}
