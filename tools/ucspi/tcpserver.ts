/** tcpserver: waits for connections by TCP, Unix socket or TLS and runs a program for each [man tcpserver.1]. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { canHost } from "../../core/hosted.ts";
import { forgetStdio } from "../../core/libc/socket.ts";
import { Admission, type MoreRules } from "./server/admission.ts";
import { ConnectionTable } from "./server/connection_table.ts";
import { hostAddresses } from "./peer/ip_of_host.ts";
import { preloadPlugins, withoutPlugins } from "./server/plugins.ts";
import { listenForProcesses, type RunningServer } from "./server/process_server.ts";
import { removeStaleSocket } from "./server/stale_socket.ts";
import { SERVER_OPTIONS } from "./server/server_options.ts";
import { readLimitFile, type ServerProc, type ServerSettings, serverSettings } from "./server/server_settings.ts";
import { changeUser, userIds } from "./server/server_user.ts";
import { serverTls } from "./tls/tls_files.ts";

export const applet = defineApplet({
  names: ["tcpserver"],
  section: 1,
  summary: "run a program for each incoming connection",
  role: "tool",
  dialect: "chain",
  options: SERVER_OPTIONS,
  operands: [
    {
      name: "host",
      help: "address or name to listen on; 0 for all addresses; a path beginning with / for a Unix socket",
    },
    { name: "port", help: "number or name; 0 for any free port; absent for a Unix socket", optional: true },
    { name: "prog", help: "the program and its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  synopsis: "tcpserver [option...] host port prog [arg...] | tcpserver [option...] /socket prog [arg...]",
  description:
    `tcpserver runs prog for each connection, with the network on descriptors 0 and 1 and with environment variables that
tell of the connection: PROTO, TCPLOCALIP, TCPLOCALPORT, TCPLOCALHOST, TCPREMOTEIP, TCPREMOTEPORT, TCPREMOTEHOST,
TCPREMOTEINFO, the same with TCP6 unless -4 is given; UNIXLOCALPATH for a Unix socket.

A program of ours that can serve a connection without a process of its own (qmail-smtpd, imapd, pop3d, rblsmtpd before one of
these) runs inside tcpserver, by its name or as the original's shared object, qmail_smtpd.so. PLUGIN0, PLUGIN1 and so on name
shared objects that are loaded in advance. In the log such a connection has a number of its own in place of a pid.

Banner, names, ident, rules and limits come in this order. A refused connection is closed without a word but the banner.
When an address has as many connections as -C or MAXPERIP allows, 20 more of it wait, without the banner, until one of them
ends, and further ones are closed; of all addresses 128 may wait.

With -n or -s the connection is TLS, and the program sees plain text, by pipes when it is no program of ours. A certificate
that is replaced counts from the next connection on.

HUP reads the file of -c again. USR1 prints the open connections. TERM ends the server with 0; programs with a process of
their own go on, those inside have 10 seconds to end.`,
  env: {
    MAXPERIP: "connections of one address at the same time, also set by rules for each address; default 20",
    UID: "user of -U, a number",
    GID: "group of -U, a number",
    DNSCACHEIP: "name servers separated by blanks, in place of /etc/resolv.conf",
    LOCALDOMAIN: "added to a host without a dot; default nothing",
    DNSREWRITEFILE: "rules that change host names first; default /etc/dnsrewrite, if it is there",
    TLS_CERTFILE: "certificate and key, in CERTDIR unless it begins with / or a dot; default servercert.pem",
    CERTDIR: "folder of certificates; default the installation's",
    CLIENTCA: "authorities of clients' certificates; default clientca.pem, if it is there",
    CLIENTCRL: "revoked certificates; default clientcrl.pem, if it is there",
    TLS_CIPHER_LIST: "accepted for the original's sake: the runtime offers only what is strong today",
    PLUGINn: "shared object number n, from 0, that is loaded in advance; default none",
    PLUGINn_dir: "folder to go to when it is loaded; default stay",
    PLUGINn_init: "accepted for the original's sake: programs of ours read their files when they need them",
    MYSQL_TIMEOUT: "with -m: seconds to wait for a connection to the database",
    MYSQL_LIB: "accepted for the original's sake: -m runs the client program mysql",
  },
  exits: { "0": "TERM", "100": "called wrongly", "111": "cannot listen, or cannot become the user" },
  examples: [
    { command: "tcpserver -vRHl0 -x tcp.cdb -c 100 0 25 qmail-smtpd", help: "an SMTP server" },
    { command: "envuidgid ftp tcpserver -DRHl0 -U 0 21 ftpd", help: "give up root after listening" },
    { command: "tcpserver -n servercert.pem 0 9000 ./report", help: "the same by TLS" },
  ],
  seeAlso: ["tcprules(1)", "tcprulescheck(1)", "tcpclient(1)", "rblsmtpd(1)", "fixcrio(1)", "recordio(1)"],
  source: ["[man tcpserver.1]"],
  async run(proc) {
    const settings = await resolvedSettings(proc);
    if (proc.options.pidFile !== undefined) holdPidFile(proc.options.pidFile, proc.pid);
    const address = settings.host.startsWith("/") ? settings.host : await listenAddress(proc, settings);
    if (settings.host.startsWith("/")) await removeStaleSocket(settings.host);
    const table = new ConnectionTable(settings.limit, proc.log, settings.verbosity);
    const more = await sqlRules(proc);
    const facts = address.includes(":") || settings.facts.family === "ipv6"
      ? settings.facts
      : { ...settings.facts, family: "ipv4" as const };
    const final = { ...settings, facts };
    const admission = new Admission(final, table, { env: proc.env.all(), more });
    const server = await openServer(proc, { proc, settings: final, address, table, admission });
    const ids = userIds({
      user: proc.options.userFromEnv ? proc.env.get("UID") : proc.options.user,
      groups: proc.options.userFromEnv ? proc.env.get("GID") : proc.options.group,
    });
    if (ids) changeUser(ids);
    await preloadPlugins(proc, proc.env.all());
    if (settings.printPort) await proc.stdout.write(new TextEncoder().encode(`${server.port}\n`));
    await serveUntilStopped(proc, { server, settings, table });
  },
});

async function resolvedSettings(proc: ServerProc): Promise<ServerSettings> {
  const settings = serverSettings(proc);
  return { ...settings, argv: await withoutPlugins(proc, settings.argv) };
}

/** Writes the pid into a file that stays locked while this process lives. Throws Temporary when another one holds it. */
function holdPidFile(path: string, pid: number): void {
  let file: Deno.FsFile | undefined;
  try {
    file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o644 });
    if (!file.tryLockSync(true)) throw new Temporary(`tcpserver runs already, with the pid in ${path}`);
    file.truncateSync(0);
    file.writeSync(utf8Bytes(`${pid}\n`));
  } catch (error) {
    file?.close();
    throw error instanceof Temporary ? error : new Temporary(`cannot write ${path}: ${errorText(error)}`);
  }
}

