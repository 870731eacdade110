/** svstat: prints how services stand [man svstat.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { readStand, standCode, standLine } from "./stand.ts";

/** The program. */
export const applet = defineApplet({
  names: ["svstat"],
  section: 8,
  summary: "print the status of services",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [{ name: "folder", help: "a service", repeat: true }],
  description:
    `svstat prints a line for each service: whether it is up, down, or waits for another one, for how long, and its pid; of one
that is down or waits the pid of its supervisor (spid). ?pid is a pid that is not there, as of a service in the background.
Then comes what is not as usual: normally down for one that is up and has a file down, normally up for the reverse, paused,
want up and want down for one that has not got there yet.`,
  exits: {
    "0": "of one service: it is up",
    "1": "it is down",
    "2": "it is not supervised",
    "3": "it is paused",
    "4": "it is down and wants up",
    "5": "it is up and wants down",
    "6": "it waits for another service",
    "100": "its status file is damaged",
    "111": "it cannot be looked at",
  },
  seeAlso: ["supervise(8)", "svc(8)", "svok(8)", "svps(1)"],
  source: ["[man svstat.8]"],
  async run(proc) {
    let code: number = 0;
    let text = "";
    for (const service of proc.args) {
      const stand = readStand(service);
      code = standCode(stand);
      if (stand.kind === "known") text += `${standLine(service, stand, proc.clock.nowMs())}\n`;
      else proc.log.line(`svstat: warning: ${stand.why}`);
    }
    await proc.stdout.write(new TextEncoder().encode(text));
    return code;
  },
});
