/** Signals a child that may have ended by itself a moment before. */

/** Sends the signal; nothing when the child has ended, whether it has been waited for or not. */
export function killChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Most that a process takes to stop once it was told; its threads do so one by one. */
const FREEZE_WAIT_MS = 5000;

/** SIGSTOP, until each thread has stopped, or SIGCONT. */
export function freezeChild(child: Deno.ChildProcess, frozen: boolean): void {
  child.kill(frozen ? "SIGSTOP" : "SIGCONT");
  const endMs = Date.now() + FREEZE_WAIT_MS;
  while (frozen && !hasStopped(child.pid)) {
    if (Date.now() > endMs) throw new Error(`process ${child.pid} goes on after SIGSTOP`);
  }
}

function hasStopped(pid: number): boolean {
  try {
    return [...Deno.readDirSync(`/proc/${pid}/task`)].every(({ name }) =>
      /^State:\s+[Tt]/m.test(Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`))
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || /No such process/.test(String(error))) return false; // a thread ended
    throw error;
  }
}
