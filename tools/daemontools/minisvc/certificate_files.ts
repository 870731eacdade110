/**
 * minisvc --config=cert and --check-certs: makes servercert.pem with its link clientcert.pem, points the variables of
 * services to it, and says what is wrong with certificates [man minisvc.9].
 */
import type { OptionSpecs, Proc } from "../../../core/applet.ts";
import { errorText, Permanent, Temporary, Usage } from "../../../core/errors.ts";
import { groupId } from "../../../core/libc/account.ts";
import { type Certificate, parseServerPem } from "../../../core/net/tls_server.ts";
import { pathExists } from "../../../core/path_exists.ts";
import { sendLetters } from "../supervision/letters.ts";
import { stateFolderOf } from "../supervision/places.ts";
import { VariableFiles } from "./variable_files.ts";

const SERVER_FILE = "servercert.pem";
const CLIENT_FILE = "clientcert.pem";
/** Certificate and key of an authority, in its folder: in one file, or the key beside it. */
const AUTHORITY_FILE = "cacert.pem";
const AUTHORITY_KEY_FILE = "cakey.pem";
/** Who may read the key beside root. */
const GROUP = "qcerts";
const DAYS_MAX = 36_500;
const DAY_MS = 86_400_000;
/** What --check-certs calls due: peers and operators need some time. */
const DUE_DAYS = 14;
/** Names of host and mailbox as they can stand in a certificate. */
const HOST = /^(?:\*\.)?[\w-]+(?:\.[\w-]+)*$/;
const MAILBOX = /^[\x21-\x3f\x41-\x7e]+@[\w.-]+$/;

/** Options of --config=cert. */
export interface CertificateOptions {
  readonly commonName: string | undefined;
  readonly postmaster: string | undefined;
  readonly days: string | undefined;
  readonly authorityFolder: string | undefined;
  readonly certFolder: string | undefined;
  /** The folder of services whose variables are to name the certificate; undefined: none. */
  readonly services: string | undefined;
  readonly force: boolean;
}

/** Makes and checks certificates. */
export class CertificateFiles<O extends OptionSpecs> {
  readonly #proc: Proc<O>;
  readonly #root: string;

  /** `root` is put before every path. */
  constructor(proc: Proc<O>, root: string) {
    this.#proc = proc;
    this.#root = root;
  }

  /** Makes the certificate; what was done. Throws Usage and Permanent, and changes nothing then. */
  async make(options: CertificateOptions): Promise<string> {
    const folder = options.certFolder ?? this.#proc.paths.certs;
    const { commonName, postmaster } = checkedNames(options);
    const days = Number(options.days ?? 366);
    if (!Number.isInteger(days) || days < 1 || days > DAYS_MAX) {
      throw new Usage(`--validity_days=${options.days} is no number of days from 1 to ${DAYS_MAX}`);
    }
    const path = `${this.#root}${folder}/${SERVER_FILE}`;
    if (pathExists(path) && !options.force) throw new Permanent(`${path} is there already: --force makes it anew`);
    const authority = options.authorityFolder === undefined
      ? undefined
      : authorityOf(`${this.#root}${options.authorityFolder}`);
    const { certificateFacts, makeCertificate } = await import("../../../core/net/certificate.ts");
    const pem = await makeCertificate({
      hostNames: [commonName],
      days,
      nowMs: this.#proc.clock.nowMs(),
      ...(postmaster !== undefined && { email: postmaster }),
      ...(authority && { authority }),
    });
    Deno.mkdirSync(`${this.#root}${folder}`, { recursive: true });
    writeCertificate(path, pem);
    linkClient(`${this.#root}${folder}/${CLIENT_FILE}`);
    const { subject, issuer, notAfterMs } = await certificateFacts(pem, path);
    const lines = [`Created ${path}: ${subject}, signed by ${issuer}, until ${dayOf(notAfterMs)}`];
    if (options.services !== undefined) lines.push(...updateServices(`${this.#root}${options.services}`, folder));
    return lines.map((line) => `${line}\n`).join("");
  }

