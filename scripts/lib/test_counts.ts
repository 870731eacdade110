/**
 * The counts of a test run, read from the summary of `deno test`.
 */

/** How many tests passed and failed. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}

/** Both together. */
export function addCounts(a: Counts, b: Counts): Counts {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed };
}

/**
 * Counts of a run that ended with `code`. An ignored test counts as failed, and so does a run that ended badly without
 * saying why: a file that does not load, a crash.
 */
export function readCounts(output: string, code: number): Counts {
  const summary = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed(?: \([^)]*\))?(.*)$/m;
  const last = [...output.matchAll(new RegExp(summary, "gm"))].at(-1);
  const passed = Number(last?.[1] ?? 0);
  const ignored = Number(/\| (\d+) ignored/.exec(last?.[3] ?? "")?.[1] ?? 0);
  const failed = Number(last?.[2] ?? 0) + ignored;
  const silent = last === undefined || (code !== 0 && failed === 0);
  return { passed, failed: silent ? failed + 1 : failed };
}
