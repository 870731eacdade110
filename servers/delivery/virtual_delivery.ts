/**
 * Delivery to an address of a virtual domain: what vdelivermail does, inside the daemon for the common case
 * [man vdelivermail.9] [spec formats 5, 6].
 */
import { pathExists } from "../../core/path_exists.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { formatDate } from "../../mail/date.ts";
import { createMaildir, deliverToMaildir } from "../../storage/maildir/deliver.ts";
import { createFolder, folderExists, folderPath } from "../../storage/maildir/folders.ts";
import { NO_QUOTA, tryQuota } from "../../storage/maildir/quota.ts";
import { addUsage, checkQuota } from "../../storage/maildir/quota_size.ts";
import type { Account } from "../../storage/accounts/lookup_types.ts";
import { type DeliveryContext, type DeliveryJob, maildirName } from "./context.ts";
import { deliveredToLine, returnPathLine } from "./environment.ts";
import { sendForward } from "./forward.ts";
import { countHeaderLine, messageHeader } from "./message.ts";
import { deferred, delivered, type DeliveryOutcome, refused } from "./outcome.ts";
import { decideByFilter, type FilterDecision } from "./virtual_filter.ts";

/** An address of a virtual domain and what happens to mail for nobody there. */
export interface VirtualRecipient {
  /** `user@domain`. */
  readonly address: string;
  /** Second argument of vdelivermail: a folder, an address, `bounce-no-mailbox`, `delete` or `domain:ip:port`. */
  readonly fallback: string;
  /** The rules of the account are applied: vfilter stands where vdelivermail would. */
  readonly filtered?: boolean;
  /** Program that gets what no rule decides, in place of vdelivermail, with the same arguments: MDA of vfilter. */
  readonly mda?: string | undefined;
  /** Environment for programs of the account's alias lines. */
  readonly environment: () => Readonly<Record<string, string>>;
}

/** Tells that a rule has decided [spec formats 24]. */
const FILTER_LINE = "X-Filter: xFilter/IndiMail Revision 1(http://www.indimail.org)\n";
/** pw_gid bit: mail for this account bounces [spec tables, pw_gid bits]. */
const BOUNCE_MAIL = 0x0010;
/** The longest chain of alias lines of one address. */
const ALIAS_LINES_MAX = 10_000;

/** Delivers to one virtual address. */
export async function deliverVirtual(
  context: DeliveryContext,
  job: DeliveryJob,
  recipient: VirtualRecipient,
): Promise<DeliveryOutcome> {
  const target = await context.lookup.delivery(recipient.address);
  if (target.kind === "absent" || (target.account?.inactive && target.aliasLines.length === 0)) {
    return recipient.mda ? await giveToMda(context, job, recipient) : await deliverFallback(context, job, recipient);
  }
  const { account } = target;
  const header = await messageHeader(job.message);
  if (countHeaderLine(header, deliveredToLine(recipient.address).trimEnd()) > 0) {
    return refused("This message is looping: it already has my Delivered-To line. (#5.4.6)");
  }
  if (recipient.filtered && account && target.aliasLines.length === 0) {
    const decision = await decideByFilter(context, job, { account, address: recipient.address });
    if (decision) return await deliverDecided(context, job, { recipient, account, decision });
  }
  if (recipient.mda) return await giveToMda(context, job, recipient);
  const lines = target.aliasLines.length > 0 ? target.aliasLines : account ? userLines(context, account) : [];
  if (lines) return await deliverLines(context, job, { recipient, account, lines });
  return await deliverToAccount(context, job, { address: recipient.address, account: account! });
}

/** Has another program deliver what no rule decides [man vfilter.8]. */
async function giveToMda(
  context: DeliveryContext,
  job: DeliveryJob,
  recipient: VirtualRecipient,
): Promise<DeliveryOutcome> {
  const environment = recipient.environment();
  const end = await context.runProgram({
    command: `exec ${recipient.mda} "" ${shellWord(recipient.fallback)}`,
    directory: environment["HOME"] ?? ".",
    environment,
    message: job.message,
  });
  if (end.kind === "temporary") return deferred(end.output);
  if (end.kind === "permanent") return refused(end.output);
  return delivered({ files: 0, forwards: 0, programs: 1 }, { text: end.output });
}

