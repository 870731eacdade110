/** logclient: ships what is added to logs to a server on another host, as it is added [man logclient.1]. */
import { defineApplet, type Proc } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import { connectTcp } from "../../../core/net/connect.ts";
import { pathExists } from "../../../core/path_exists.ts";
import type { Connection } from "../../../core/stream.ts";
import { CheckpointFolder } from "./checkpoint.ts";
import { LOGSRV_PORT, ShipSession } from "./ship.ts";
import { ShippedFile } from "./shipped_file.ts";

const SEEK_FOLDERS = ["/usr/tmp", "/var/tmp"];
const PAUSE_MS = 5000;
const FILES_MAX = 1000;

const OPTIONS = {
  verbose: { flag: "v", help: "print what is sent" },
  local: { flag: "l", value: "host", default: "the system's host name", help: "name of this host for the server" },
  seek: { flag: "s", value: "folder", default: "/usr/tmp, or /var/tmp", help: "where checkpoints are kept" },
  foreground: { flag: "f", help: "stay in the foreground" },
  port: { flag: "p", value: "port", default: "6340", help: "port of the server" },
  interval: { flag: "i", value: "seconds", default: "5", help: "time between two looks at the logs" },
  connectTimeout: { flag: "c", value: "seconds", default: "60", help: "limit for connecting, TLS included" },
  timeout: { flag: "d", value: "seconds", default: "300", help: "limit for each exchange with the server" },
  certificate: { flag: "n", value: "file", help: "use TLS with this certificate and key (PEM)" },
  authorities: { flag: "C", value: "file", help: "authorities that the server's certificate must come from (PEM)" },
  revocations: { flag: "r", value: "file", help: "revocation lists in which it must not be (PEM)" },
  matchName: { flag: "m", help: "the server's certificate must be for its name" },
} as const;

type LogclientProc = Proc<typeof OPTIONS>;

export const applet = defineApplet({
  names: ["logclient"],
  section: 1,
  summary: "ship what is added to logs to another host",
  role: "tool",
  dialect: "daemon",
  options: OPTIONS,
  operands: [
    { name: "remote", help: "host on which logsrv runs" },
    { name: "log", repeat: true, help: "file that grows" },
  ],
  description:
    `logclient connects to logsrv on another host and sends the lines that have been added to the logs since the last time,
each with the log's name and the number of the line. Then it looks every five seconds for more. It follows a log over
rotation and truncation, connects again when the server goes away, and sends only whole lines.

How far it is in a log it keeps in a file INODE.seek in the folder of -s: two numbers of eight bytes each, the position and
the count. A line is behind the checkpoint only when the server has taken it; after a crash the last ones (64 at most) may be
sent twice, never not at all.

Unless -f is given it goes into the background. With -n it speaks TLS; without -C any server's certificate is good.`,
  files: { "INODE.seek": "checkpoint of the log with that inode number" },
  examples: [
    { command: "logclient -f -l mx1 loghost /var/log/svc/deliver.25/current", help: "under supervise" },
    { command: "logclient -n client.pem -C ca.pem -m loghost.example.org /var/log/mail.log", help: "over TLS" },
  ],
  exits: { "0": "TERM, or gone to the background", "111": "a log or the folder of checkpoints cannot be read" },
  seeAlso: ["logsrv(8)", "logalert(8)", "supervise(8)"],
  source: ["[man logclient.1]"],
  async run(proc) {
    const [remote = "", ...logs] = proc.args;
    if (logs.length > FILES_MAX) throw new Usage(`at most ${FILES_MAX} logs`);
    const settings = readSettings(proc, remote);
    for (const log of logs) if (!pathExists(log)) throw new Temporary(`unable to read ${log}: there is no such file`);
    if (!proc.options.foreground) return await goToBackground(proc);
    while (!proc.stopping.aborted) {
      try {
        await ship(proc, settings, logs);
      } catch (error) {
        if (!(error instanceof Temporary || error instanceof Deno.errors.NotFound)) throw error;
        proc.log.line(`${proc.name}: warning: ${errorText(error)}`);
        await pause(proc, PAUSE_MS);
      }
    }
  },
});

