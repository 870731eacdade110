/** What supervise's status file tells of a service, as two lines for a graph's page [spec formats 17]. */
import { pathExists } from "../../core/path_exists.ts";

const STATUS_BYTES = 20;
const TAI_EPOCH_LOW = 10;
const RUN_FOLDERS = ["/run/svscan", "/var/run/svscan"];

/** The status file of a service: in its folder, or below /run/svscan. */
function statusFile(service: string): string | undefined {
  const parts = service.replace(/\/+$/, "").split("/");
  const name = parts.at(-1) === "log" ? parts.slice(-2).join("/") : parts.at(-1) ?? "";
  return [service, ...RUN_FOLDERS.map((folder) => `${folder}/${name}`)]
    .map((folder) => `${folder}/supervise/status`).find(pathExists);
}

/** Days, hours, minutes and seconds in words. */
export function daysText(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 86_400), "day"],
    [Math.floor(seconds / 3600) % 24, "hour"],
    [Math.floor(seconds / 60) % 60, "min"],
    [Math.floor(seconds) % 60, "sec"],
  ] as const;
  const shown = parts.slice(Math.max(0, parts.findIndex(([count]) => count > 0)));
  return (seconds < 1 ? parts.slice(3) : shown).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`)
    .join(" ");
}

/** How long a service is up or down, and its state as svstat says it; undefined when nothing supervises it. */
export function serviceLines(service: string, nowMs: number): readonly [string, string] | undefined {
  const path = statusFile(service);
  if (path === undefined) return undefined;
  const bytes = Deno.readFileSync(path);
  if (bytes.length < STATUS_BYTES - 2) return undefined;
  const view = new DataView(bytes.buffer);
  const changed = (view.getUint32(0) - 0x40000000) * 2 ** 32 + view.getUint32(4) - TAI_EPOCH_LOW;
  const seconds = Math.max(0, Math.floor(nowMs / 1000 - changed));
  const pid = view.getUint32(12, true);
  const isUp = bytes.length > STATUS_BYTES ? bytes[STATUS_BYTES] === 1 : pid !== 0;
  const normallyUp = !pathExists(`${service}/down`);
  const want = String.fromCharCode(bytes[17] ?? 0);
  const notes = [
    ...(isUp && pid !== 0 ? [`pid ${pid}`] : []),
    ...(isUp && !normallyUp ? ["normally down"] : []),
    ...(!isUp && normallyUp ? ["normally up"] : []),
    ...(isUp && bytes[16] === 1 ? ["paused"] : []),
    ...(!isUp && want === "u" ? ["want up"] : []),
    ...(isUp && want === "d" ? ["want down"] : []),
  ];
  return [
    daysText(seconds),
    `${service}: ${isUp ? "up" : "down"} ${seconds} seconds${notes.map((note) => `, ${note}`).join("")}`,
  ];
}
