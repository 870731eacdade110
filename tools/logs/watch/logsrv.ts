/** logsrv: takes the lines that logclient ships, as a program under tcpserver [man logsrv.8]. */
import { defineApplet, type Proc } from "../../../core/applet.ts";
import { concatBytes, latin1Text } from "../../../core/bytes.ts";
import { errorText, Permanent, Temporary, TimedOut, Usage } from "../../../core/errors.ts";
import { RpcLog } from "./rpc_log.ts";
import { SHIP_LINE_BYTES_MAX } from "./ship.ts";

const READ_BYTES = 64 * 1024;
/** A line with the name of its log and its number. */
const LINE_BYTES_MAX = SHIP_LINE_BYTES_MAX + 4096;
const HOST_BYTES_MAX = 255;
const TIMEOUT_SECONDS = 300;
const CONNECT_SECONDS = 60;
const STATUS_BYTES = 12;
const NUL = 0;
const LF = 10;
const TAKEN = 0x31;
const REFUSED = 0x30;

const OPTIONS = {
  verbose: { flag: "v", help: "write the lines to standard error, the client's name in front" },
  timeout: {
    flag: "d",
    value: "seconds",
    default: "300",
    help: "limit for the client's name, for the rest of a line that has begun, and for writing an answer",
  },
  connectTimeout: {
    flag: "c",
    value: "seconds",
    default: "60",
    help: "with -r: limit for connecting and for an answer",
  },
  relay: {
    flag: "r",
    value: "loghost",
    help: "send the lines to rpclog there, too: its port is asked of rpcbind, unless it is given as loghost:port",
  },
} as const;

type LogsrvProc = Proc<typeof OPTIONS>;

export const applet = defineApplet({
  names: ["logsrv"],
  section: 8,
  summary: "take the lines that logclient ships",
  role: "tool",
  dialect: "daemon",
  options: OPTIONS,
  operands: [{ name: "statusdir", help: "folder of the status files" }],
  description:
    `logsrv speaks with one logclient on its standard input and output; tcpserver starts one for each client, on port 6340.
The client sends its host name and a NUL, then lines of a log's name, a number and the text; logsrv answers each with 1.

With -v the lines go to standard error, under supervise into the log of the service. For each client there is a file
HOST.status in statusdir: four bytes with the process, eight with the count of bytes of text that came so far, in the machine's
order.

With -r a line is answered when rpclog has taken it. When it cannot be reached, the client gets 0 and logsrv ends, so that the
client sends the line again later.

A client can claim any name: let tcpserver, or TLS with client certificates, decide who may connect.`,
  files: { "HOST.status": "process and bytes of that client" },
  examples: [{
    command: "exec tcpserver -R -H 0 6340 logsrv -v /var/log/svc/logsrv-status 2>&1",
    help: "the run file of a log server",
  }],
  exits: {
    "0": "the client has ended",
    "111": "a status file cannot be written, the client is silent in a line, or the log server of -r takes no line",
  },
  seeAlso: ["logclient(1)", "tcpserver(1)", "multilog(8)"],
  source: ["[man logsrv.8]"],
  async run(proc) {
    const { timeout, connectTimeout, relay } = proc.options;
    const connectMs = secondsOf("-c", connectTimeout ?? String(CONNECT_SECONDS)) * 1000;
    using log = relay === undefined ? undefined : new RpcLog(relay, connectMs);
    await serve(proc, { timeoutMs: secondsOf("-d", timeout ?? String(TIMEOUT_SECONDS)) * 1000, relay: log });
  },
});

function secondsOf(option: string, text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) throw new Usage(`${option}: ${text} is no number above 0`);
  return Number(text);
}

/** What a client's session is given. */
interface SessionSettings {
  readonly timeoutMs: number;
  readonly relay: RpcLog | undefined;
}