/** The address to listen on; all of this host's, IPv6 where the kernel has it, for 0. */
async function listenAddress(proc: ServerProc, { host, facts }: ServerSettings): Promise<string> {
  const onlyIpv4 = facts.family === "ipv4" || !hasIpv6();
  const [address = ""] = await hostAddresses({
    host,
    any: onlyIpv4 ? "0.0.0.0" : "::",
    family: onlyIpv4 ? "ipv4" : "any",
    resolver: facts.resolver,
    localDomain: proc.env.get("LOCALDOMAIN"),
    rewriteFile: proc.env.get("DNSREWRITEFILE"),
  });
  return address;
}

function hasIpv6(): boolean {
  try {
    return Deno.statSync("/proc/net/if_inet6").isFile;
  } catch {
    return false;
  }
}

async function sqlRules(proc: ServerProc): Promise<MoreRules | undefined> {
  if (proc.options.sqlRules === undefined) return undefined;
  const { openSqlRules } = await import("./rules/sql_rules.ts");
  return openSqlRules(proc.options.sqlRules, proc);
}

type Parts = Parameters<typeof listenForProcesses>[0];

/** Programs of ours and TLS by streams, others with the socket itself. */
async function openServer(proc: ServerProc, parts: Parts): Promise<RunningServer> {
  const { options, env } = proc;
  const speaksTls = options.tls || options.certificate !== undefined;
  const hosted = await canHost(proc, parts.settings.argv);
  if (!hosted && !speaksTls) return listenForProcesses(parts);
  const { listenForStreams } = await import("./server/stream_server.ts");
  const tls = !speaksTls ? undefined : serverTls({
    folder: options.certificateFolder ?? env.get("CERTDIR") ?? proc.paths.certs,
    certificate: options.certificate,
    certificateDefault: env.get("TLS_CERTFILE") ?? "servercert.pem",
    authorities: options.authorities,
    authoritiesDefault: env.get("CLIENTCA") ?? "clientca.pem",
    revoked: options.revoked,
    revokedDefault: env.get("CLIENTCRL") ?? "clientcrl.pem",
    method: options.method,
  });
  return listenForStreams({ ...parts, tls, hosted, tellProvider: options.provider });
}

interface Served {
  readonly server: RunningServer;
  readonly settings: ServerSettings;
  readonly table: ConnectionTable;
}

async function serveUntilStopped(proc: ServerProc, { server, settings, table }: Served): Promise<void> {
  forgetStdio();
  const { stopping } = proc;
  proc.onSignal("SIGUSR1", () => table.list());
  proc.onSignal("SIGHUP", () => {
    if (settings.limitFile === undefined) return;
    try {
      table.limit = readLimitFile(settings.limitFile);
    } catch (error) {
      table.warn(`warning: ${error instanceof Error ? error.message : String(error)}`);
    }
    table.warn(`sighup: ${table.active}/${table.limit}`);
    table.wake();
  });
  table.status(`startup, pid=${proc.pid}`);
  server.start();
  if (!stopping.aborted) {
    await new Promise<void>((resolve) => stopping.addEventListener("abort", () => resolve(), { once: true }));
  }
  table.status(`shutdown, pid=${proc.pid}`);
  table.close();
  await server.stop();
  if (settings.host.startsWith("/")) await removeStaleSocket(settings.host);
}
