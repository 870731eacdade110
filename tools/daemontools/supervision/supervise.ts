/** supervise: keeps one service running [man supervise.9]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { errorText, Temporary, Usage } from "../../../core/errors.ts";
import { Poller } from "../../../core/libc/poll.ts";
import { becomeSubreaper } from "../../../core/libc/process.ts";
import { openService, placeOfState } from "./open_service.ts";
import { findRunFolder, mirroredName } from "./places.ts";
import type { ServiceWorld } from "./service.ts";
import { ServiceFolder } from "./service_folder.ts";

/** Variables that a supervisor and those who call it read. */
export const SUPERVISE_ENV = {
  DISABLE_RUN: "set: state lies in supervise/ of the service even when there is /run/svscan",
  SETPGID: "set: ./run becomes the leader of a process group, and signals go to the group",
  SHUTDOWN_SIGNAL: "number of the signal that stops a service; default 15",
  UPFIFO: "name of the FIFO in supervise/ of another service that tells that it is up; default up",
  VERBOSE: "set: informational messages, too",
  SILENT: "set: no warnings",
} as const;

/** The program. */
export const applet = defineApplet({
  names: ["supervise"],
  section: 8,
  summary: "start a service and keep it running",
  role: "tool",
  dialect: "daemon",
  options: {},
  operands: [
    { name: "folder", help: "the service: a folder with an executable file run" },
    { name: "ident", help: "name of the service whose log this is, for ps", optional: true },
  ],
  description:
    `supervise starts ./run in the folder and starts it again when it ends, at most once a second. svc tells it to do
otherwise, svstat shows how it stands. A file down keeps it from starting ./run before svc -u.

Before the first start it runs ./init, if that is executable, until that exits 0. When a service that is wanted has ended,
./alert gets the folder, the pid, the exit code or the number of the signal, and exited or signalled. Before a stop by
svc -d, svc -r or TERM ./shutdown gets the folder and the pid. ./run gets the folder and why it is started: auto startup,
abnormal startup, system failure, manual restart, one-time startup.

The folder variables is read like envdir does, for ./run; when others may not enter it, nothing else is in its environment.
The file wait has seconds in line 1 and another service in line 2: ./run starts so long after that one came up. With the
sticky bit on ./run its orphans are taken over, and the service is up while any of them lives.

State lies in /run/svscan/NAME/supervise where /run/svscan exists, else in supervise/ of the folder: lock, control, ok, up
and dn are FIFOs for svc and svok, status has 21 bytes. When supervise is killed, ./run goes on, and the next supervise
adopts it.`,
  env: {
    ...SUPERVISE_ENV,
    SV_PWD: "name of the service whose log this is",
    SCANDIR: "set by svscan: the folder of all services",
  },
  exits: {
    "0": "asked to end by svc -x or TERM",
    "100": "another supervise has the service",
    "111": "the folder has no run, or its state cannot be written",
  },
  files: {
    "supervise/status": "TAI64N time of the last change, pid (ours when it is down), paused, wanted, wait, up",
    "supervise/control": "letters of svc",
  },
  seeAlso: ["svscan(8)", "svc(8)", "svstat(8)", "svok(8)", "multilog(8)", "fghack(8)"],
  source: ["[man supervise.9]", "[spec formats 17]", "[decision 0051]"],
  async run(proc) {
    const path = proc.args[0] ?? "";
    if (path === "") throw new Usage("missing folder");
    const poller = new Poller((error) => proc.log.line(`supervise: warning: ${errorText(error)}`));
    try {
      await superviseUntilGone(proc, path, poller);
    } finally {
      await poller.close();
    }
  },
});

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

/** Names of what is supervised: `svc/log` when called for the log of svc. */
function nameOf<O extends OptionSpecs>(proc: Proc<O>, path: string): string {
  const parent = proc.env.get("SV_PWD");
  return path === "log" && parent !== undefined ? `${parent}/log` : mirroredName(path, Deno.cwd());
}

async function superviseUntilGone<O extends OptionSpecs>(proc: Proc<O>, path: string, poller: Poller): Promise<void> {
  const probe = new ServiceFolder(absolute(path));
  const { hasStickyRun } = probe;
  const hasRun = probe.has("run");
  probe.close();
  if (!hasRun) throw new Temporary(`there is no ${path}/run`);
  if (hasStickyRun) becomeSubreaper();
  const name = nameOf(proc, path);
  const mirror = proc.env.get("DISABLE_RUN") === undefined ? findRunFolder() : undefined;
  const state = placeOfState(absolute(path), name, mirror);
  const service = openService({
    name,
    path: absolute(path),
    state,
    argument: mirror === undefined ? path : state.replace(/\/supervise$/, ""),
    env: { ...proc.env.all(), PPID: String(proc.pid) },
    subreaper: hasStickyRun,
  }, worldOf(proc, poller));
  proc.stopping.addEventListener("abort", () => service.stop());
  await service.exited;
}

function worldOf<O extends OptionSpecs>(proc: Proc<O>, poller: Poller): ServiceWorld {
  const verbose = proc.env.get("VERBOSE") !== undefined;
  const silent = proc.env.get("SILENT") !== undefined;
  return {
    poller,
    clock: proc.clock,
    pid: proc.pid,
    warn: (text) => silent || proc.log.line(`supervise: warning: ${text}`),
    info: (text) => verbose && proc.log.line(`supervise: info: ${text}`),
  };
}
