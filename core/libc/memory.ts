/** How a process that stays for long keeps its memory small: no huge pages, free memory given back [decision 0065]. */
import { checked, libc, preloadLibc } from "./libc.ts";

const PR_SET_THP_DISABLE = 41;
/** From the start to the first return of free memory: the program is loaded by then. */
const SETTLE_MS = 2000;
/** Between later returns. It takes 0.2 ms for a daemon at rest. */
const RETURN_INTERVAL_MS = 300_000;

/**
 * No transparent huge pages for this process and whatever it starts or executes. Where the system gives them to everybody
 * ("always"), a heap of small allocations takes 2 MB for the first byte of each: 27 MB more for the seven roles.
 */
export function refuseHugePages(): void {
  checked(libc().prctl(PR_SET_THP_DISABLE, 1n, 0n, 0n, 0n), "prctl huge pages");
}

/**
 * Gives memory that was freed back to the system, soon and then now and again: malloc keeps what the start and every load
 * after it needed, about 1.3 MB a role. Does not keep the process alive.
 */
export function returnFreeMemory(): void {
  preloadLibc(["malloc_trim"]);
  const trim = () => void libc().malloc_trim(0n);
  Deno.unrefTimer(setTimeout(trim, SETTLE_MS));
  Deno.unrefTimer(setInterval(trim, RETURN_INTERVAL_MS));
}
