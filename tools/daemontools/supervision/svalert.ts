/** svalert: tells a monitoring host by UDP that a service was started, stopped or died [man svalert.9]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { errorText, Usage } from "../../../core/errors.ts";

const PORT = 3001;
const HOST = "probe-server";

/** The program. */
export const applet = defineApplet({
  names: ["svalert"],
  section: 8,
  summary: "report starts and ends of services",
  role: "tool",
  dialect: "chain",
  options: {},
  rawArguments: true,
  synopsis: "svalert service argument [argument [argument]]",
  description:
    `svalert is called by the scripts run, alert and shutdown of a service with their own arguments ("$@"), or is linked as alert
and shutdown. It sends a line to port 3001 of the host probe-server: svalert, this host, the working folder, the service, what
happened (abnormal-startup, manual-restart, one-time-startup, auto-startup, system-failure, normal-shutdown,
abnormal-shutdown), how, the exit code, signal or pid, and the time. Without such a host it does nothing.`,
  env: {
    PROBE_SERVER: "host or address; default probe-server",
    SV_ALERT_PORT: "port; default 3001",
    USE_SYSLOG: "not empty: hand the line to logger(1), with that host as its server",
    HOSTNAME: "name of this host; default: the system's",
  },
  files: { "svalerts.filter": "beside the folder of control files: words of what happened that is not reported" },
  exits: { "0": "sent, filtered, or there is no host to tell", "100": "wrong usage" },
  seeAlso: ["supervise(8)", "svscan(8)", "udplogger(8)"],
  source: ["[man svalert.9]"],
  async run(proc) {
    const alert = parseAlert(proc.args);
    if (isFiltered(proc, alert.what)) return;
    const host = proc.env.get("PROBE_SERVER") || HOST;
    const portText = proc.env.get("SV_ALERT_PORT") || String(PORT);
    const port = Number(portText);
    if (!Number.isInteger(port) || port < 1 || port > 65535) throw new Usage(`SV_ALERT_PORT ${portText} is not a port`);
    const seconds = Math.floor(proc.clock.nowMs() / 1000);
    const name = proc.env.get("HOSTNAME") || Deno.hostname();
    const words = [name, Deno.cwd(), alert.service, alert.what, ...alert.details, String(seconds)];
    if (proc.env.get("USE_SYSLOG")) await log(proc, words, { host, isTrouble: alert.isTrouble });
    else await send(proc, `svalert ${words.join(" ")}\n`, { host, port });
  },
});

/** What happened. */
export interface Alert {
  readonly service: string;
  readonly what: string;
  readonly details: readonly string[];
  readonly isTrouble: boolean;
}

const TROUBLE = new Set(["abnormal-startup", "system-failure", "abnormal-shutdown"]);

/** The arguments of run (two words, or those in one), of shutdown and of alert. Throws Usage. */
export function parseAlert(args: readonly string[]): Alert {
  const [service, second = "", third = "", fourth = ""] = args;
  if (service === undefined || args.length < 2 || args.length > 4) throw new Usage("missing service and argument");
  const make = (what: string, details: readonly string[]) => ({ service, what, details, isTrouble: TROUBLE.has(what) });
  if (args.length === 4) return make("abnormal-shutdown", [fourth, third]);
  if (args.length === 3) return make(`${second}-${third}`, ["-", "-"]);
  if (/\s/.test(second.trim())) return make(second.trim().replace(/\s+/g, "-"), ["-", "-"]);
  return make("normal-shutdown", ["PID", second]);
}

function isFiltered<O extends OptionSpecs>(proc: Proc<O>, what: string): boolean {
  try {
    const words = Deno.readTextFileSync(`${proc.paths.control}/../svalerts.filter`).split(/\s+/);
    return words.includes(what);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function send<O extends OptionSpecs>(
  proc: Proc<O>,
  line: string,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<void> {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: host.includes(":") ? "::" : "0.0.0.0", port: 0 });
  try {
    await socket.send(new TextEncoder().encode(line), { transport: "udp", hostname: host, port });
  } catch (error) {
    if (proc.env.get("PROBE_SERVER")) proc.log.line(`svalert: warning: ${host} was not told: ${errorText(error)}`);
  } finally {
    socket.close();
  }
}

async function log<O extends OptionSpecs>(
  proc: Proc<O>,
  words: readonly string[],
  { host, isTrouble }: { readonly host: string; readonly isTrouble: boolean },
): Promise<void> {
  const level = `daemon.${isTrouble ? "warning" : "info"}`;
  const args = ["-p", level, "--server", host, "-t", "svalert", "--", words.join(" ")];
  await (await proc.spawn({ program: "logger", args })).ended;
}
