/**
 * Inside a daemon's Worker: loads the one program that the main thread names, runs it with the role's permissions, and
 * sends its exit code back. Signals come as messages.
 */
import type { AppletEntry } from "./applet.ts";
import { EXIT_DIALECTS } from "./exits.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./fence.ts";
import { LOG_GATHER_MS } from "./log.ts";
import { parseOptions } from "./options.ts";
import { createProc, findEntry, stderrLogger } from "./proc.ts";
import { deliveredSignals } from "./signals.ts";

/** What a Worker's global scope offers, of which the page's types know nothing. */
interface WorkerScope {
  postMessage(message: FromWorker): void;
  addEventListener(type: "message", handler: (event: MessageEvent<ToWorker>) => void): void;
}

type WorkerSignals = ReturnType<typeof deliveredSignals>;

async function run(entries: readonly AppletEntry[], start: WorkerStart, signals: WorkerSignals): Promise<number> {
  const { program, name, paths } = start;
  const entry = findEntry(entries, program);
  if (!entry) throw new Error(`there is no program ${program}`);
  const { applet } = await entry.load();
  const dialect = EXIT_DIALECTS[applet.dialect];
  const log = stderrLogger({ gatherMs: LOG_GATHER_MS });
  try {
    const { options, args } = parseOptions(applet, start.args);
    const origin = { mainUrl: start.mainUrl };
    const proc = createProc({ applet, name, options, args, paths, entries, origin, signals, log });
    return await applet.run(proc) ?? dialect.ok;
  } catch (error) {
    log.line((await failureText(error, name, applet)).trimEnd());
    return exitCodeOf(error, dialect);
  } finally {
    await log.flush();
  }
}

/** Waits for the main thread's start message, runs the program, answers with its exit code. */
export function workerMain(entries: readonly AppletEntry[], scope: WorkerScope): void {
  const signals = deliveredSignals();
  scope.addEventListener("message", (event) => {
    const message = event.data;
    if (message.kind === "signal") signals.deliver(message.signal);
    else run(entries, message, signals).then((code) => scope.postMessage({ kind: "exit", code }));
  });
  scope.postMessage({ kind: "ready" });
}