function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** Keeps, forwards, then bounces, as the rule has it: what is kept is not kept twice when a later step is tried again. */
async function deliverDecided(
  context: DeliveryContext,
  job: DeliveryJob,
  to: { readonly recipient: VirtualRecipient; readonly account: Account; readonly decision: FilterDecision },
): Promise<DeliveryOutcome> {
  const { recipient, account } = to;
  const { action, rule } = to.decision;
  const marked = { ...job, extraHeader: `${job.extraHeader}${FILTER_LINE}` };
  const touched: string[] = [];
  const did = { files: 0, forwards: 0, programs: 0 };
  if (action.folder !== undefined && !action.bounce) {
    const { folder } = action;
    const kept = await deliverToAccount(context, marked, { address: recipient.address, account, folder });
    if (kept.report.kind !== "done") return kept;
    touched.push(...kept.touched);
    did.files++;
  }
  if (action.forward?.startsWith("|")) {
    const end = await context.runProgram({
      command: action.forward.slice(1),
      directory: account.home,
      environment: { ...recipient.environment(), XFILTER: `${rule.number}` },
      message: job.message,
    });
    if (end.kind === "temporary") return deferred(end.output);
    did.programs++;
  } else if (action.forward !== undefined) {
    const failed = await sendForward(context, {
      job: marked,
      sender: job.sender,
      recipients: [action.forward.slice(1)],
      deliveredTo: deliveredToLine(recipient.address),
    });
    if (failed) return failed;
    did.forwards++;
  }
  if (!action.bounce) return delivered(did, { touched });
  const domain = account.address.slice(account.address.lastIndexOf("@") + 1);
  return refused(`Mail for ${domain} is not taken: it violates a policy that the administrator has set. (#5.7.1)`);
}

