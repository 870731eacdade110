/**
 * The rules of tcpserver with the addresses that may relay after a login: for SMTP servers that do not ask the table
 * themselves [man clearopensmtp.8] [spec formats 26].
 */
import { Buffer } from "node:buffer";
import type { Proc } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent, Temporary, Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { tryParseIp } from "../../core/ip_address.ts";
import type { Paths } from "../../core/paths.ts";
import type { Accounts } from "../../storage/accounts/accounts.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { RELAY_MINUTES_DEFAULT } from "../../storage/accounts/tables/relay.ts";
import { withFileLock } from "../../storage/locks/file_lock.ts";

/** Environment of clearopensmtp and updaterules. */
export const RELAY_RULES_ENV = {
  ...MYSQL_ENV,
  TCP_FILE: "rules of tcpserver; what is made is TCP_FILE.cdb; default etc/indimail/tcp/tcp.smtp",
  OPEN_SMTP: "file that is locked meanwhile; default lib/open-smtp",
  RELAY_CLEAR_MINUTES: "minutes that a login allows relaying; default 60",
} as const;

/** Bytes of TCP_FILE at most. */
const RULES_BYTES_MAX = 16 * 1024 * 1024;

/** Seconds that a grant lives. Throws Usage when the variable is no number. */
export function relaySeconds(text: string | undefined): number {
  if (text !== undefined && !/^\d{1,7}$/.test(text)) throw new Usage(`RELAY_CLEAR_MINUTES: ${text} is not a number`);
  return 60 * Number(text ?? RELAY_MINUTES_DEFAULT);
}

function rulesFile(paths: Paths, named: string | undefined): string {
  return named || `${paths.control.replace(/\/[^/]*$/, "")}/tcp/tcp.smtp`;
}

async function readRules(path: string): Promise<string[]> {
  try {
    if (Deno.statSync(path).size > RULES_BYTES_MAX) {
      throw new Permanent(`${path} is larger than ${RULES_BYTES_MAX} bytes`);
    }
    return Buffer.from(await Deno.readFile(path)).toString("latin1").split("\n").map((line) => line.replace(/#.*/, ""));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Rules for the addresses first, those of the file after them, as one text. */
export function relayRules(addresses: readonly string[], rules: readonly string[]): string {
  const granted = [...new Set(addresses)].filter((address) => tryParseIp(address)); // what is no address is no rule
  const lines = [...granted.map((address) => `${address}:allow,RELAYCLIENT=""`), ...rules];
  return lines.filter((line) => line.trim() !== "").map((line) => `${line}\n`).join("");
}

/** Makes TCP_FILE.cdb of the table and TCP_FILE; `proc` declares RELAY_RULES_ENV. */
export async function updateRules(proc: Proc, accounts: Accounts): Promise<void> {
  const { paths, env, clock } = proc;
  const path = rulesFile(paths, env.get("TCP_FILE"));
  const since = Math.floor(clock.nowMs() / 1000) - relaySeconds(env.get("RELAY_CLEAR_MINUTES"));
  await withFileLock(env.get("OPEN_SMTP") || `${paths.lib}/open-smtp`, async () => {
    const grants = await accounts.relay.list(since);
    const addresses = grants.map(({ ipAddress }) => ipAddress);
    await runTcprules(proc, path, latin1Bytes(relayRules(addresses, await readRules(path))));
  });
}

/** tcprules, inside this process. */
async function runTcprules(proc: Proc, path: string, rules: Uint8Array): Promise<void> {
  const applet = await proc.applet("tcprules");
  if (!applet) throw new Temporary("this executable has no program tcprules");
  let given = 0;
  const stdin = {
    read(into: Uint8Array): Promise<number | null> {
      if (given >= rules.length) return Promise.resolve(null);
      const part = rules.subarray(given, given + into.length);
      into.set(part);
      given += part.length;
      return Promise.resolve(part.length);
    },
  };
  Deno.mkdirSync(path.replace(/\/[^/]*$/, "") || "/", { recursive: true });
  const args = [`${path}.cdb`, `${path}.tmp.${Deno.pid}`];
  const code = await applet.run({ ...proc, name: "tcprules", options: {}, args, stdin });
  const { ok } = EXIT_DIALECTS[applet.dialect];
  if ((code ?? ok) !== ok) throw new Temporary(`tcprules could not make ${path}.cdb`);
}