async function serve(proc: LogsrvProc, settings: SessionSettings): Promise<void> {
  const { timeoutMs } = settings;
  const buffer = new Uint8Array(LINE_BYTES_MAX + READ_BYTES);
  let held = 0;
  let client: { readonly host: string; readonly status: StatusFile } | undefined;
  try {
    for (;;) {
      // between lines a client may be silent for as long as its logs are
      const reading = proc.stdin.read(buffer.subarray(held, held + READ_BYTES));
      const isIdle = client !== undefined && held === 0;
      const count = await (isIdle ? reading : inTime(reading, timeoutMs, "the client is silent in a line"));
      if (count === null) return;
      held += count;
      let start = 0;
      if (!client) {
        const nul = buffer.indexOf(NUL);
        if (nul < 0 || nul >= held) {
          if (held > HOST_BYTES_MAX) throw new Permanent("the client sent no host name");
          continue;
        }
        const host = clientName(buffer.subarray(0, nul));
        client = { host, status: new StatusFile(`${proc.args[0] ?? "."}/${host}.status`, proc.pid) };
        start = nul + 1;
        await answer(proc, Uint8Array.of(TAKEN), timeoutMs);
        proc.log.line(`Connection request from ${host}`);
        await proc.log.flush();
      }
      const used = await takeLines(proc, { ...settings, client, bytes: buffer.subarray(start, held) });
      buffer.copyWithin(0, start + used, held);
      held -= start + used;
      if (held >= LINE_BYTES_MAX) throw new Permanent(`a line is longer than ${LINE_BYTES_MAX} bytes`);
    }
  } finally {
    client?.status.close();
  }
}

/** The name for the status file: letters, digits and what host names have. Throws Permanent. */
function clientName(bytes: Uint8Array): string {
  const name = latin1Text(bytes);
  if (!/^[\w][\w.:-]*$/.test(name) || name.length > HOST_BYTES_MAX) {
    throw new Permanent("the client's name is no host name");
  }
  return name;
}

/** Handles the whole lines; gives the count of bytes that they were. */
async function takeLines(
  proc: LogsrvProc,
  { client, bytes, timeoutMs, relay }: SessionSettings & {
    readonly client: { readonly host: string; readonly status: StatusFile };
    readonly bytes: Uint8Array;
  },
): Promise<number> {
  let start = 0;
  let lines = 0;
  let text = "";
  let textBytes = 0;
  for (let lf = bytes.indexOf(LF); lf >= 0; lf = bytes.indexOf(LF, start)) {
    const line = bytes.subarray(start, lf);
    const prefixed = proc.options.verbose || relay ? `${client.host} ${latin1Text(line)}\n` : "";
    try {
      if (relay) await relay.send(prefixed);
    } catch (error) {
      client.status.add(textBytes);
      await answer(proc, concatBytes(new Uint8Array(lines).fill(TAKEN), Uint8Array.of(REFUSED)), timeoutMs);
      throw error;
    }
    const second = line.indexOf(32, line.indexOf(32) + 1);
    textBytes += second < 0 ? line.length : line.length - second - 1;
    if (proc.options.verbose) text += prefixed;
    lines++;
    start = lf + 1;
  }
  if (lines === 0) return 0;
  if (text !== "") await proc.stderr.write(Uint8Array.from(text, (letter) => letter.charCodeAt(0)));
  client.status.add(textBytes);
  await answer(proc, new Uint8Array(lines).fill(TAKEN), timeoutMs);
  return start;
}

async function answer(proc: LogsrvProc, bytes: Uint8Array, timeoutMs: number): Promise<void> {
  await inTime(proc.stdout.write(bytes), timeoutMs, "the client takes no answer");
}

/** What becomes of the work, or TimedOut with that text. */
async function inTime<T>(work: Promise<T>, timeoutMs: number, text: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new TimedOut(text)), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** `HOST.status`: the process, and how many bytes came from the client in all its sessions. */
class StatusFile {
  readonly #file: Deno.FsFile;
  readonly #path: string;
  readonly #pid: number;
  #bytes = 0;

  /** Throws Temporary. */
  constructor(path: string, pid: number) {
    this.#path = path;
    this.#pid = pid;
    try {
      this.#file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o644 });
    } catch (error) {
      throw new Temporary(`unable to open ${path}: ${errorText(error)}`);
    }
    const bytes = new Uint8Array(STATUS_BYTES);
    if (this.#file.readSync(bytes) === STATUS_BYTES) {
      this.#bytes = Number(new DataView(bytes.buffer).getBigUint64(4, true));
    }
    this.add(0);
  }

  /** Counts bytes. Throws Temporary. */
  add(count: number): void {
    this.#bytes += count;
    const bytes = new Uint8Array(STATUS_BYTES);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.#pid, true);
    view.setBigUint64(4, BigInt(this.#bytes), true);
    try {
      this.#file.seekSync(0, Deno.SeekMode.Start);
      this.#file.writeSync(bytes);
    } catch (error) {
      throw new Temporary(`unable to write ${this.#path}: ${errorText(error)}`);
    }
  }

  close(): void {
    this.#file.close();
  }
}
