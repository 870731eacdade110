/** waitfor: waits for the end of any process [man waitfor.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { Poller, tryOpenProcess } from "../../../core/libc/poll.ts";

/** The program. */
export const applet = defineApplet({
  names: ["waitfor"],
  section: 8,
  summary: "wait for the end of a process that is no child",
  role: "tool",
  dialect: "admin",
  options: { verbose: { flag: "v", help: "say when the process has ended" } },
  operands: [{ name: "pid", help: "the process" }],
  description: "waitfor waits, without looking again and again, until the process has ended.",
  exits: { "0": "the process has ended", "1": "there is no such process, or it cannot be waited for" },
  examples: [{
    command: "waitfor $(pidof -s java)",
    help: "in a run file: start it again only when the old one is gone",
  }],
  seeAlso: ["supervise(8)", "pidfd_open(2)"],
  source: ["[man waitfor.8]"],
  async run(proc) {
    const text = proc.args[0] ?? "";
    if (!/^[1-9]\d{0,9}$/.test(text)) throw new Usage(`${text} is not a pid`);
    const fd = tryOpenProcess(Number(text));
    if (fd === undefined) throw new Permanent(`there is no process ${text}`);
    const poller = new Poller();
    await new Promise<void>((resolve) => poller.watch(fd, resolve));
    await poller.close();
    if (proc.options.verbose) await proc.stdout.write(new TextEncoder().encode(`process ${text} has ended\n`));
  },
});
