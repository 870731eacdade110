/**
 * Delivery by a user's .qmail file: what qmail-local does, for the daemon and for the program of that name
 * [man qmail-local.9, man dot-qmail.9].
 */
import type { DotQmail, DotQmailInstruction } from "../../mail/dotqmail/parse.ts";
import { parseDotQmail, plainCommandWords } from "../../mail/dotqmail/parse.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { deliverToMaildir } from "../../storage/maildir/deliver.ts";
import { appendToMbox } from "../../storage/mbox/append.ts";
import { type DeliveryContext, type DeliveryJob, maildirName } from "./context.ts";
import type { FoundDotQmail } from "./dotqmail_files.ts";
import {
  commandEnvironment,
  deliveredToLine,
  type LocalRecipient,
  mboxFromLine,
  returnPathLine,
} from "./environment.ts";
import { readEnvironmentFolder } from "./environment_folder.ts";
import { sendForward } from "./forward.ts";
import { countHeaderLine, messageHeader } from "./message.ts";
import { deferred, delivered, type DeliveryOutcome, refused } from "./outcome.ts";
import { deliverVirtual } from "./virtual_delivery.ts";

/** Sender of a double bounce: it stays what it is. */
const DOUBLE_BOUNCE_SENDER = "#@[]";

/** State of one run through a .qmail file. */
interface Run {
  readonly recipient: LocalRecipient;
  readonly job: DeliveryJob;
  readonly file: FoundDotQmail | undefined;
  readonly newSender: string;
  environment: Record<string, string>;
  readonly forwards: string[];
  readonly touched: string[];
  readonly did: { files: number; forwards: number; programs: number };
  output: string;
  forwardOnly: boolean;
}

/** Delivers to one local recipient. */
export async function deliverLocal(
  context: DeliveryContext,
  job: DeliveryJob,
  recipient: LocalRecipient,
): Promise<DeliveryOutcome> {
  const asUser = recipient.uid === context.uid ? undefined : context.deliverAsUser;
  // a home may be closed to everybody but its user; alias is ours
  if (asUser && context.uid !== 0 && recipient.user !== "alias") return await asUser(job, recipient);
  const search = context.dotQmail.find(recipient.home, recipient.dash, recipient.ext);
  if (search.kind === "wait") return deferred(search.text);
  if (search.kind === "none" && recipient.dash !== "") return refused("Sorry, no mailbox here by that name. (#5.1.1)");
  const file = search.kind === "found" ? search.file : undefined;
  const dotQmail: DotQmail = file && !file.empty ? file.content : parseDotQmail(context.defaultDelivery);
  const virtual = onlyVdelivermail(dotQmail);
  if (virtual === undefined && asUser && !onlyForwards(dotQmail)) return await asUser(job, recipient);
  const address = `${recipient.local}@${recipient.domain}`;
  const loops = countHeaderLine(await messageHeader(job.message), deliveredToLine(address).trimEnd());
  if (loops > context.control.number("maxdeliveredto", 0)) {
    return refused("This message is looping: it already has my Delivered-To line. (#5.4.6)");
  }
  if (virtual !== undefined) return await deliverVirtualDomain(context, job, { recipient, file, ...virtual });
  const newSender = ownerSender(context, job, recipient);
  const run: Run = {
    recipient,
    job,
    file,
    newSender,
    environment: environmentOf(job, { recipient, newSender, matched: file?.matched }),
    forwards: [],
    touched: [],
    did: { files: 0, forwards: 0, programs: 0 },
    output: "",
    forwardOnly: file?.forwardOnly ?? false,
  };
  return await runInstructions(context, run, dotQmail.instructions);
}

/** Forwards need nothing of the user's powers. */
function onlyForwards(dotQmail: DotQmail): boolean {
  return dotQmail.instructions.every(({ kind }) => kind === "forward" || kind === "forward-only");
}

/** The arguments when the file's only instruction is vdelivermail or vfilter without anything that needs a shell. */
function onlyVdelivermail(dotQmail: DotQmail): { readonly fallback: string; readonly filtered: boolean } | undefined {
  const [first, second] = dotQmail.instructions;
  if (second || first?.kind !== "program") return undefined;
  const words = plainCommandWords(first.command);
  const program = words?.[0]?.split("/").at(-1);
  if (!words || words.length > 3 || (program !== "vdelivermail" && program !== "vfilter")) return undefined;
  return { fallback: words[2] ?? "", filtered: program === "vfilter" };
}

async function deliverVirtualDomain(
  context: DeliveryContext,
  job: DeliveryJob,
  to: {
    readonly recipient: LocalRecipient;
    readonly file: FoundDotQmail | undefined;
    readonly fallback: string;
    readonly filtered: boolean;
  },
): Promise<DeliveryOutcome> {
  const { recipient, file, fallback, filtered } = to;
  return await deliverVirtual(context, job, {
    address: `${recipient.ext}@${recipient.domain}`.toLowerCase(),
    fallback,
    filtered,
    mda: filtered ? context.mda : undefined,
    environment: () => environmentOf(job, { recipient, newSender: job.sender, matched: file?.matched }),
  });
}

function environmentOf(
  job: DeliveryJob,
  more: { readonly recipient: LocalRecipient; readonly newSender: string; readonly matched: string | undefined },
): Record<string, string> {
  return commandEnvironment(more.recipient, {
    sender: job.sender,
    newSender: more.newSender,
    defaultPart: more.matched,
    arrivedMs: job.arrivedMs,
    extraHeader: job.extraHeader,
    messageId: job.messageId,
    environmentHeaders: job.environmentHeaders,
  });
}