/** Lines of the user's own .qmail; undefined when there is none; an empty one discards mail. */
function userLines(context: DeliveryContext, account: Account): string[] | undefined {
  if (!context.dotQmail.holds(account.home, ".qmail")) return undefined;
  try {
    return latin1Text(Deno.readFileSync(`${account.home}/.qmail`)).split("\n").map((line) => line.trim())
      .filter((line) => line !== "" && !line.startsWith("#"));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

async function deliverFallback(
  context: DeliveryContext,
  job: DeliveryJob,
  recipient: VirtualRecipient,
): Promise<DeliveryOutcome> {
  const { fallback, address } = recipient;
  if (fallback === "delete") return delivered({ files: 0, forwards: 0, programs: 0 }, { text: "discarded " });
  if (fallback.startsWith("/")) {
    const maildir = /\/Maildir\/?$/.test(fallback) ? fallback.replace(/\/$/, "") : `${fallback}/Maildir`;
    return await intoMaildir(context, job, { address, maildir });
  }
  if (fallback.split(":").length === 3) {
    const report = await context.sendRouted({
      job,
      recipient: address,
      route: fallback.slice(fallback.indexOf(":") + 1),
    });
    return { report, touched: [] };
  }
  if (fallback.includes("@") || fallback.startsWith("&")) {
    const failed = await sendForward(context, {
      job,
      sender: job.sender,
      recipients: [fallback.replace(/^&/, "")],
      deliveredTo: deliveredToLine(address),
    });
    return failed ?? delivered({ files: 0, forwards: 1, programs: 0 });
  }
  if (fallback === "bounce-no-mailbox" || fallback === "") {
    return refused(`no account ${address} here by that name. indimail (#5.1.1)`);
  }
  return deferred(`vdelivermail: ${fallback} is no folder, address, route, bounce-no-mailbox or delete (#4.3.5)`);
}

async function deliverLines(
  context: DeliveryContext,
  job: DeliveryJob,
  to: {
    readonly recipient: VirtualRecipient;
    readonly account: Account | undefined;
    readonly lines: readonly string[];
  },
): Promise<DeliveryOutcome> {
  const { recipient, account } = to;
  const forwards: string[] = [];
  const touched: string[] = [];
  const did = { files: 0, forwards: 0, programs: 0 };
  for (const [number, line] of to.lines.slice(0, ALIAS_LINES_MAX).entries()) {
    if (line.startsWith("|")) {
      const end = await context.runProgram({
        command: line.slice(1),
        directory: account?.home ?? "/",
        environment: recipient.environment(),
        message: job.message,
      });
      if (end.kind === "temporary") return deferred(end.output);
      if (end.kind === "permanent") return refused(end.output);
      did.programs++;
      if (end.kind === "stop") break;
      continue;
    }
    if (line.startsWith("/") || line.startsWith(".")) {
      const path = line.startsWith("/") ? line : `${account?.home ?? ""}/${line}`;
      const outcome = await intoMaildir(context, job, {
        address: recipient.address,
        maildir: path.replace(/\/+$/, ""),
        part: number + 1,
      });
      if (outcome.report.kind !== "done") return outcome;
      touched.push(...outcome.touched);
      did.files++;
      continue;
    }
    const address = line.replace(/^&\s*/, "");
    if (address.toLowerCase() !== recipient.address) {
      forwards.push(address);
      continue;
    }
    if (!account) continue; // an alias of itself without a mailbox would loop
    const outcome = await deliverToAccount(context, job, { address, account });
    if (outcome.report.kind !== "done") return outcome;
    touched.push(...outcome.touched);
    did.files++;
  }
  if (forwards.length > 0) {
    const failed = await sendForward(context, {
      job,
      sender: job.sender,
      recipients: forwards,
      deliveredTo: deliveredToLine(recipient.address),
      isAlias: account === undefined && to.lines.length === 1,
    });
    if (failed) return failed;
    did.forwards = forwards.length;
  }
  return delivered(did, { touched });
}

interface AccountDelivery {
  readonly address: string;
  readonly account: Account;
  readonly folder?: string;
  /** The account has just been asked about: what it says of its room holds. */
  readonly fresh?: boolean;
}

async function deliverToAccount(
  context: DeliveryContext,
  job: DeliveryJob,
  to: AccountDelivery,
): Promise<DeliveryOutcome> {
  const { account } = to;
  if (account.flags & BOUNCE_MAIL) {
    return await deliverAsOfNow(context, job, to) ??
      refused(`account ${account.address} is over quota or closed (#5.2.2)`);
  }
  const maildir = `${account.home}/Maildir`;
  const quota = tryQuota(account.quota) ?? NO_QUOTA;
  if (quota.bytes === 0 && quota.messages === 0) {
    return await intoMaildir(context, job, { address: to.address, maildir, folder: to.folder });
  }
  if (!pathExists(maildir)) await createMaildir(context.disk, maildir);
  const check = await checkQuota(
    { disk: context.disk, maildir, nowMs: context.clock.nowMs() },
    quota,
    { bytes: job.message.sizeBytes, messages: 1 },
  );
  if (check.kind === "over") {
    if (pathExists(`${account.home}/holdoverquota`)) {
      return deferred(`account ${account.address} is over quota (#4.2.2)`);
    }
    const outcome = await deliverAsOfNow(context, job, to);
    if (outcome) return outcome;
    await context.lookup.noteQuota(account.address, check.usage.bytes);
    return refused(`account ${account.address} is over quota (#5.2.2)`);
  }
  return await intoMaildir(context, job, { address: to.address, maildir, folder: to.folder, counted: true });
}

/**
 * Before mail bounces for want of room: targets are remembered for a moment, and the quota may have been raised meanwhile.
 * Undefined when nothing has changed.
 */
async function deliverAsOfNow(
  context: DeliveryContext,
  job: DeliveryJob,
  to: AccountDelivery,
): Promise<DeliveryOutcome | undefined> {
  if (to.fresh) return undefined;
  const account = await context.lookup.account(to.account.address);
  if (!account || (account.quota === to.account.quota && account.flags === to.account.flags)) return undefined;
  return await deliverToAccount(context, job, { ...to, account, fresh: true });
}

async function intoMaildir(
  context: DeliveryContext,
  job: DeliveryJob,
  to: {
    readonly address: string;
    readonly maildir: string;
    /** A folder of the Maildir; empty or undefined: the inbox. */
    readonly folder?: string | undefined;
    readonly part?: number;
    readonly counted?: boolean;
  },
): Promise<DeliveryOutcome> {
  if (isSticky(to.maildir)) return deferred("Maildir is sticky: its user is changing it (#4.2.1)");
  const head = latin1Bytes(
    returnPathLine(job.sender) + deliveredToLine(to.address) + job.extraHeader +
      `Received: indimail-virtual ${context.pid} by host ${context.hostName}\n` +
      ` (invoked by uid ${context.uid}); ${formatDate(context.clock.nowMs(), 0)}\n`,
  );
  const sizeBytes = head.length + job.message.sizeBytes;
  const folder = to.folder ? folderPath(to.maildir, to.folder) : to.maildir;
  if (to.folder && !folderExists(to.maildir, to.folder)) await makeFolder(context, to.maildir, to.folder);
  const result = await deliverToMaildir({
    disk: context.disk,
    maildir: folder,
    uniqueName: maildirName(context, job, to.part),
    sizeBytes,
    body: job.message.bytes ? [head, job.message.bytes] : withHead(head, job.message.chunks()),
    mayBeRepeat: job.mayBeRepeat,
    ...(job.ownName && { ownName: true }),
    create: true,
  });
  if (to.counted && result.kind === "delivered") {
    await addUsage(context.disk, to.maildir, { bytes: sizeBytes, messages: 1 });
  }
  return delivered({ files: 1, forwards: 0, programs: 0 }, { touched: [`${folder}/new`] });
}

async function makeFolder({ disk }: DeliveryContext, maildir: string, folder: string): Promise<void> {
  if (!pathExists(maildir)) await createMaildir(disk, maildir);
  await createFolder(disk, maildir, folder);
}

async function* withHead(head: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield head;
  yield* chunks;
}

const STICKY = 0o1000;

function isSticky(path: string): boolean {
  try {
    return ((Deno.statSync(path).mode ?? 0) & STICKY) !== 0;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
