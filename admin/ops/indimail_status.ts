/**
 * indimail status: which roles run, since when, with how much memory, and what the queues hold. Reads what serve wrote, the
 * kernel's own numbers, and asks each queue daemon.
 */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Denied, Temporary } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import { tryReadProcessStatus } from "../../core/process_status.ts";
import { QueueLayout } from "../../storage/queue/layout.ts";
import type { LoginGuardStatus } from "../../storage/accounts/logins/login_bans.ts";
import { askQueueStatus } from "../../storage/queue/status.ts";
import { askLoginGuard, formatGuard } from "./login_guard.ts";
import { QUEUE_COUNT_MAX } from "./services.ts";
import { pathsOf } from "./settings.ts";
import { type ServeState, tryReadState } from "./state_file.ts";

/** A process in the report. */
export interface RoleReport {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly upSeconds: number;
  readonly restarts: number;
  /** Undefined where this user may not see it. */
  readonly pssBytes: number | undefined;
}

/** A queue in the report. */
export interface QueueReport {
  readonly name: string;
  /** Message files in qmail's layout. Undefined where this user may not see them. */
  readonly diskMessages: number | undefined;
  /** Undefined where no daemon answers. */
  readonly journalMessages: number | undefined;
  readonly localInFlight: number | undefined;
  readonly remoteInFlight: number | undefined;
}

/** All of it. */
export interface StatusReport {
  readonly root: string;
  readonly pid: number;
  readonly listens: readonly string[];
  readonly roles: readonly RoleReport[];
  readonly pssBytes: number;
  readonly queues: readonly QueueReport[];
  /** Refused logins. Undefined where this user may not see them, or no lookup daemon answers. */
  readonly logins: Omit<LoginGuardStatus, "bans"> | undefined;
}

function roleReport(
  role: { name: string; state: string; pid: number; startedMs: number; restarts: number },
  nowMs: number,
): RoleReport {
  const kernel = role.state === "up" ? tryReadProcessStatus(role.pid) : undefined;
  return {
    name: role.name,
    state: role.state === "up" && !kernel ? "gone" : role.state,
    pid: role.pid,
    upSeconds: kernel ? Math.max(0, Math.floor((nowMs - role.startedMs) / 1000)) : 0,
    restarts: role.restarts,
    pssBytes: kernel?.pssBytes,
  };
}

