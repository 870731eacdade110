/** The path of a Unix socket before listening: one that nobody answers on any more is in the way. */
import { Temporary } from "../../../core/errors.ts";

/** Removes a socket that nobody listens on. Throws Temporary when somebody does, or when the path is no socket. */
export async function removeStaleSocket(path: string): Promise<void> {
  let stat: Deno.FileInfo;
  try {
    stat = await Deno.lstat(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!stat.isSocket) throw new Temporary(`unable to listen on ${path}: it exists and is no socket`);
  try {
    (await Deno.connect({ transport: "unix", path })).close();
  } catch {
    await Deno.remove(path).catch(() => undefined); // bind says what is wrong
    return;
  }
  throw new Temporary(`unable to listen on ${path}: somebody listens there already`);
}
