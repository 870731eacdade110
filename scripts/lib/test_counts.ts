/**
 * The counts of a test run, read from the summary of `deno test`.
 */

/** How many tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  /** Tests that said they cannot run here. */
  readonly skipped: number;
}

/** Both together. */
export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/**
 * Counts of a run that ended with `code`. A run that ended badly without saying why counts as one failed test: a file that
 * does not load, a crash.
 */
export function readCounts(output: string, code: number): Counts {
  const summary = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(.*)$/m;
  const last = [...output.matchAll(new RegExp(summary, "gm"))].at(-1);
  const passed = Number(last?.[1] ?? 0);
  const skipped = Number(/\| (\d+) ignored/.exec(last?.[3] ?? "")?.[1] ?? 0);
  const failed = Number(last?.[2] ?? 0);
  const silent = last === undefined || (code !== 0 && failed === 0);
  return { passed, failed: silent ? failed + 1 : failed, skipped };
}