/** The sender of forwards: the owner of the list when there is one. */
function ownerSender(context: DeliveryContext, job: DeliveryJob, recipient: LocalRecipient): string {
  const { sender } = job;
  if (sender === "" || sender === DOUBLE_BOUNCE_SENDER) return sender;
  const base = `.qmail${recipient.dash}${recipient.ext.toLowerCase().replaceAll(".", ":")}-owner`;
  if (!context.dotQmail.has(recipient.home, base)) return sender;
  if (context.dotQmail.has(recipient.home, `${base}-default`)) {
    return `${recipient.local}-owner-@${recipient.domain}-@[]`;
  }
  return `${recipient.local}-owner@${recipient.domain}`;
}

async function runInstructions(
  context: DeliveryContext,
  run: Run,
  instructions: readonly DotQmailInstruction[],
): Promise<DeliveryOutcome> {
  for (let at = 0; at < instructions.length; at++) {
    const instruction = instructions[at]!;
    if (instruction.kind === "jump") {
      const target = await jumpTarget(context, run, { instruction, instructions, at });
      if (typeof target !== "number") return target;
      at = target;
      continue;
    }
    const end = await runInstruction(context, run, { instruction, number: at });
    if (end === "stop") break;
    if (end) return end;
  }
  if (run.forwards.length > 0) {
    const failed = await sendForward(context, {
      job: run.job,
      sender: run.newSender,
      recipients: run.forwards,
      deliveredTo: deliveredToLine(`${run.recipient.local}@${run.recipient.domain}`),
      isAlias: run.recipient.dash !== "" && run.file?.matched === undefined && instructions.length === 1,
    });
    if (failed) return failed;
    run.did.forwards = run.forwards.length;
  }
  return delivered(run.did, { text: run.output, touched: run.touched });
}

async function jumpTarget(
  context: DeliveryContext,
  run: Run,
  jump: {
    readonly instruction: Extract<DotQmailInstruction, { kind: "jump" }>;
    readonly instructions: readonly DotQmailInstruction[];
    readonly at: number;
  },
): Promise<number | DeliveryOutcome> {
  const { instruction, instructions, at } = jump;
  if (instruction.command !== "") {
    const end = await runCommand(context, run, instruction.command);
    if (end.kind === "temporary") return deferred(end.output);
    if (end.kind === "permanent") return refused(end.output);
    if (end.kind === "done") return at;
  }
  const target = instructions.findIndex((other, index) =>
    index > at && other.kind === "label" && other.label === instruction.label
  );
  if (target < 0) return deferred(`No label ${instruction.label} follows in the .qmail file. (#4.3.5)`);
  return target;
}

async function runInstruction(
  context: DeliveryContext,
  run: Run,
  step: { readonly instruction: DotQmailInstruction; readonly number: number },
): Promise<DeliveryOutcome | "stop" | undefined> {
  const { instruction, number } = step;
  switch (instruction.kind) {
    case "forward":
      run.forwards.push(instruction.address);
      return undefined;
    case "forward-only":
      run.forwardOnly = true;
      return undefined;
    case "environment":
      run.environment = readEnvironmentFolder(absolute(run.recipient, instruction.folder), run.environment);
      return undefined;
    case "program": {
      if (run.forwardOnly) return deferred("Uh-oh: .qmail has prog delivery but has x bit set. (#4.7.0)");
      const end = await runCommand(context, run, instruction.command);
      if (end.kind === "temporary") return deferred(end.output);
      if (end.kind === "permanent") return refused(end.output);
      run.output += end.output;
      run.did.programs++;
      return end.kind === "stop" ? "stop" : undefined;
    }
    case "maildir":
    case "mbox":
      if (run.forwardOnly) return deferred("Uh-oh: .qmail has file delivery but has x bit set. (#4.7.0)");
      await (instruction.kind === "maildir" ? intoMaildir : intoMbox)(context, run, { path: instruction.path, number });
      run.did.files++;
      return undefined;
    case "label":
    case "jump":
      return undefined;
  }
}

function runCommand(context: DeliveryContext, run: Run, command: string) {
  return context.runProgram({
    command,
    directory: run.recipient.home,
    environment: run.environment,
    message: run.job.message,
  });
}

function absolute(recipient: LocalRecipient, path: string): string {
  return path.startsWith("/") ? path : `${recipient.home}/${path.replace(/^\.\//, "")}`;
}

async function intoMaildir(
  context: DeliveryContext,
  run: Run,
  to: { readonly path: string; readonly number: number },
): Promise<void> {
  const { job, recipient } = run;
  const maildir = absolute(recipient, to.path).replace(/\/+$/, "");
  const head = latin1Bytes(
    returnPathLine(job.sender) + deliveredToLine(`${recipient.local}@${recipient.domain}`) + job.extraHeader,
  );
  await deliverToMaildir({
    disk: context.disk,
    maildir,
    uniqueName: maildirName(context, job, to.number),
    sizeBytes: head.length + job.message.sizeBytes,
    body: job.message.bytes ? [head, job.message.bytes] : withHead(head, job.message.chunks()),
    mayBeRepeat: job.mayBeRepeat,
    ...(job.ownName && { ownName: true }),
    create: run.file === undefined || run.file.empty,
  });
  run.touched.push(`${maildir}/new`);
}

async function intoMbox(
  context: DeliveryContext,
  run: Run,
  to: { readonly path: string; readonly number: number },
): Promise<void> {
  const { job, recipient } = run;
  await appendToMbox({
    path: absolute(recipient, to.path),
    disk: context.disk,
    fromLine: mboxFromLine(job.sender, job.arrivedMs),
    head: latin1Bytes(
      returnPathLine(job.sender) + deliveredToLine(`${recipient.local}@${recipient.domain}`) + job.extraHeader,
    ),
    body: job.message.chunks(),
  });
}

async function* withHead(head: Uint8Array, chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  yield head;
  yield* chunks;
}
