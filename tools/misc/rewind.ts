/** rewind: sets standard input back to its start, for the next command of a script. */
import { defineApplet } from "../../core/applet.ts";
import { seekStart } from "../../core/libc/seek.ts";

const STDIN = 0;

export const applet = defineApplet({
  names: ["rewind"],
  section: 1,
  summary: "set standard input back to its start",
  role: "tool",
  dialect: "qmail",
  options: {},
  description:
    `rewind sets the position of standard input back to the start, when it is a file: the next command of a script
or of a .qmail file that shares it reads all of it again. With a pipe or terminal it does nothing.`,
  examples: [{ command: "(grep -c From; rewind; forward joe@example.com) <message", help: "two commands, one input" }],
  seeAlso: ["maildircmd(1)", "serialcmd(1)"],
  source: ["[man rewind.1]"],
  run() {
    seekStart(STDIN);
    return Promise.resolve();
  },
});
