/** http@: prints a page of a web server [man http@.1]. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { readByteLines } from "./byte_lines.ts";
import { HOST_OPERAND, openPlain, PLAIN_CLIENT_ENV } from "./peer/plain_client.ts";

const CR = 13;
const LF = 10;

export const applet = defineApplet({
  names: ["http@"],
  section: 1,
  summary: "print a page of a web server",
  role: "tool",
  dialect: "chain",
  options: {},
  operands: [
    HOST_OPERAND,
    { name: "page", help: "path of the page without its first slash; the first page when absent", optional: true },
    { name: "port", help: "number or name; 80 when absent", optional: true },
  ],
  description:
    "http@ asks a web server for a page by HTTP/1.0, without TLS, and prints the body of the answer without the CRs at the " +
    "ends of lines. It ends with 0 even if nobody answers.",
  env: PLAIN_CLIENT_ENV,
  examples: [{ command: "http@ www.example.com index.html", help: "print a page" }],
  seeAlso: ["tcpclient(1)", "tcpcat(1)"],
  source: ["[man http@.1]"],
  async run(proc) {
    const [host = "0", page = "", port = "80"] = proc.args;
    const connection = await openPlain(proc, host, port);
    if (!connection) return;
    try {
      await connection.write(utf8Bytes(`GET /${page} HTTP/1.0\r\nHost: ${host}:${port}\r\n\r\n`));
      let body = false;
      await readByteLines(connection, async (lines) => {
        for (const line of lines) {
          const text = line[line.length - 1] === CR ? line.subarray(0, line.length - 1) : line;
          if (!body) body = text.length === 0;
          else if (text.length > 0) {
            const whole = new Uint8Array(text.length + 1);
            whole.set(text);
            whole[text.length] = LF;
            await proc.stdout.write(whole);
          }
        }
      });
    } finally {
      connection.close();
    }
  },
});
