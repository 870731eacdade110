/**
 * A MariaDB server for tests: own data folder, own Unix socket, TCP only when asked for; started by `startMariadb`, ended
 * by its process id. Needs the programs mariadb-install-db and mariadbd (Debian: mariadb-server).
 */
import type { MysqlSettings } from "../../storage/accounts/mysql_settings.ts";
import { freezeChild, killChild } from "./kill_child.ts";

/** A running server; the user root has no password. */
export interface Mariadb {
  readonly settings: MysqlSettings;
  readonly pid: number;
  /** The TCP port on 127.0.0.1, with TLS by a certificate for mail.test; 0 when it was not asked for. */
  readonly port: number;
  /** The certificate of the authority that signed the server's. */
  readonly caFile: string;
  /** Stops and starts again on the same data, for tests of a server that goes away. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP or SIGCONT: a server that answers nothing. */
  freeze(frozen: boolean): void;
  /** Stops and removes everything. */
  [Symbol.asyncDispose](): Promise<void>;
}

const START_TRIES_MAX = 300;
const START_PAUSE_MS = 100;

function program(name: string): string | undefined {
  for (const folder of ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]) {
    try {
      Deno.statSync(`${folder}/${name}`);
      return `${folder}/${name}`;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return undefined;
}

/** Whether the tests can have a server. A test that cannot says so: `ignore` must be set with it, loudly. */
export function mariadbAvailable(): boolean {
  const available = program("mariadbd") !== undefined && program("mariadb-install-db") !== undefined;
  if (!available) console.error("SKIPPED: tests on MariaDB, since mariadbd is not installed (Debian: mariadb-server)");
  return available;
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  const made = await new Deno.Command("openssl", { args: [...args], cwd: folder, stdout: "null", stderr: "piped" })
    .output();
  if (!made.success) throw new Error(new TextDecoder().decode(made.stderr));
}

/** Arguments for TCP with TLS, its certificates made in `folder`; no TCP without a port. */
async function networkArguments(folder: string, port: number): Promise<string[]> {
  if (port === 0) return ["--skip-networking"];
  const key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  await openssl(folder, [...key, "-x509", "-subj", "/CN=authority", "-keyout", "ca.key", "-out", "ca.pem"]);
  const leaf = [
    "-subj",
    "/CN=server",
    "-addext",
    "subjectAltName=DNS:mail.test",
    "-addext",
    "basicConstraints=CA:FALSE",
  ];
  await openssl(folder, [
    ...key,
    "-x509",
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca.key",
    ...leaf,
    "-keyout",
    "key",
    "-out",
    "cert",
  ]);
  return ["--bind-address=127.0.0.1", `--port=${port}`, `--ssl-cert=${folder}/cert`, `--ssl-key=${folder}/key`];
}

async function installData(folder: string, asRoot: readonly string[]): Promise<void> {
  const installed = await new Deno.Command(program("mariadb-install-db")!, {
    args: [
      "--no-defaults",
      ...asRoot,
      `--datadir=${folder}/data`,
      "--auth-root-authentication-method=normal",
      "--skip-test-db",
    ],
    env: { TMPDIR: folder }, // a server removes the temporary tables of others that it finds there
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (!installed.success) throw new Error(new TextDecoder().decode(installed.stderr));
}

/** Starts a fresh server. Takes about two seconds. */
export async function startMariadb(options: { readonly tcp?: boolean } = {}): Promise<Mariadb> {
  const folder = await Deno.makeTempDir({ prefix: "mariadb-" });
  const socketPath = `${folder}/socket`;
  const caFile = `${folder}/ca.pem`;
  const port = options.tcp ? freePort() : 0;
  const asRoot = Deno.uid() === 0 ? ["--user=root"] : [];
  await installData(folder, asRoot);
  const network = await networkArguments(folder, port);
  let child: Deno.ChildProcess | undefined;
  async function stop(): Promise<void> {
    if (child) killChild(child, "SIGCONT");
    if (child) killChild(child, "SIGTERM");
    await child?.status;
    child = undefined;
  }
  async function start(): Promise<void> {
    child = new Deno.Command(program("mariadbd")!, {
      args: [
        "--no-defaults",
        ...asRoot,
        `--datadir=${folder}/data`,
        `--socket=${socketPath}`,
        `--pid-file=${folder}/pid`,
        ...network,
        "--innodb-flush-log-at-trx-commit=0",
        "--innodb-buffer-pool-size=32M",
        "--character-set-server=utf8mb4",
      ],
      env: { TMPDIR: folder },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    for (let tries = 0; tries < START_TRIES_MAX; tries++) {
      try {
        (await Deno.connect({ transport: "unix", path: socketPath })).close();
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, START_PAUSE_MS));
      }
    }
    await stop();
    throw new Error("mariadbd does not start");
  }
  await start();
  return {
    settings: {
      host: "localhost",
      user: "root",
      password: "",
      database: "indimail",
      port: 0,
      socketPath,
      tls: "off",
      connectTimeoutMs: 5000,
      queryTimeoutMs: 5000,
    },
    get pid() {
      return child?.pid ?? 0;
    },
    port,
    caFile,
    stop,
    start,
    freeze: (frozen) => child && freezeChild(child, frozen),
    async [Symbol.asyncDispose]() {
      await stop();
      await Deno.remove(folder, { recursive: true });
    },
  };
}