  /** A line for each certificate. Throws Permanent with all lines when one is not good. */
  async check(file: string): Promise<string> {
    const { certs } = this.#proc.paths;
    const paths = file === "" ? [SERVER_FILE, CLIENT_FILE].map((name) => `${this.#root}${certs}/${name}`) : [file];
    const found = paths.filter(pathExists);
    if (found.length === 0) throw new Permanent(`${paths.join(", ")}: there is no certificate`);
    const results = await Promise.all(found.map((path) => this.#verdict(path)));
    const text = results.map((result) => `${result.path}: ${result.text}\n`).join("");
    if (results.every(({ good }) => good)) return text;
    await this.#proc.stdout.write(new TextEncoder().encode(text));
    throw new Permanent("a certificate is not good: minisvc --config=cert --force makes a new one");
  }

  async #verdict(path: string): Promise<{ readonly path: string; readonly good: boolean; readonly text: string }> {
    const { certificateFacts } = await import("../../../core/net/certificate.ts");
    const bad = (text: string) => ({ path, good: false, text });
    try {
      const facts = await certificateFacts(Deno.readTextFileSync(path), path);
      const nowMs = this.#proc.clock.nowMs();
      const { subject, names, notBeforeMs, notAfterMs } = facts;
      if (!facts.hasItsKey) return bad("the key in the file is not the certificate's");
      if (notBeforeMs > nowMs) return bad(`not valid before ${dayOf(notBeforeMs)}`);
      if (notAfterMs <= nowMs) return bad(`expired on ${dayOf(notAfterMs)}`);
      if (path.includes("server") && !facts.isForServers) return bad("no certificate for servers");
      if (path.includes("client") && !facts.isForClients) return bad("no certificate for clients");
      const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
      const left = days < DUE_DAYS ? `expires in ${days} days: make a new one` : `valid until ${dayOf(notAfterMs)}`;
      return { path, good: true, text: `${subject} (${names.join(", ")}), ${left}` };
    } catch (error) {
      if (error instanceof Temporary || error instanceof Permanent) return bad(errorText(error));
      throw error;
    }
  }
}

function checkedNames(
  { commonName, postmaster }: Pick<CertificateOptions, "commonName" | "postmaster">,
): { readonly commonName: string; readonly postmaster: string | undefined } {
  if (commonName === undefined) throw new Usage("--common_name is missing: the name by which clients know this host");
  if (!HOST.test(commonName)) throw new Usage(`--common_name=${commonName} is no name of a host`);
  const address = postmaster === undefined || postmaster.includes("@") ? postmaster : `${postmaster}@${commonName}`;
  const mailbox = address?.replace(/^&/, "");
  if (mailbox !== undefined && !MAILBOX.test(mailbox)) throw new Usage(`--postmaster=${postmaster} is no address`);
  return { commonName, postmaster: mailbox };
}

function authorityOf(folder: string): Certificate {
  const [path, keyPath] = [`${folder}/${AUTHORITY_FILE}`, `${folder}/${AUTHORITY_KEY_FILE}`];
  if (!pathExists(path)) {
    throw new Permanent(`${path} is missing: the authority's certificate, with its key or ${keyPath}`);
  }
  const text = Deno.readTextFileSync(path) + (pathExists(keyPath) ? Deno.readTextFileSync(keyPath) : "");
  return parseServerPem(text, path);
}

/** In place at once, never readable for others: by root for the group of those who serve TLS. */
function writeCertificate(path: string, pem: string): void {
  const work = `${path}.new`;
  const gid = Deno.uid() === 0 ? groupId(GROUP) : undefined;
  Deno.writeTextFileSync(work, pem, { mode: 0o600 });
  if (gid !== undefined) {
    Deno.chownSync(work, 0, gid);
    Deno.chmodSync(work, 0o640);
  }
  Deno.renameSync(work, path);
}

/** The certificate is also what this host shows as a client; one of its own stays. */
function linkClient(path: string): void {
  if (!pathExists(path)) Deno.symlinkSync(SERVER_FILE, path);
}

/** Variables that name the folder, or a file in it. */
const VARIABLES: Readonly<Record<string, (folder: string) => string>> = {
  CERTDIR: (folder) => folder,
  CLIENTCERT: (folder) => `${folder}/${SERVER_FILE}`,
  SERVERCERT: (folder) => `${folder}/${SERVER_FILE}`,
  CERTFILE: (folder) => `${folder}/${SERVER_FILE}`,
  TLS_CACHEFILE: (folder) => `${folder}/couriersslcache`,
};

/** Sets those variables where services have them, and starts anew what is different. */
function updateServices(services: string, folder: string): string[] {
  const lines: string[] = [];
  for (const name of [...Deno.readDirSync(services)].map((entry) => entry.name).sort()) {
    const files = new VariableFiles(`${services}/${name}/variables`);
    if (!pathExists(files.folder)) continue;
    let changed = false;
    for (const [variable, value] of files.all()) {
      const wanted = (VARIABLES[variable] ?? (variable.endsWith("CERTFILE") ? VARIABLES.CERTFILE : undefined))?.(
        folder,
      );
      if (wanted === undefined) continue;
      const path = `${files.folder}/${variable}`;
      if (value === wanted) lines.push(`${path}: OK`);
      else {
        files.write([variable, wanted]);
        lines.push(`Fixed ${path}`);
        changed = true;
      }
    }
    if (changed && sendLetters(`${stateFolderOf(`${services}/${name}`)}/control`, "r")) {
      lines.push(`Restarting service ${services}/${name}`);
    }
  }
  return lines;
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}
