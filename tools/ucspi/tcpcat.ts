/** tcpcat: prints what a port says, byte for byte [man tcpcat.1]. */
import { defineApplet } from "../../core/applet.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { copyStream } from "./copy_stream.ts";
import { openPlain, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

export const applet = defineApplet({
  names: ["tcpcat"],
  section: 1,
  summary: "print what a port of another host says",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    { name: "host", help: "address or name; 0 for this host" },
    { name: "port", help: "number or name; 17 when absent", optional: true },
  ],
  description: "tcpcat connects to a port and prints what it receives, byte for byte, until the other side ends.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "tcpcat 0 9000 >copy", help: "fetch what somebody offers with tcpserver 0 9000 cat file" }],
  seeAlso: ["tcpclient(1)", "tcpserver(1)"],
  source: ["[man tcpcat.1]"],
  async run(proc) {
    const [host = "0", port = "17"] = proc.args;
    const connection = await openPlain(proc, host, port);
    if (!connection) return EXIT_DIALECTS.chain.temporary;
    await copyStream(connection, proc.stdout);
    connection.close();
    return EXIT_DIALECTS.chain.ok;
  },
});
