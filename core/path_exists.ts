/**
 * Whether something is at a path: the question of many programs, asked in one way.
 */

/** True when there is a file, folder or other thing at `path` (a dangling link is none). Throws when that cannot be told. */
export function pathExists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
