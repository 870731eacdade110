/** svps: prints all services of every svscan, and stops and starts them together [man svps.1]. */
import { defineApplet, type OptionSpecs, type Proc } from "../../../core/applet.ts";
import { Permanent } from "../../../core/errors.ts";
import { sendSignal } from "../../../core/libc/process.ts";
import { findProgram } from "../../../core/self.ts";
import { sendLetters } from "./letters.ts";
import { stateFolderOf } from "./places.ts";
import { processTree, type RunningSvscan, runningSvscans } from "./running_svscans.ts";
import { mainRows, ownRow, renderRows, type Row, serviceNames } from "./service_rows.ts";

const SIGHUP = 1;
const SIGTERM = 15;
/** Services that -s stopped and -r starts. */
const STOPPED = ".svscan.stopped";

/** The program. */
export const applet = defineApplet({
  names: ["svps"],
  section: 1,
  summary: "print the status of all services",
  role: "tool",
  dialect: "admin",
  options: {
    all: { flag: "a", long: "all", help: "services and logs" },
    main: { flag: "m", long: "main", help: "services (as without options)" },
    logs: { flag: "l", long: "logs", help: "logs" },
    hup: { flag: "h", long: "hup", help: "send HUP to svscan: it looks for services" },
    term: { flag: "t", long: "term", help: "send TERM to svscan: it stops them all and ends" },
    days: { flag: "d", long: "days", help: "print times in days, hours, minutes and seconds" },
    stop: { flag: "s", long: "stop", help: "stop all services that are up" },
    resume: { flag: "r", long: "resume", help: "start what -s has stopped" },
    noPager: { flag: "n", long: "no-pager", help: "do not use a pager" },
    tree: { flag: "T", long: "display_tree", help: "print the processes below svscan" },
    folder: { long: "servicedir", value: "folder", help: "only the svscan of this folder" },
  },
  description:
    `svps prints for each svscan that runs, its services: up, down or wait, for how long, and the pid of the service (pid) or of
its supervisor (spid), and of one that waits the seconds that remain. Services that are down come first, then those that wait.`,
  env: { PAGER: "program that shows long output on a terminal; default less, more" },
  exits: { "0": "done", "1": "no svscan runs, or wrong usage" },
  seeAlso: ["svstat(8)", "svc(8)", "svscan(8)", "supervise(8)"],
  source: ["[man svps.1]"],
  async run(proc) {
    const { options } = proc;
    const scans = runningSvscans().filter(({ folder }) =>
      options.folder === undefined || isSame(folder, options.folder)
    );
    if (scans.length === 0) {
      throw new Permanent(options.folder === undefined ? "no svscan runs" : `no svscan runs for ${options.folder}`);
    }
    if (options.hup || options.term) return await signalAll(proc, scans);
    if (options.stop || options.resume) {
      return await print(proc, scans.map(options.stop ? stopAll : resumeAll).join(""));
    }
    const texts = scans.map((scan) => {
      if (options.tree) return `Process Tree for PID ${String(scan.pid).padStart(10)}\n${processTree(scan.pid)}`;
      return renderScan(scan, { ...options, nowMs: proc.clock.nowMs() });
    });
    await page(proc, texts.join("\n"));
  },
});

function isSame(folder: string, asked: string): boolean {
  try {
    return Deno.realPathSync(asked) === folder;
  } catch {
    return false; // it is not there, so no svscan is in it
  }
}

async function print<O extends OptionSpecs>(proc: Proc<O>, text: string): Promise<void> {
  await proc.stdout.write(new TextEncoder().encode(text));
}

async function signalAll<O extends OptionSpecs>(proc: Proc<O>, scans: readonly RunningSvscan[]): Promise<void> {
  const [name, number] = proc.options.hup ? ["HUP", SIGHUP] : ["TERM", SIGTERM];
  for (const { pid } of scans) {
    await print(proc, `Sending ${name} to svscan with PID ${pid}\n`);
    if (!sendSignal(pid, number)) throw new Permanent(`pid ${pid} does not take ${name} from us`);
  }
}

interface RenderOptions {
  readonly all: boolean;
  readonly main: boolean;
  readonly logs: boolean;
  readonly days: boolean;
  readonly nowMs: number;
}

function renderScan(scan: RunningSvscan, { all, main, logs, days, nowMs }: RenderOptions): string {
  const names = serviceNames(scan.folder);
  const rows = (services: readonly string[]) => mainRows(services, nowMs);
  const sections: [string, readonly Row[]][] = [["svscan", [ownRow(scan, nowMs)]]];
  if (all || main || !logs) sections.push(["main", rows(names.services)]);
  if (all || logs) sections.push(["logs", rows(names.logs)]);
  return renderRows(sections, { days });
}

function stopAll({ folder }: RunningSvscan): string {
  const stopped = mainRows(serviceNames(folder).services, 0).filter(({ state }) => state === "up").map(({ name }) =>
    name
  )
    .filter((service) => sendLetters(`${stateFolderOf(service)}/control`, "d"));
  if (stopped.length === 0) return "No running services found\n";
  const known = readStopped(folder);
  const all = [...new Set([...known, ...stopped])];
  Deno.writeTextFileSync(`${folder}/${STOPPED}`, all.map((service) => `${service}\n`).join(""));
  return `Stopping all running services: ${stopped.length}\n`;
}

function readStopped(folder: string): string[] {
  try {
    return Deno.readTextFileSync(`${folder}/${STOPPED}`).split("\n").filter((line) => line !== "");
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function resumeAll({ folder }: RunningSvscan): string {
  const stopped = readStopped(folder);
  if (stopped.length === 0) return "No stopped services found\n";
  const started = stopped.filter((service) => sendLetters(`${stateFolderOf(service)}/control`, "u"));
  Deno.removeSync(`${folder}/${STOPPED}`);
  return `Starting all stopped services: ${started.length}\n`;
}

async function page<O extends OptionSpecs>(proc: Proc<O>, text: string): Promise<void> {
  const path = proc.env.all().PATH;
  const pager = [proc.env.get("PAGER"), "less", "more"].find((name) => name && findProgram(name, path));
  const fits = Deno.stdout.isTerminal() && text.split("\n").length <= Deno.consoleSize().rows;
  if (proc.options.noPager || !pager || !Deno.stdout.isTerminal() || fits) return await print(proc, text);
  const child = await proc.spawn({ program: pager, args: [], fds: { 0: "pipe-in", 1: 1, 2: 2 } });
  const writer = child.writers.get(0);
  await writer?.write(new TextEncoder().encode(text)).catch(() => undefined); // the pager was left before its end
  writer?.close();
  await child.ended;
}
