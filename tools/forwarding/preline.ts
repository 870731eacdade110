/** preline: gives a command the message with the lines of a delivery in front. */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { LibcError } from "../../core/libc/libc.ts";
import { endCode, startProgram } from "./child_program.ts";
import { deliveryEnv, variable } from "./delivery.ts";
import { messageChunks } from "./message_input.ts";

export const applet = defineApplet({
  names: ["preline"],
  section: 1,
  summary: "prepend lines to a message and pipe it through a command",
  role: "tool",
  dialect: "qmail",
  options: {
    noFrom: { flag: "f", help: "without the From_ line, which only commands that write mboxes want" },
    noReturnPath: { flag: "r", help: "without the Return-Path line" },
    noDeliveredTo: { flag: "d", help: "without the Delivered-To line, for mail that is only routed through here" },
    noExtra: { flag: "e", help: "without the lines that the queue adds" },
  },
  operands: [
    { name: "command", help: "reads the message" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `preline runs the command with the message as its standard input. In front of the message stand the From_ line of an
mbox, the Return-Path line and the Delivered-To line, for programs that do not know the variables of a delivery. preline ends as
the command does.`,
  env: deliveryEnv("UFLINE", "RPLINE", "DTLINE", "QQEH"),
  exits: {
    "100": "the command cannot be run",
    "111": "a variable is missing, or the command was killed; else its own code",
  },
  examples: [{ command: "|preline procmail", help: "a .qmail file for procmail" }],
  seeAlso: ["dot-forward(1)", "fastforward(1)", "qmail-command(8)", "mbox(5)"],
  source: ["[man preline.1]"],
  async run(proc) {
    const { options } = proc;
    const line = (name: string) => {
      const text = variable(proc, name);
      if (text === undefined) throw new Temporary(`${name} is not set: this runs from a .qmail file`);
      return text;
    };
    const head = (options.noFrom ? "" : line("UFLINE")) + (options.noReturnPath ? "" : line("RPLINE")) +
      (options.noDeliveredTo ? "" : line("DTLINE")) + (options.noExtra ? "" : variable(proc, "QQEH") ?? "");
    const started = await startProgram(proc, proc.args, { fds: { 0: "pipe-in", 1: 1, 2: 2 } });
    if (!("child" in started)) throw new Permanent(`unable to run ${proc.args[0]}`);
    const writer = started.child.writers.get(0)!;
    try {
      for await (const chunk of messageChunks(proc.stdin, head)) await writer.write(chunk);
    } catch (error) {
      if (!(error instanceof LibcError)) throw error; // the command has read enough
    } finally {
      writer.close();
    }
    return await endCode(started);
  },
});