function countFiles(layout: QueueLayout): number | undefined {
  let count = 0;
  for (const folder of layout.parents("mess")) {
    try {
      for (const entry of Deno.readDirSync(folder)) if (entry.isFile) count++;
    } catch (error) {
      if (error instanceof Deno.errors.PermissionDenied) return undefined;
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return count;
}

async function queueReports(paths: Paths): Promise<QueueReport[]> {
  const reports: QueueReport[] = [];
  for (let number = 1; number <= QUEUE_COUNT_MAX; number++) {
    const name = `queue${number}` as const;
    try {
      Deno.statSync(`${paths.queueBase}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) break;
      throw error;
    }
    const daemon = await askQueueStatus(socketPath(paths, name)).catch((error: unknown) => {
      if (error instanceof Temporary) return undefined;
      throw error;
    });
    reports.push({
      name,
      diskMessages: countFiles(new QueueLayout(`${paths.queueBase}/${name}`)),
      journalMessages: daemon?.journalMessages,
      localInFlight: daemon?.localInFlight,
      remoteInFlight: daemon?.remoteInFlight,
    });
  }
  return reports;
}

/** How everything stands now. */
export async function readStatus(paths: Paths, state: ServeState, nowMs: number): Promise<StatusReport> {
  const supervisor = { name: "supervisor", state: "up", pid: state.pid, startedMs: state.startedMs, restarts: 0 };
  const roles = [supervisor, ...state.services].map((role) => roleReport(role, nowMs));
  return {
    root: paths.root,
    pid: state.pid,
    listens: state.listens,
    roles,
    pssBytes: roles.reduce((sum, { pssBytes = 0 }) => sum + pssBytes, 0),
    queues: await queueReports(paths),
    logins: await loginReport(paths),
  };
}

async function loginReport(paths: Paths): Promise<StatusReport["logins"]> {
  try {
    const { bansTotal, refused, slowed } = await askLoginGuard(paths, (client) => client.bans());
    return { bansTotal, refused, slowed };
  } catch (error) {
    if (error instanceof Temporary || error instanceof Denied) return undefined;
    throw error;
  }
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? "?" : (bytes / 1_048_576).toFixed(1);
}

function duration(seconds: number): string {
  const days = Math.floor(seconds / 86_400);
  const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  return `${days > 0 ? `${days}d ` : ""}${clock.map((part) => String(part).padStart(2, "0")).join(":")}`;
}

/** The report for people. */
export function formatStatus(report: StatusReport): string {
  const rows = [
    ["role", "state", "pid", "up", "restarts", "memory MB"],
    ...report.roles.map((role) => [
      role.name,
      role.state,
      role.pid === 0 ? "-" : String(role.pid),
      role.pid === 0 ? "-" : duration(role.upSeconds),
      String(role.restarts),
      role.state === "up" ? megabytes(role.pssBytes) : "-",
    ]),
    ["all", "", "", "", "", megabytes(report.pssBytes)],
  ];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ").trimEnd());
  const queues = report.queues.map(({ name, diskMessages, journalMessages, localInFlight, remoteInFlight }) =>
    journalMessages === undefined
      ? `${name}: ${diskMessages ?? "?"} messages on disk; no daemon answers`
      : `${name}: ${diskMessages ?? "?"} messages on disk, ${journalMessages} in the journal; ` +
        `deliveries under way: ${localInFlight} local, ${remoteInFlight} remote`
  );
  const logins = report.logins ? formatGuard(report.logins) : "logins: ?";
  return [`root ${report.root}`, `listening on ${report.listens.join(" ")}`, ...table, ...queues, logins, ""].join(
    "\n",
  );
}

export const applet = defineApplet({
  names: ["indimail-status", "status"],
  section: 8,
  summary: "show the roles of a running server, their memory, and the queues",
  role: "admin",
  dialect: "admin",
  options: {
    root: { long: "root", value: "folder", help: "the installation" },
    json: { long: "json", help: "as JSON: root, pid, listens, roles, pssBytes, queues, logins" },
  },
  description:
    `Shows what indimail serve runs: each role with state, pid, time since its start, how often it was started
again, and its memory (proportional set size, so that the sum is what the server takes). Then the queues: messages in
the layout of qmail, messages that are only in the journal, deliveries under way. Then how many clients may not log in
after too many failures, and how many logins were refused or slowed.

A role is up, idle (it is started when it is needed), waiting (it ended and is started again within a second), stopped,
or gone (the state file is older than the process). A question mark stands for what this user may not see.`,
  env: { INDIMAIL_ROOT: "root of the installation; / for root, else below HOME", QUEUE_BASE: "folder of the queues" },
  exits: { 0: "the server runs", 1: "it does not, or its state cannot be read" },
  files: { "run/indimail/serve.json": "what serve wrote" },
  seeAlso: ["indimail-serve(8)", "indimail-doctor(8)", "qmail-qread(8)"],
  source: ["[man indimail.7]", "[decision 0021]"],
  async run(proc) {
    const env = proc.env.all();
    const paths = pathsOf(proc.options.root, proc.paths, {
      directory: Deno.cwd(),
      env: (name) => Object.entries(env).find(([key]) => key === name)?.[1],
    });
    const state = tryReadState(paths);
    if (!state || !tryReadProcessStatus(state.pid)) {
      throw new Temporary(`no server runs on ${paths.root}: start it with indimail serve`);
    }
    const report = await readStatus(paths, state, proc.clock.nowMs());
    await proc.stdout.write(utf8Bytes(proc.options.json ? `${JSON.stringify(report)}\n` : formatStatus(report)));
  },
});
