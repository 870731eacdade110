/** mconnect: speaks with an SMTP server by hand [man mconnect.1]. */
import { defineApplet } from "../../core/applet.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { copyStream } from "./copy_stream.ts";
import { crAdder } from "./line_ends.ts";
import { HOST_OPERAND, openPlain, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

export const applet = defineApplet({
  names: ["mconnect"],
  section: 1,
  summary: "speak with an SMTP server by hand",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [HOST_OPERAND, { name: "port", help: "number or name; 25 when absent", optional: true }],
  description:
    "mconnect sends what it reads to a port, with a CR at the end of each line, and prints what comes back, until the other " +
    "side ends.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "mconnect mail.example.com", help: "then type EHLO and so on" }],
  seeAlso: ["mconnect-io(1)", "tcpclient(1)"],
  source: ["[man mconnect.1]"],
  async run(proc) {
    const [host = "0", port = "25"] = proc.args;
    const connection = await openPlain(proc, host, port);
    if (!connection) return EXIT_DIALECTS.chain.temporary;
    const said = copyStream(proc.stdin, connection, [crAdder({ unlessThere: false })]);
    await Promise.race([copyStream(connection, proc.stdout), said.then(() => new Promise<never>(() => {}))]);
    connection.close();
    return EXIT_DIALECTS.chain.ok;
  },
});
