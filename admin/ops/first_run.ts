/**
 * What serve makes when it finds no installation: control files, certificate, tables, the first domain and its postmaster.
 * Each step leaves alone what is there, and a mark says that the first run is not finished, so that a crash in the
 * middle only means that the next start goes on.
 */
import { pathExists } from "../../core/path_exists.ts";
import type { Proc } from "../../core/applet.ts";
import type { Paths } from "../../core/paths.ts";
import { MECHANISMS_FILE, MECHANISMS_OF_NEW_INSTALLATIONS } from "../../storage/accounts/auth_mechanisms.ts";
import { runApplet } from "./run_applet.ts";
import type { ServeSettings } from "./settings.ts";
import { type AccountIds, accountIds, ensureAccounts } from "./system_accounts.ts";
import { ensureTree, giveTree } from "./tree.ts";

/** Letters of generated passwords: none that is read as another. */
const PASSWORD_LETTERS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
const PASSWORD_LENGTH = 16;
/** The first certificate: long enough to be replaced in peace by one that peers can verify. */
const CERTIFICATE_DAYS = 3650;

/** What was made; undefined fields were there already. */
export interface FirstRun {
  readonly accounts: readonly string[];
  /** The first domain's postmaster, to be shown once. */
  readonly postmaster?: { readonly address: string; readonly password: string };
}

/** A random password of 16 letters and digits (92 bits). */
export function generatePassword(): string {
  let password = "";
  while (password.length < PASSWORD_LENGTH) {
    const byte = crypto.getRandomValues(new Uint8Array(1))[0]!;
    if (byte < PASSWORD_LETTERS.length * 4) password += PASSWORD_LETTERS[byte % PASSWORD_LETTERS.length];
  }
  return password;
}

/** Contents of the control files of a new installation [man qmail-control.9]. */
export function firstControlFiles(settings: ServeSettings): Readonly<Record<string, string>> {
  const { host, domain } = settings;
  const locals = host === domain ? ["localhost"] : ["localhost", host];
  return {
    me: `${host}\n`,
    defaulthost: `${domain}\n`,
    defaultdomain: `${domain}\n`,
    plusdomain: `${domain}\n`,
    locals: `${locals.join("\n")}\n`,
    rcpthosts: `${locals.join("\n")}\n`,
    virtualdomains: "",
    defaultdelivery: "./Maildir/\n",
    [MECHANISMS_FILE]: `${MECHANISMS_OF_NEW_INSTALLATIONS.join("\n")}\n`,
  };
}

function writeMissing(path: string, text: string, mode: number): void {
  if (pathExists(path)) return;
  const temporary = `${path}.new`;
  Deno.writeTextFileSync(temporary, text, { mode });
  Deno.chmodSync(temporary, mode);
  Deno.renameSync(temporary, path);
}

async function ensureCertificate(paths: Paths, host: string, ids: AccountIds | undefined): Promise<void> {
  const path = `${paths.certs}/servercert.pem`;
  if (pathExists(path)) return;
  const { makeCertificate } = await import("../../core/net/certificate.ts");
  const request = { hostNames: [host, "localhost"], days: CERTIFICATE_DAYS, nowMs: Date.now() } as const;
  writeMissing(path, await makeCertificate(request), ids ? 0o640 : 0o600);
  if (ids) Deno.chownSync(path, 0, ids.gid("qcerts"));
}

async function ensureDomain(proc: Proc, settings: ServeSettings): Promise<FirstRun["postmaster"]> {
  const { paths, domain } = settings;
  if (pathExists(`${paths.domains}/${domain}`)) return undefined;
  const password = generatePassword();
  await runApplet(proc, { name: "vadddomain", args: [domain, password], paths });
  return { address: `postmaster@${domain}`, password };
}

function aliasOf(paths: Paths, name: string, target: string): void {
  writeMissing(`${paths.alias}/.qmail-${name}`, `&${target}\n`, 0o644);
}

/**
 * Makes what is missing. An installation that already has control/me is only completed (folders, certificate, tables): its
 * domains are the operator's.
 */
export async function ensureInstallation(proc: Proc, settings: ServeSettings, queues: number): Promise<FirstRun> {
  const { paths, domain, host } = settings;
  const accounts = settings.accounts ? await ensureAccounts(proc, paths) : [];
  const ids = settings.accounts ? accountIds() : undefined;
  await ensureTree(paths, { ids, queues });
  const unfinished = `${paths.lib}/first-run`;
  const isNew = !pathExists(`${paths.control}/me`);
  if (isNew) {
    Deno.writeTextFileSync(unfinished, "");
    for (const [name, text] of Object.entries(firstControlFiles(settings))) {
      if (name !== "me") writeMissing(`${paths.control}/${name}`, text, 0o644);
    }
    writeMissing(`${paths.control}/me`, firstControlFiles(settings)["me"]!, 0o644);
  }
  await ensureCertificate(paths, host, ids);
  if (!pathExists(paths.database) && !pathExists(`${paths.control}/host.mysql`)) {
    await runApplet(proc, { name: "install_tables", args: [], paths });
    if (ids) giveTree(paths.lib, { uid: ids.uid("indimail"), gid: ids.gid("indimail") });
  }
  if (!pathExists(unfinished)) return { accounts };
  const postmaster = await ensureDomain(proc, settings);
  for (const name of ["postmaster", "mailer-daemon", "root"]) aliasOf(paths, name, `postmaster@${domain}`);
  if (ids) {
    const indimail = { uid: ids.uid("indimail"), gid: ids.gid("indimail") };
    for (const path of [paths.lib, paths.domains, paths.mail]) giveTree(path, indimail);
    giveTree(paths.alias, { uid: ids.uid("alias"), gid: ids.gid("qmail") });
  }
  Deno.removeSync(unfinished);
  return postmaster ? { accounts, postmaster } : { accounts };
}
