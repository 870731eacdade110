/** The loop of logalert and logmonitor over one file, or standard input, until asked to stop or the file is given up. */
import type { Proc } from "../../../core/applet.ts";
import { errorText, Temporary } from "../../../core/errors.ts";
import { LineSplitter } from "../../../core/line_splitter.ts";
import { type AlertRunner } from "./alert_action.ts";
import type { Watch } from "./alert_config.ts";
import { AlertRule } from "./alert_rule.ts";
import { FollowedFile } from "./follow_file.ts";

/** Time between two looks at a file. */
const POLL_MS = 250;
/** Time between two tries to open a file that is not there. */
const RETRY_MS = 1000;
const READ_BYTES = 64 * 1024;

type World = Pick<Proc, "clock" | "stopping" | "stdin" | "stdout" | "log" | "name">;

/** Follows `watch.file`. Throws Temporary when it was not there `watch.retries` times. */
export async function watchFile(proc: World, watch: Watch, runner: AlertRunner): Promise<void> {
  const feed = feeder(proc, watch, runner);
  const followed = new FollowedFile(watch.file, { start: watch.fromBeginning ? 0 : "end" });
  let missed = 0;
  try {
    while (!proc.stopping.aborted) {
      const state = await look(followed, feed);
      missed = state === "present" ? 0 : missed + 1;
      if (missed > watch.retries) throw new Temporary(`${watch.file} is given up: ${state}`);
      if (missed === 1) proc.log.line(`${proc.name}: warning: ${watch.file}: ${state}`);
      await pause(proc, state === "present" ? POLL_MS : RETRY_MS);
    }
  } finally {
    followed.close();
  }
}

/** "present", or why the file cannot be read. */
async function look(followed: FollowedFile, feed: (bytes: Uint8Array) => Promise<void>): Promise<string> {
  try {
    return await followed.poll(feed);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.IsADirectory)) throw error;
    return errorText(error);
  }
}

async function pause({ clock, stopping }: World, durationMs: number): Promise<void> {
  try {
    await clock.sleep(durationMs, stopping);
  } catch (error) {
    if (!stopping.aborted) throw error;
  }
}

/** Reads standard input to its end. */
export async function watchInput(proc: World, watch: Watch, runner: AlertRunner): Promise<void> {
  const feed = feeder(proc, watch, runner);
  const buffer = new Uint8Array(READ_BYTES);
  for (;;) {
    const count = await proc.stdin.read(buffer);
    if (count === null) break;
    await feed(buffer.subarray(0, count));
  }
  await feed(new Uint8Array([10])); // a last line without LF is a line
}

function feeder(proc: World, watch: Watch, runner: AlertRunner): (bytes: Uint8Array) => Promise<void> {
  const rule = new AlertRule(watch);
  const { file, pattern } = watch;
  const raised: { line: string; groups: string[] }[] = [];
  const splitter = new LineSplitter((line) => {
    const groups = rule.take(line, proc.clock.nowMs());
    if (groups) raised.push({ line, groups });
  });
  return async (bytes) => {
    if (watch.verbose) await proc.stdout.write(bytes);
    splitter.push(bytes);
    for (const { line, groups } of raised.splice(0)) await runner.raise({ file, pattern, line, groups }, watch);
  };
}
