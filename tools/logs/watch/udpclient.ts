/** udpclient: sends a message as a UDP datagram and reads an answer where one is asked for [man udpclient.1]. */
import { defineApplet, type Proc } from "../../../core/applet.ts";
import { utf8Bytes } from "../../../core/bytes.ts";
import { errorText, Temporary, TimedOut, Usage } from "../../../core/errors.ts";

/** What fits into a datagram over IPv4. */
const DATAGRAM_BYTES_MAX = 65_507;
const ANSWER_BYTES_MAX = 65_536;
const TIMEOUT_SECONDS = 5;
const TIMEOUT_SECONDS_MAX = 86_400;

const OPTIONS = {
  host: { flag: "h", value: "host", help: "host to send to" },
  port: { flag: "p", value: "port", default: "3000", help: "port to send to" },
  response: { flag: "r", value: "bytes", help: "wait for an answer and print so many bytes of it to standard error" },
  timeout: { flag: "t", value: "seconds", default: "5", help: "how long to wait for the answer" },
} as const;

export const applet = defineApplet({
  names: ["udpclient"],
  section: 1,
  summary: "send a message by UDP",
  role: "tool",
  dialect: "chain",
  options: OPTIONS,
  operands: [{
    name: "message",
    repeat: true,
    optional: true,
    help: "words of the message; standard input when absent",
  }],
  description:
    `udpclient sends its operands, with blanks between, as one datagram; without operands it sends its standard input, what
each read gives as a datagram of its own. Nobody tells whether it arrived.

With -r it waits for an answer of that host and prints it to descriptor 2 as it is. No answer in time is a temporary error.`,
  examples: [
    { command: "udpclient -h 127.0.0.1 -p 3000 the disk is full", help: "a line for udplogger" },
    {
      command:
        "printf 'I192.0.2.1\\0Fa@example.org\\0Tb@example.net\\0\\0' | udpclient -h 127.0.0.1 -p 1999 -r 2 2>answer",
      help: "a question to a greylisting server",
    },
  ],
  exits: { "111": "it cannot be sent, or no answer came in time" },
  seeAlso: ["udplogger(8)", "multilog(8)"],
  source: ["[man udpclient.1]"],
  async run(proc) {
    const { host } = proc.options;
    if (host === undefined) throw new Usage("give the host: -h host");
    const target = {
      transport: "udp",
      hostname: host,
      port: whole("-p", proc.options.port ?? "3000", 65_535),
    } as const;
    const wanted = whole("-r", proc.options.response ?? "0", ANSWER_BYTES_MAX);
    const timeoutMs = whole("-t", proc.options.timeout ?? String(TIMEOUT_SECONDS), TIMEOUT_SECONDS_MAX) * 1000;
    const socket = openSocket(host);
    try {
      await sendAll(proc, (bytes) => send(socket, bytes, target));
      if (wanted > 0) await proc.stderr.write((await answer(socket, target, timeoutMs)).subarray(0, wanted));
    } finally {
      socket.close();
    }
  },
});

function whole(what: string, text: string, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new Usage(`${what}: ${text} is not from 0 to ${most}`);
  }
  return value;
}

function openSocket(host: string): Deno.DatagramConn {
  return Deno.listenDatagram({ transport: "udp", hostname: host.includes(":") ? "::" : "0.0.0.0", port: 0 });
}

async function send(socket: Deno.DatagramConn, bytes: Uint8Array, target: Deno.NetAddr): Promise<void> {
  try {
    await socket.send(bytes, target);
  } catch (error) {
    throw new Temporary(`unable to send to ${target.hostname} port ${target.port}: ${errorText(error)}`);
  }
}

async function sendAll(proc: Proc<typeof OPTIONS>, sendOne: (bytes: Uint8Array) => Promise<void>): Promise<void> {
  if (proc.args.length > 0) return await sendOne(utf8Bytes(proc.args.join(" ")));
  const buffer = new Uint8Array(DATAGRAM_BYTES_MAX);
  for (;;) {
    const count = await proc.stdin.read(buffer);
    if (count === null) return;
    await sendOne(buffer.subarray(0, count));
  }
}

/** The next datagram from the target's port. */
async function answer(socket: Deno.DatagramConn, target: Deno.NetAddr, timeoutMs: number): Promise<Uint8Array> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(new TimedOut(`no answer from ${target.hostname} port ${target.port} in ${timeoutMs / 1000} seconds`));
  }, timeoutMs);
  try {
    for (;;) {
      const [bytes, from] = await Promise.race([socket.receive(new Uint8Array(ANSWER_BYTES_MAX)), late.promise]);
      if (from.transport === "udp" && from.port === target.port) return bytes;
    }
  } finally {
    clearTimeout(timer);
  }
}
