/**
 * How a service stands, for those who ask: svstat, svps, svstatd. Understands the folders of the stock daemontools, too.
 */
import { errorText } from "../../../core/errors.ts";
import { processExists } from "../../../core/libc/process.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { hasReader } from "./letters.ts";
import { stateFolderOf } from "./places.ts";
import { type Status, tryParseStatus } from "./status.ts";

/** Exit codes of svstat, when it is asked about one service [man svstat.8]. */
export const SVSTAT_EXITS = {
  up: 0,
  down: 1,
  notSupervised: 2,
  paused: 3,
  wantsUp: 4,
  wantsDown: 5,
  waits: 6,
  badStatus: 100,
  error: 111,
} as const;

/** What is known of a service. */
export type Stand =
  | { readonly kind: "known"; readonly status: Status; readonly isNormallyUp: boolean; readonly isAlive: boolean }
  | { readonly kind: "unknown"; readonly code: number; readonly why: string };

/** Looks at a service's folder. */
export function readStand(service: string): Stand {
  try {
    if (!Deno.statSync(service).isDirectory) {
      return { kind: "unknown", code: SVSTAT_EXITS.error, why: `${service} is not a folder` };
    }
    const isNormallyUp = !pathExists(`${service}/down`);
    const state = stateFolderOf(service);
    if (!hasReader(`${state}/ok`)) {
      return { kind: "unknown", code: SVSTAT_EXITS.notSupervised, why: `${service}: supervise not running` };
    }
    const status = tryParseStatus(Deno.readFileSync(`${state}/status`));
    if (!status) return { kind: "unknown", code: SVSTAT_EXITS.badStatus, why: `${state}/status: bad format` };
    return { kind: "known", status, isNormallyUp, isAlive: processExists(status.pid) };
  } catch (error) {
    return { kind: "unknown", code: SVSTAT_EXITS.error, why: `${service}: ${errorText(error)}` };
  }
}

/** The exit code of svstat for what it found. */
export function standCode(stand: Stand): number {
  if (stand.kind === "unknown") return stand.code;
  const { status } = stand;
  if (status.waitSeconds !== 0) return SVSTAT_EXITS.waits;
  if (!status.up) return status.want === "up" ? SVSTAT_EXITS.wantsUp : SVSTAT_EXITS.down;
  if (status.want === "down") return SVSTAT_EXITS.wantsDown;
  return status.paused ? SVSTAT_EXITS.paused : SVSTAT_EXITS.up;
}

/** Time since the last change; nanoseconds, 0 when the clock was set back. */
export function ageOf(status: Status, nowMs: number): bigint {
  const age = BigInt(Math.trunc(nowMs)) * 1_000_000n - status.changedNs;
  return age < 0n ? 0n : age;
}

/** Seconds of a wait that are left; 0 when it does not wait, or nobody knows. */
export function secondsLeft(status: Status, nowMs: number): number {
  const left = status.waitSeconds - Math.floor(Number(ageOf(status, nowMs) / 1_000_000_000n));
  return status.waitSeconds > 0 && left > 0 ? left : 0;
}

/** svstat's line, without the newline [man svstat.8]. */
export function standLine(service: string, stand: Stand & { kind: "known" }, nowMs: number): string {
  const { status, isNormallyUp, isAlive } = stand;
  const age = ageOf(status, nowMs);
  const seconds = `${age / 1_000_000_000n}.${String(age % 1_000_000_000n).padStart(9, "0")}`;
  const state = status.waitSeconds !== 0 ? "wait" : status.up ? "up" : "down";
  const notes = [
    status.up && !isNormallyUp && "normally down",
    !status.up && isNormallyUp && status.waitSeconds === 0 && "normally up",
    status.up && status.paused && "paused",
    !status.up && status.want === "up" && status.waitSeconds === 0 && "want up",
    status.up && status.want === "down" && "want down",
  ].filter((note) => note !== false).map((note) => `, ${note}`).join("");
  const label = status.up ? (isAlive ? "pid" : "?pid") : "spid";
  const left = secondsLeft(status, nowMs);
  const pid = status.pid === 0 ? "" : ` ${label} ${status.pid}`;
  return `${service}: ${state} ${seconds} seconds${notes}${pid}${left > 0 ? ` remaining ${left} seconds` : ""}`;
}
