/**
 * Debian's slapd for tests: its own folder, loopback ports and a Unix socket; plain, StartTLS and TLS with a certificate
 * of its own authority. Ended by its process id. Needs the packages slapd and ldap-utils.
 */
import { command } from "./installation.ts";
import { freezeChild, killChild } from "./kill_child.ts";

/** A running directory; the password of its administrator is `secret`. */
export interface Slapd extends AsyncDisposable {
  readonly port: number;
  readonly tlsPort: number;
  readonly socketPath: string;
  /** Certificate of the authority. */
  readonly caFile: string;
  readonly base: string;
  readonly administrator: string;
  /** SIGSTOP or SIGCONT: a server that answers nothing. */
  freeze(frozen: boolean): void;
  /** Stops it; its port then refuses connections. */
  stop(): Promise<void>;
}

const PROGRAM = "/usr/sbin/slapd";
const BASE = "dc=mail,dc=test";
const START_TRIES_MAX = 100;
const START_PAUSE_MS = 50;

/** Whether the tests can have a directory. A test that cannot says so. */
export function slapdAvailable(): boolean {
  try {
    Deno.statSync(PROGRAM);
    return true;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("SKIPPED: tests on a directory, since slapd is not installed (Debian: slapd)");
    return false;
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function run(program: string, args: readonly string[], cwd: string): Promise<void> {
  const made = await new Deno.Command(program, { args: [...args], cwd, stdout: "null", stderr: "piped" }).output();
  if (!made.success) throw new Error(`${program}: ${new TextDecoder().decode(made.stderr)}`);
}

async function makeCertificates(folder: string): Promise<void> {
  const key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-x509"];
  await run("openssl", [...key, "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"], folder);
  const names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"];
  const leaf = ["-CA", "ca.pem", "-CAkey", "ca.key", "-subj", "/CN=localhost", ...names];
  await run("openssl", [...key, ...leaf, "-keyout", "key.pem", "-out", "cert.pem"], folder);
}

function configuration(folder: string): string {
  return [
    "include /etc/ldap/schema/core.schema",
    "include /etc/ldap/schema/cosine.schema",
    "include /etc/ldap/schema/nis.schema",
    "include /etc/ldap/schema/inetorgperson.schema",
    "modulepath /usr/lib/ldap",
    "moduleload back_mdb",
    `pidfile ${folder}/pid`,
    `TLSCACertificateFile ${folder}/ca.pem`,
    `TLSCertificateFile ${folder}/cert.pem`,
    `TLSCertificateKeyFile ${folder}/key.pem`,
    "access to attrs=userPassword by anonymous auth by * none",
    "access to * by * read",
    "database mdb",
    `suffix ${BASE}`,
    `rootdn cn=admin,${BASE}`,
    "rootpw secret",
    `directory ${folder}/data`,
    "maxsize 10485760",
    "",
  ].join("\n");
}

/** Starts a directory with these entries in LDIF, below `dc=mail,dc=test`, which is there. */
export async function startSlapd(ldif: string): Promise<Slapd> {
  const folder = await Deno.makeTempDir({ prefix: "slapd-" });
  const [port, tlsPort] = [freePort(), freePort()];
  const socketPath = `${folder}/socket`;
  await Deno.mkdir(`${folder}/data`);
  await makeCertificates(folder);
  await Deno.writeTextFile(`${folder}/slapd.conf`, configuration(folder));
  const top = `dn: ${BASE}\nobjectClass: dcObject\nobjectClass: organization\no: test\ndc: mail\n\n`;
  await Deno.writeTextFile(`${folder}/entries.ldif`, top + ldif);
  await run("/usr/sbin/slapadd", ["-q", "-f", "slapd.conf", "-l", "entries.ldif"], folder);
  const urls = `ldap://127.0.0.1:${port}/ ldaps://127.0.0.1:${tlsPort}/ ldapi://${encodeURIComponent(socketPath)}/`;
  const child = new Deno.Command(PROGRAM, {
    args: ["-d", "0", "-f", `${folder}/slapd.conf`, "-h", urls],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  let stopped = false;
  async function stop(): Promise<void> {
    if (stopped) return;
    stopped = true;
    killChild(child, "SIGCONT");
    killChild(child, "SIGTERM");
    await child.status;
  }
  const slapd: Slapd = {
    port,
    tlsPort,
    socketPath,
    caFile: `${folder}/ca.pem`,
    base: BASE,
    administrator: `cn=admin,${BASE}`,
    freeze: (frozen) => freezeChild(child, frozen),
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
  for (let tries = 0; tries < START_TRIES_MAX; tries++) {
    const asked = await command("ldapwhoami", ["-x", "-H", `ldap://127.0.0.1:${port}/`]).catch(() => undefined);
    if (asked?.code === 0) return slapd;
    await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
  }
  await slapd[Symbol.asyncDispose]();
  throw new Error("slapd does not start");
}
