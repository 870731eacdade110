/** Assertions of the tests: node:assert behind the names that read well in a test. */
import nodeAssert from "node:assert/strict";

/** Fails unless both are deeply equal. */
export function assertEquals<T>(actual: T, expected: NoInfer<T>, message?: string): void {
  if (message === undefined) nodeAssert.deepStrictEqual(actual, expected);
  else nodeAssert.deepStrictEqual(actual, expected, message);
}

/** Fails unless the value is truthy. */
export function assert(value: unknown, message?: string): asserts value {
  nodeAssert.ok(value, message ?? "a truthy value was expected");
}

/** Fails unless the text matches. */
export function assertMatch(actual: string, pattern: RegExp, message?: string): void {
  nodeAssert.match(actual, pattern, message ?? `${JSON.stringify(actual)} does not match ${pattern}`);
}

/** Fails unless `run` throws an error of that class; gives the error. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  // deno-lint-ignore no-explicit-any -- any error class, whatever its constructor takes
  kind: new (...args: any[]) => E,
  message?: string | RegExp,
): E {
  try {
    run();
  } catch (error) {
    return checkError(error, kind, message);
  }
  throw new nodeAssert.AssertionError({ message: `nothing was thrown, ${kind.name} expected` });
}

/** Fails unless the promise is rejected with an error of that class; gives the error. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- any error class, whatever its constructor takes
  kind: new (...args: any[]) => E,
  message?: string | RegExp,
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checkError(error, kind, message);
  }
  throw new nodeAssert.AssertionError({ message: `nothing was thrown, ${kind.name} expected` });
}

// deno-lint-ignore no-explicit-any -- any error class, whatever its constructor takes
function checkError<E extends Error>(error: unknown, kind: new (...args: any[]) => E, message?: string | RegExp): E {
  if (!(error instanceof kind)) throw error;
  if (typeof message === "string") nodeAssert.ok(error.message.includes(message), `${error.message} lacks ${message}`);
  else if (message) nodeAssert.match(error.message, message);
  return error;
}
