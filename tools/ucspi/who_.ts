/** who@: print who is logged in on another host [man who@.1]. */
import { defineApplet } from "../../core/applet.ts";
import { askAndShow, HOST_OPERAND, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

export const applet = defineApplet({
  names: ["who@"],
  section: 1,
  summary: "print who is logged in on another host",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [HOST_OPERAND],
  description:
    "who@ prints what a host says on TCP port 11 (systat), without CRs and with unprintable characters made visible. It ends with 0 even if nobody answers.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "who@ shell.example.com", help: "who is there?" }],
  seeAlso: ["tcpclient(1)", "tcpcat(1)"],
  source: ["[man who@.1]"],
  async run(proc) {
    await askAndShow(proc, { port: "11" });
  },
});
