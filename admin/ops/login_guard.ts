/** Asking the lookup daemon about refused logins, for `indimail unban`, `indimail bans` and `indimail status`. */
import { Denied, Temporary } from "../../core/errors.ts";
import { type Paths, socketPath } from "../../core/paths.ts";
import type { LoginBan, LoginGuardStatus } from "../../storage/accounts/logins/login_bans.ts";
import { LookupClient } from "../../storage/accounts/lookup_client.ts";

/** How long an answer may take: hashing passwords comes first when there is much to do. */
const ANSWER_MS_MAX = 10_000;

/** Asks on the privileged socket. Throws Denied for who may not, Temporary when no daemon answers. */
export async function askLoginGuard<T>(paths: Paths, ask: (client: LookupClient) => Promise<T>): Promise<T> {
  const path = socketPath(paths, "lookup-admin");
  const uid = Deno.uid();
  try {
    const owner = Deno.statSync(path).uid;
    if (uid !== 0 && uid !== owner) throw new Denied(`only root and user ${owner} may ask ${path}`);
  } catch (error) {
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new Denied(`only root and the server's user may ask ${path}`);
    }
    if (error instanceof Deno.errors.NotFound) throw new Temporary(`there is no ${path}: is the server running?`);
    throw error;
  }
  const client = new LookupClient({ path, timeoutMs: ANSWER_MS_MAX });
  try {
    return await ask(client);
  } finally {
    client.close();
  }
}

/** One ban as a line. */
export function formatBan({ address, account, untilMs, failures }: LoginBan, nowMs: number): string {
  const seconds = Math.max(0, Math.ceil((untilMs - nowMs) / 1000));
  return `${address}  ${account ?? "*"}  ${failures} failures  ${seconds} seconds left\n`;
}

/** The guard in one line of the status. */
export function formatGuard({ bansTotal, refused, slowed }: Omit<LoginGuardStatus, "bans">): string {
  return `logins: ${bansTotal} bans (indimail bans lists them), ${refused} refused and ${slowed} slowed since the start`;
}
