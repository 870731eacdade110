/** The table of svps: a row for each service, in sections [man svps.1]. */
import { pathExists } from "../../../core/path_exists.ts";
import type { RunningSvscan } from "./running_svscans.ts";
import { ageOf, readStand, secondsLeft } from "./stand.ts";

/** One service. */
export interface Row {
  readonly name: string;
  readonly state: "up" | "down" | "wait";
  readonly seconds: number;
  readonly pid: number;
  readonly label: "pid" | "spid";
  /** Seconds that it still waits; 0: it does not, or nobody knows. */
  readonly left: number;
}

const ORDER = ["down", "wait", "up"];

/** Services and logs in a folder, by path. */
export function serviceNames(folder: string): { readonly services: string[]; readonly logs: string[] } {
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => !name.startsWith(".")).sort();
  const services = names.map((name) => `${folder}/${name}`).filter((path) => pathExists(`${path}/run`));
  const logs = [`${folder}/.svscan`, ...names.map((name) => `${folder}/${name}`)].map((path) => `${path}/log`)
    .filter(pathExists);
  return { services, logs };
}

/** How they stand: those that are down first, then those that wait. What is not supervised is left out. */
export function mainRows(services: readonly string[], nowMs: number): Row[] {
  const rows = services.flatMap((name): Row[] => {
    const stand = readStand(name);
    if (stand.kind === "unknown") return [];
    const { status } = stand;
    const seconds = Number(ageOf(status, nowMs) / 1_000_000_000n);
    const state = status.waitSeconds !== 0 ? "wait" : status.up ? "up" : "down";
    return [{
      name,
      state,
      seconds,
      pid: status.pid,
      label: status.up ? "pid" : "spid",
      left: secondsLeft(status, nowMs),
    }];
  });
  return rows.sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.seconds - b.seconds);
}

/** svscan itself. */
export function ownRow(scan: RunningSvscan, _nowMs: number): Row {
  return { name: scan.command, state: "up", seconds: scan.ageSeconds, pid: scan.pid, label: "pid", left: 0 };
}

function timeText(seconds: number, inDays: boolean): string {
  if (!inDays) return `${String(seconds).padStart(7)} secs`;
  const two = (value: number) => String(value).padStart(2, "0");
  const days = String(Math.floor(seconds / 86400)).padStart(2);
  const [hours, minutes] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return `${days} days, ${two(hours)} hrs, ${two(minutes)} mins, ${two(seconds % 60)} secs`;
}

/** The text of all sections. */
export function renderRows(
  sections: readonly (readonly [title: string, rows: readonly Row[]])[],
  { days }: { readonly days: boolean },
): string {
  const width = Math.max(...sections.flatMap(([, rows]) => rows.map(({ name }) => name.length)), 20);
  return sections.map(([title, rows]) => {
    const lines = rows.map((row) => {
      const left = row.left > 0 ? ` remaining ${String(row.left).padStart(7)} seconds` : "";
      const pid = `${row.label.padStart(4)} ${String(row.pid).padStart(7)}`;
      return `${row.name.padEnd(width)} ${row.state.padEnd(4)} ${timeText(row.seconds, days)} ${pid}${left}\n`;
    });
    return `------------ ${title} ---------------\n${lines.join("")}`;
  }).join("\n");
}
