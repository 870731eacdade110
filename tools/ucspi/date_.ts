/** date@: print the date of another host [man date@.1]. */
import { defineApplet } from "../../core/applet.ts";
import { askAndShow, HOST_OPERAND, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

export const applet = defineApplet({
  names: ["date@"],
  section: 1,
  summary: "print the date of another host",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [HOST_OPERAND],
  description:
    "date@ prints what a host says on TCP port 13 (daytime), without CRs and with unprintable characters made visible. It ends with 0 even if nobody answers.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "date@ time.example.com", help: "what time is it there?" }],
  seeAlso: ["tcpclient(1)", "tcpcat(1)"],
  source: ["[man date@.1]"],
  async run(proc) {
    await askAndShow(proc, { port: "13" });
  },
});
