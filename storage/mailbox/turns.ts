/** Long work is done in slices; between them the other sessions of the process get their turn. */
import { setImmediate } from "node:timers";

/** Resolves after what waits for the event loop has run: some microseconds, where a timer would take a millisecond. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