interface Settings {
  readonly remote: string;
  readonly host: string;
  readonly port: number;
  readonly intervalMs: number;
  readonly connectTimeoutMs: number;
  readonly timeoutMs: number;
  readonly checkpoints: CheckpointFolder;
}

function whole(what: string, text: string): number {
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) throw new Usage(`${what}: ${text} is no number above 0`);
  return Number(text);
}

function readSettings({ options }: LogclientProc, remote: string): Settings {
  const folder = options.seek ?? SEEK_FOLDERS.find(pathExists) ?? ".";
  if (!pathExists(folder)) throw new Temporary(`the folder of checkpoints does not exist: ${folder}`);
  return {
    remote,
    host: options.local ?? Deno.hostname(),
    port: whole("-p", options.port ?? String(LOGSRV_PORT)),
    intervalMs: whole("-i", options.interval ?? "5") * 1000,
    connectTimeoutMs: whole("-c", options.connectTimeout ?? "60") * 1000,
    timeoutMs: whole("-d", options.timeout ?? "300") * 1000,
    checkpoints: new CheckpointFolder(folder),
  };
}

/** Starts the same program with -f in a session of its own. */
async function goToBackground(proc: LogclientProc): Promise<void> {
  const { options } = proc;
  const given = [["-l", options.local], ["-s", options.seek], ["-p", options.port], ["-i", options.interval]] as const;
  const timeouts = [["-c", options.connectTimeout], ["-d", options.timeout]] as const;
  const files = [["-n", options.certificate], ["-C", options.authorities], ["-r", options.revocations]] as const;
  const args = [...given, ...timeouts, ...files].flatMap(([flag, value]) => value === undefined ? [] : [flag, value]);
  if (options.matchName) args.push("-m");
  await proc.spawn({
    program: "logclient",
    args: ["-f", ...args, "--", ...proc.args],
    fds: { 0: "null", 1: "null", 2: "null" },
    newSession: true,
  });
}

async function connect(proc: LogclientProc, settings: Settings): Promise<Connection> {
  const { options } = proc;
  const { remote: host, port, connectTimeoutMs: timeoutMs } = settings;
  if (options.certificate === undefined) return await connectTcp({ host, port, timeoutMs });
  const { connectLogTls } = await import("./log_tls.ts");
  return await connectLogTls({
    host,
    port,
    timeoutMs,
    certificate: options.certificate,
    matchName: options.matchName,
    ...(options.authorities !== undefined && { authorities: options.authorities }),
    ...(options.revocations !== undefined && { revocations: options.revocations }),
  });
}

/** One connection: ships until it breaks or the program is to stop. Throws Temporary. */
async function ship(proc: LogclientProc, settings: Settings, logs: readonly string[]): Promise<void> {
  const connection = await connect(proc, settings);
  const stop = () => connection.close();
  const files = new Map<string, ShippedFile>();
  try {
    proc.stopping.addEventListener("abort", stop, { once: true });
    connection.setTimeout(settings.timeoutMs);
    const session = new ShipSession(connection);
    await session.begin(settings.host);
    while (!proc.stopping.aborted) {
      for (const log of logs) {
        const file = files.get(log) ?? new ShippedFile(log, settings.checkpoints);
        files.set(log, file);
        await file.poll(async (name, lines) => {
          const sent = await session.send(name, lines);
          if (proc.options.verbose) await proc.stdout.write(sent);
        });
      }
      await pause(proc, settings.intervalMs);
    }
  } catch (error) {
    if (!proc.stopping.aborted) throw error instanceof Temporary ? error : brokenConnection(error);
  } finally {
    proc.stopping.removeEventListener("abort", stop);
    for (const file of files.values()) file.close();
    connection.close();
  }
}

/** What sockets throw counts as a broken connection; anything else is a surprise. */
function brokenConnection(error: unknown): unknown {
  const isSocket = error instanceof Deno.errors.ConnectionReset || error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted;
  return isSocket ? new Temporary(`the connection to the log server broke: ${errorText(error)}`) : error;
}

async function pause({ clock, stopping }: LogclientProc, durationMs: number): Promise<void> {
  try {
    await clock.sleep(durationMs, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}
