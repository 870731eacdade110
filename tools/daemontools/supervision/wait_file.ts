/**
 * The file `wait`: a service that waits for another. Line 1 how many seconds after that one came up, line 2 which one
 * [man supervise.9].
 */
import { pathExists } from "../../../core/path_exists.ts";
import { hasReader } from "./letters.ts";
import { stateFolderOf } from "./places.ts";
import { pause } from "./service.ts";
import { tryParseStatus } from "./status.ts";

/** Longest wait; a longer one counts as the default [man supervise.9]. */
export const WAIT_SECONDS_MAX = 32767;
/** See above. */
export const WAIT_SECONDS_DEFAULT = 60;
/** How often the other service is looked at. */
const LOOK_MS = 200;

/** What the file says; undefined when it does not name a service. */
export function tryParseWait(text: string): { readonly seconds: number; readonly service: string } | undefined {
  const [first = "", service = ""] = text.split("\n");
  const seconds = Number(/^\s*(\d+)/.exec(first)?.[1] ?? 0);
  if (service === "") return undefined;
  return { seconds: seconds > WAIT_SECONDS_MAX ? WAIT_SECONDS_DEFAULT : seconds, service };
}

function isHeldBack(statusPath: string): boolean {
  try {
    const status = tryParseStatus(Deno.readFileSync(statusPath));
    return !status || status.paused || status.want === "down";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false; // a FIFO of some other program
    throw error;
  }
}

/** How it is waited. */
export interface WaitOptions {
  readonly upFifo: string;
  /** Hears the seconds that are left; Infinity until the other is up; 0 is not told. */
  tell(seconds: number): void;
  warn(text: string): void;
  readonly cancelled: AbortSignal;
}

/** Waits for the service that `folder`/wait names, if it exists; returns early when cancelled. */
export async function waitForOther(folder: string, options: WaitOptions): Promise<void> {
  let text: string;
  try {
    text = Deno.readTextFileSync(`${folder}/wait`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const wait = tryParseWait(text);
  if (!wait) return;
  const other = wait.service.startsWith("/")
    ? wait.service
    : `${folder.slice(0, folder.lastIndexOf("/"))}/${wait.service}`;
  if (!pathExists(other)) return options.warn(`does not wait for ${wait.service}: there is no such service`);
  options.tell(Infinity);
  while (!options.cancelled.aborted) {
    const state = stateFolderOf(other);
    if (hasReader(`${state}/${options.upFifo}`) && !isHeldBack(`${state}/status`)) break;
    await pause(LOOK_MS, options.cancelled);
  }
  if (options.cancelled.aborted || wait.seconds === 0) return;
  options.tell(wait.seconds);
  await pause(wait.seconds * 1000, options.cancelled);
}
