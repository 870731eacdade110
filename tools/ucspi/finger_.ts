/** finger@: ask another host about a user [man finger@.1]. */
import { defineApplet } from "../../core/applet.ts";
import { askAndShow, HOST_OPERAND, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

export const applet = defineApplet({
  names: ["finger@"],
  section: 1,
  summary: "ask another host about a user",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [HOST_OPERAND, { name: "user", help: "whom to ask about; everybody when absent", optional: true }],
  description:
    "finger@ sends the user's name, or an empty line, to TCP port 79 (finger) of a host and prints the answer, without CRs and with unprintable characters made visible. It ends with 0 even if nobody answers.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "finger@ shell.example.com joe", help: "who is joe?" }],
  seeAlso: ["tcpclient(1)", "tcpcat(1)"],
  source: ["[man finger@.1]"],
  async run(proc) {
    await askAndShow(proc, { port: "79", question: `${proc.args[1] ?? ""}\r\n` });
  },
});
