/** splogger: hands lines of standard input to syslog [man splogger.8]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Usage } from "../../core/errors.ts";
import { LogMessages } from "./log_messages.ts";
import { SyslogSocket } from "./syslog_socket.ts";

const READ_BYTES = 64 * 1024;
/** LOG_MAIL. */
const FACILITY_DEFAULT = 2;
const FACILITY_MAX = 23;
const SOCKET = "/dev/log";

/** The program. */
export const applet = defineApplet({
  names: ["splogger"],
  section: 8,
  summary: "hand lines of standard input to syslog",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "tag", help: "name of the log's source; splogger unless given", optional: true },
    { name: "facility", help: "number of a syslog facility; 2, mail, unless given", optional: true },
  ],
  description:
    `splogger sends each line that is not empty to syslog, with the time in seconds since 1970 before it. The priority is alert
for a line that begins with alert:, warning for one that begins with warning:, else info. Characters that cannot be printed
become question marks. A line of more than 800 characters goes out in parts, the later ones with a + behind the time.

Syslog may lose messages; while its socket is absent they are lost, and splogger says so once. multilog loses nothing.`,
  exits: { "0": "end of input", "100": "wrong usage" },
  files: { [SOCKET]: "the socket of the syslog daemon" },
  examples: [{ command: "qmail-start ./Mailbox splogger qmail", help: "log mail by syslog" }],
  seeAlso: ["multilog(8)", "qfilelog(1)", "syslog(3)"],
  source: ["[man splogger.8]"],
  async run(proc) {
    const [tag = "splogger", number = String(FACILITY_DEFAULT)] = proc.args;
    if (!/^\d{1,2}$/.test(number) || Number(number) > FACILITY_MAX) {
      throw new Usage(`facility ${number}: a number from 0 to ${FACILITY_MAX}`);
    }
    using socket = new SyslogSocket(SOCKET);
    const messages = new LogMessages({ tag, facility: Number(number), nowMs: () => proc.clock.nowMs() });
    const buffer = new Uint8Array(READ_BYTES);
    let told = false;
    for (;;) {
      const count = await proc.stdin.read(buffer);
      const due = count === null ? messages.end() : messages.push(buffer.subarray(0, count));
      for (const message of due) {
        const error = await socket.send(message);
        if (error === undefined || told) continue;
        told = true;
        const text = `${proc.name}: warning: messages are lost: ${SOCKET}: ${errorText(error)}\n`;
        await proc.stderr.write(new TextEncoder().encode(text));
      }
      if (count === null) return;
    }
  },
});
