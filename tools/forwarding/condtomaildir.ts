/** condtomaildir: stores a message in a Maildir when a program says so. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Permanent, Temporary, Usage } from "../../core/errors.ts";
import { realDisk } from "../../storage/disk.ts";
import { deliverToMaildir } from "../../storage/maildir/deliver.ts";
import { addUsage, checkQuota, readMaildirSize } from "../../storage/maildir/quota_size.ts";
import { isWanted } from "./child_program.ts";
import { COMMAND_EXIT } from "./command_exits.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { messageChunks, rewindMessage } from "./message_input.ts";

/** Stores the message. Throws Permanent when the Maildir is full, Temporary when it cannot be written. */
async function store(proc: Proc, maildir: string): Promise<void> {
  const head = ["RPLINE", "DTLINE", "QQEH"].map((name) => variable(proc, name) ?? "").join("");
  const sizeBytes = head.length + messageBytes();
  const nowMs = proc.clock.nowMs();
  const context = { disk: realDisk, maildir, nowMs };
  const quota = (await readMaildirSize(context))?.quota;
  if (quota) {
    const { kind } = await checkQuota(context, quota, { bytes: sizeBytes, messages: 1, smallBytesMax: 0 });
    if (kind === "over") throw new Permanent(`${maildir} is full: its quota is used up`);
  }
  const seconds = Math.floor(nowMs / 1000);
  const host = Deno.hostname().replaceAll("/", "057").replaceAll(":", "072");
  const microseconds = nowMs % 1000 * 1000 + Math.floor(performance.now() * 1000) % 1000;
  const { kind } = await deliverToMaildir({
    disk: realDisk,
    maildir,
    uniqueName: `${seconds}.M${microseconds}P${proc.pid}.${host}`,
    sizeBytes,
    body: messageChunks(proc.stdin, head),
  });
  if (kind !== "delivered") throw new Temporary(`${maildir} has a message of that name already`);
  await realDisk.syncDirectory(`${maildir}/new`);
  if (quota) await addUsage(realDisk, maildir, { bytes: sizeBytes, messages: 1 });
}

/** The size of the file that is standard input. */
function messageBytes(): number {
  try {
    return Deno.statSync("/dev/stdin").size;
  } catch (error) {
    throw new Temporary(`unable to find the size of the message: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["condtomaildir"],
  section: 1,
  summary: "perhaps store mail in a Maildir, from a .qmail file",
  role: "tool",
  dialect: "qmail",
  options: { reversed: { flag: "r", help: "store when the program ends with something else than 0, or is missing" } },
  operands: [
    { name: "dir", help: "a Maildir" },
    { name: "program", help: "decides" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `condtomaildir gives the message to the program. When that ends with 0 the message is stored in the Maildir and the next
lines of the .qmail file are skipped; when it ends otherwise, or there is no such program, the next line follows. With -r it is
the other way round. 111 means in both cases that the delivery is tried again later, and 100 that the message is refused: programs
like iftocc, whose no is 100, are put behind sh where their no must not refuse the message.

In front of the message stand the Return-Path and Delivered-To lines. A Maildir with a quota in its maildirsize takes no more than
that; a message for which there is no room is refused.`,
  env: deliveryEnv("RPLINE", "DTLINE", "QQEH"),
  exits: { "0": "not stored", "99": "stored", "100": "refused, or there is no room", "111": "to be tried again" },
  examples: [{
    command: "|condtomaildir ./Maildir/.Friends sh -c 'ifaddr from : joe@example.org || exit 1'",
    help: "files",
  }],
  seeAlso: ["condredirect(1)", "ifaddr(1)", "iftocc(1)", "except(1)", "qmail-command(8)", "maildir(5)"],
  source: ["[man condtomaildir.1]", "[spec formats 5]"],
  async run(proc) {
    const [folder = "", ...command] = proc.args;
    if (folder === "") throw new Usage("the Maildir's name is empty");
    if (!await isWanted(proc, command, { reversed: proc.options.reversed })) return COMMAND_EXIT.done;
    rewindMessage();
    await store(proc, folder.replace(/(.)\/+$/, "$1"));
    await proc.stderr.write(utf8Bytes("condtomaildir: stored\n"));
    return COMMAND_EXIT.stop;
  },
});
