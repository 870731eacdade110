/** udplogger: prints the lines that come as UDP datagrams [man udplogger.8]. */
import { defineApplet } from "../../../core/applet.ts";
import { concatBytes, utf8Bytes } from "../../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";

/** Largest datagram. */
const DATAGRAM_BYTES_MAX = 65_536;
const DEFAULT_PORT = 3000;
const LF = 10;

export const applet = defineApplet({
  names: ["udplogger"],
  section: 8,
  summary: "print log lines that come by UDP",
  role: "tool",
  dialect: "daemon",
  options: {
    timeout: {
      flag: "t",
      value: "seconds",
      default: "300",
      help: "begin to wait anew after so long without a datagram",
    },
    port: { flag: "p", value: "port", default: "3000", help: "port to listen on" },
  },
  operands: [{ name: "address", help: "address to listen on, with :port where it is not that of -p" }],
  description:
    `udplogger receives datagrams and prints their lines, each with the sender's address and a number in front that counts
datagrams. It is meant to run under supervise with multilog as its log. The first line says that it is ready.

HUP makes the count begin anew. Without datagrams it waits on, whatever -t says. There is no check of who sends: let it
listen on a local address, or filter what may reach it.`,
  examples: [{ command: "udplogger 127.0.0.1:3000 | multilog t ./main", help: "a log for programs on this host" }],
  exits: { "0": "TERM", "111": "it cannot listen there" },
  seeAlso: ["udpclient(1)", "supervise(8)", "multilog(8)"],
  source: ["[man udplogger.8]", "[spec formats 16]"],
  async run(proc) {
    if (proc.options.timeout !== undefined && !/^\d{1,9}$/.test(proc.options.timeout)) {
      throw new Usage("-t takes seconds");
    }
    const { hostname, port } = parseUdpAddress(proc.args[0] ?? "", proc.options.port);
    let socket: Deno.DatagramConn;
    try {
      socket = Deno.listenDatagram({ transport: "udp", hostname, port });
    } catch (error) {
      throw new Temporary(`unable to listen on ${hostname} port ${port}: ${errorText(error)}`);
    }
    let sequence = 1;
    proc.onSignal("SIGHUP", () => sequence = 1);
    const stop = () => socket.close();
    proc.stopping.addEventListener("abort", stop, { once: true });
    await proc.stdout.write(utf8Bytes(`Ready for connections\n`));
    const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
    while (!proc.stopping.aborted) {
      const datagram = await receive(socket, buffer, proc.stopping);
      if (!datagram) break;
      const [bytes, from] = datagram;
      const host = from.transport === "udp" ? from.hostname : "unknown";
      await proc.stdout.write(datagramLines(bytes, `${host} ${sequence++} `));
    }
  },
});

async function receive(
  socket: Deno.DatagramConn,
  buffer: Uint8Array,
  stopping: AbortSignal,
): Promise<[Uint8Array, Deno.Addr] | undefined> {
  try {
    return await socket.receive(buffer);
  } catch (error) {
    if (stopping.aborted) return undefined;
    throw new Temporary(`unable to receive: ${errorText(error)}`);
  }
}

/** Each line of a datagram behind the same prefix, so that nobody can write lines in another's name. */
export function datagramLines(bytes: Uint8Array, prefix: string): Uint8Array {
  const head = utf8Bytes(prefix);
  const parts: Uint8Array[] = [];
  let start = 0;
  do {
    const lf = bytes.indexOf(LF, start);
    const end = lf < 0 ? bytes.length : lf;
    parts.push(head, bytes.subarray(start, end), new Uint8Array([LF]));
    start = end + 1;
  } while (start < bytes.length);
  return concatBytes(...parts);
}

/** `127.0.0.1`, `127.0.0.1:3000`, `::1`, `[::1]:3000`. Throws Usage. */
export function parseUdpAddress(text: string, port = String(DEFAULT_PORT)): { hostname: string; port: number } {
  const match = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ?? /^([^:]*)(?::(\d+))?$/.exec(text) ?? [text, text, undefined];
  const number = Number(match[2] ?? port);
  const hostname = match[1] === "0" ? "0.0.0.0" : match[1] ?? "";
  if (hostname === "") throw new Usage("give the address to listen on");
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw new Usage(`${match[2] ?? port} is no port`);
  return { hostname, port: number };
}
