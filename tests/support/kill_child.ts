/** Signals a child that may have ended by itself a moment before. */

/** Sends the signal; nothing when the child has ended, whether it has been waited for or not. */
export function killChild(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}
