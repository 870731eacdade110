/**
 * qmail-inject: completes the header of a message and queues it.
 */
import { defineApplet } from "../../core/applet.ts";
import type { RecipientSource } from "./compose.ts";
import { injectMessage, QMAIL_INJECT_CONTROL, QMAIL_INJECT_ENV } from "./inject.ts";
import { createWorld } from "./world.ts";

export const applet = defineApplet({
  names: ["qmail-inject"],
  section: 8,
  summary: "preprocess and send a mail message",
  role: "inject",
  dialect: "qmail",
  options: {
    arguments: { flag: "a", help: "send to the recipients given as arguments, not to those of the header" },
    header: { flag: "h", help: "send to the recipients of the header, not to those given as arguments" },
    either: { flag: "A", help: "send to the arguments, or, without any, to the recipients of the header (default)" },
    both: { flag: "H", help: "send to the recipients of the header and to the arguments" },
    sender: { flag: "f", value: "sender", help: "envelope sender; overrides Return-Path and the environment" },
    print: { flag: "n", help: "print the message, do not queue it" },
    queue: { flag: "N", help: "queue the message (default)" },
  },
  operands: [{ name: "recipient", help: "an address", optional: true, repeat: true }],
  description:
    `qmail-inject reads a message from standard input, adds what its header lacks (Date, Message-ID, From, Cc), completes
the addresses in it, removes Bcc, Return-Path and Content-Length, and queues it.

Letters in QMAILINJECT: c writes From as address (name); s ignores Return-Path; f and i replace From and Message-ID; r
makes the envelope sender one that is expanded for each recipient; m appends date and process to it; n prints the message.`,
  env: QMAIL_INJECT_ENV,
  control: [...QMAIL_INJECT_CONTROL],
  files: { "~/.defaultqueue/": "variables, a file each", "control/defaultqueue/": "variables for all users" },
  seeAlso: ["qmail-queue(8)", "sendmail(8)", "qmail-header(5)", "addresses(5)"],
  source: ["[man qmail-inject.9]", "[man qmail-header.5]"],
  async run(proc) {
    const world = createWorld(proc, { defaults: true });
    const { options } = proc;
    const source: RecipientSource = options.both
      ? "both"
      : options.header
      ? "header"
      : options.arguments
      ? "arguments"
      : "either";
    const print = options.print || (!options.queue && (world.env("QMAILINJECT") ?? "").includes("n"));
    await injectMessage(world, { recipients: proc.args, source, sender: options.sender, print });
  },
});
