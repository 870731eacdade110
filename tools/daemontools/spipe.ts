/** spipe: a pipeline of supervised services [man spipe.1]. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { closeFd, openPipe } from "../../core/libc/fd.ts";
import { Part } from "./part.ts";

/** The program. */
export const applet = defineApplet({
  names: ["spipe"],
  section: 1,
  summary: "supervise a pipeline of services",
  role: "tool",
  dialect: "admin",
  options: {},
  operands: [{ name: "folder", help: "service folders, the first writes what the second reads", repeat: true }],
  description:
    `spipe starts supervise for each folder, the last first, with a pipe from each to the next. The first reads the standard
input of spipe, the last writes its standard output. A service that is restarted finds its pipes again.

At TERM, INT and QUIT it runs svc -dx on the first folder and waits for it to end, then on the second, and so on, so that
whoever writes ends before the one that reads. It also ends when all services have.`,
  exits: { "0": "all services are down", "1": "wrong usage, or a service could not be started" },
  examples: [{ command: "spipe /service/fetch /service/parse /service/store", help: "fetch | parse | store" }],
  seeAlso: ["multipipe(1)", "supervise(8)", "svc(8)"],
  source: ["[man spipe.1]"],
  async run(proc) {
    let stop = () => {};
    const asked = new Promise<void>((resolve) => stop = resolve);
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) proc.onSignal(signal, stop);
    const parts: Part[] = [];
    try {
      await startParts(proc, parts);
      await Promise.race([asked, Promise.all(parts.map(({ ended }) => ended))]);
    } finally {
      for (const part of parts) {
        await part.tell("dx");
        await part.ended;
      }
    }
  },
});

/** Starts the last part first, so that each has a reader; `parts` is filled from its front. */
async function startParts(proc: Proc, parts: Part[]): Promise<void> {
  proc.args.forEach(mustBeFolder);
  let output = 1;
  for (let at = proc.args.length - 1; at >= 0; at--) {
    const folder = proc.args[at] ?? "";
    const pipe = at > 0 ? openPipe() : undefined;
    try {
      parts.unshift(await Part.start(proc, folder, { 0: pipe?.reading ?? 0, 1: output }));
    } finally {
      if (pipe) closeFd(pipe.reading);
      if (output !== 1) closeFd(output);
      output = pipe?.writing ?? 1;
    }
  }
}

function mustBeFolder(path: string): void {
  try {
    if (Deno.statSync(path).isDirectory) return;
  } catch (error) {
    throw new Temporary(`unable to start ${path}: ${errorText(error)}`);
  }
  throw new Temporary(`unable to start ${path}: it is no folder`);
}
