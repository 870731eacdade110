/**
 * nssd: the name-service daemon. Answers questions of the host's C library about users and groups from a database, over
 * the original's socket and over systemd's, until TERM. HUP rereads nssd.conf [man nssd.9].
 */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Permanent, Usage } from "../../core/errors.ts";
import { Poller } from "../../core/libc/poll.ts";
import { pathExists } from "../../core/path_exists.ts";
import type { Paths } from "../../core/paths.ts";
import { VERSION } from "../../core/version.ts";
import { MYSQL_ENV } from "../../storage/accounts/mysql_settings.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { NssLog } from "./log.ts";
import { type Peer, PeerServer, READ_TIMEOUT_MS } from "./peer_server.ts";
import { serveQuestion } from "./question_session.ts";
import { NssService, readNssSettings } from "./service.ts";
import { levelNumber, type NssSettings } from "./settings.ts";
import { serveUserdb } from "./userdb_session.ts";

/** A conversation of systemd's protocol may rest longer than a question: a client keeps it while it enumerates. */
const USERDB_IDLE_MS = 60_000;
const SYSLOG_SOCKET = "/dev/log";

/** Where nssd listens unless NSSD_SOCKET says otherwise. */
export function nssdSocketPath(paths: Paths): string {
  return `${paths.run}/pwdlookup/nssd.sock`;
}

/** The program. */
export const applet = defineApplet({
  names: ["nssd"],
  section: 8,
  summary: "answers the host's questions about user and group names from a database",
  role: "names",
  dialect: "daemon",
  daemon: true,
  options: {
    file: { flag: "f", value: "config", default: "etc/indimail/nssd.conf", help: "file of settings, an absolute path" },
    level: {
      flag: "d",
      value: "level",
      default: "the priority of nssd.conf",
      help: "least important lines that go to standard error: emerg to debug",
    },
    version: { flag: "V", help: "print the version" },
  },
  description:
    "nssd makes the users of a database users of the host: programs that ask for them by getpwnam(3), such as another " +
    "IMAP server, get what the statements of nssd.conf find. A name `user@domain` is given to them in its two parts, bound " +
    "as values.\n\nTwo sockets answer. That of the original (run/pwdlookup/nssd.sock) takes one question a connection; " +
    "nssd-getent asks it. The key userdb names a socket for systemd's protocol, which the module nss-systemd of most hosts " +
    "speaks: let it be /run/systemd/userdb/io.indimail.nssd, or link that name to a socket in our run folder, and put " +
    "systemd behind files in the lines passwd, group and shadow of /etc/nsswitch.conf.\n\nPassword hashes are told to root " +
    "only, whoever may ask for the rest; the key socketmode says who that is. A database that cannot be reached finds " +
    "nothing, and the log says so.\n\nKeys of nssd.conf are the statements getpwnam getpwuid getpwent getspnam getspent " +
    "getgrnam getgrgid getgrent memsbygid gidsbymem, and host database username password socket port pidfile threads " +
    "timeout facility priority, and ours socketmode and userdb. Without host and socket, database is the path of an SQLite " +
    "file, and without all three the installation's own database is asked.\n\nHUP rereads the file; what is wrong in it is " +
    "logged, and all stays as it was. The sockets, socketmode and pidfile hold from the start on.",
  env: {
    NSSD_SOCKET: "Unix socket to listen on; default pwdlookup/nssd.sock in the run folder",
    DEFAULT_DOMAIN: "domain of a name without one; default control/envnoathost, control/me",
    ...MYSQL_ENV,
  },
  control: ["envnoathost", "me", "host.mysql"],
  files: { "etc/indimail/nssd.conf": "settings" },
  examples: [{ command: "nssd -d notice", help: "as a service, whose log is standard error" }],
  seeAlso: ["nssd-getent(1)", "nssd.conf(5)", "nsswitch.conf(5)", "nss-systemd(8)"],
  source: ["[man nssd.9]", "[man nssd.conf.9]", "[decision 0076]"],
  async run(proc) {
    const { options, paths } = proc;
    if (options.version) return await proc.stdout.write(new TextEncoder().encode(`nssd version ${VERSION}\n`));
    const wanted = options.level === undefined ? undefined : optionLevel(options.level);
    const file = options.file ?? `${paths.settings}/nssd.conf`;
    const settings = readNssSettings(file);
    const levelsOf = ({ level, facility }: NssSettings) => ({ stderr: wanted ?? level, syslog: level, facility });
    const nowMs = () => proc.clock.nowMs();
    const targets = { stderr: proc.log, syslogPath: SYSLOG_SOCKET, pid: proc.pid, nowMs };
    const log = new NssLog(targets, levelsOf(settings));
    const place = {
      file,
      paths,
      control: new ControlFiles(paths.control),
      env: (name: string) => proc.env.get(name),
      log: log.line.bind(log),
    };
    const service = await NssService.open(settings, place);
    const poller = new Poller((error) => log.line("alert", errorText(error)));
    const servers = await listen(proc.env.get("NSSD_SOCKET") ?? nssdSocketPath(paths), { service, poller, log });
    const stopped = untilStopped(proc.onSignal);
    proc.onSignal("SIGHUP", () => {
      service.reload().then(() => {
        log.levels = levelsOf(service.settings);
        log.line("notice", `${file} read again`);
      }).catch((error) => log.line("alert", `${file} not read again: ${errorText(error)}`));
    });
    const pidFile = settings.pidFile ?? `${paths.run}/pwdlookup/nssd.pid`;
    writePid(pidFile, proc.pid);
    log.line("notice", `ready, ${settings.threads} questions at once`);
    await stopped;
    for (const server of servers) await server.close();
    await poller.close();
    await service.close();
    removeIfThere(pidFile);
    log.close();
  },
});

function optionLevel(text: string): number {
  try {
    return levelNumber(text);
  } catch (error) {
    if (error instanceof Permanent) throw new Usage(`-d: ${error.message}`);
    throw error;
  }
}

function untilStopped(onSignal: (signal: Deno.Signal, handler: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) onSignal(signal, resolve);
  });
}

interface Listening {
  readonly service: NssService;
  readonly poller: Poller;
  readonly log: NssLog;
}

async function listen(path: string, { service, poller, log }: Listening): Promise<PeerServer[]> {
  const { socketMode, userdb } = service.settings;
  const common = { mode: socketMode, poller, warn: (text: string) => log.line("warning", text) };
  const backend = { source: service, log: log.line.bind(log) };
  const serve = (peer: Peer) => serveQuestion(peer, backend);
  makeFolder(path);
  const servers = [await PeerServer.listen({ ...common, path, idleMs: READ_TIMEOUT_MS, serve })];
  if (userdb === undefined) return servers;
  if (!userdb.startsWith("/")) throw new Permanent(`userdb: ${userdb} is not an absolute path`);
  const name = userdb.slice(userdb.lastIndexOf("/") + 1);
  const converse = (peer: Peer) => serveUserdb(peer, { ...backend, service: name });
  try {
    makeFolder(userdb);
    servers.push(await PeerServer.listen({ ...common, path: userdb, idleMs: USERDB_IDLE_MS, serve: converse }));
  } catch (error) {
    for (const server of servers) await server.close();
    throw error;
  }
  return servers;
}

/** Makes the folder of a socket, open to all who may ask: the umask of a daemon's account would close it. */
function makeFolder(path: string): void {
  const folder = path.slice(0, path.lastIndexOf("/"));
  if (folder === "" || pathExists(folder)) return;
  try {
    Deno.mkdirSync(folder, { recursive: true });
    Deno.chmodSync(folder, 0o755);
  } catch (error) {
    throw new Permanent(`cannot make the folder ${folder}: ${errorText(error)}`);
  }
}

function writePid(file: string, pid: number): void {
  try {
    Deno.writeTextFileSync(file, `${pid}\n`);
  } catch (error) {
    throw new Permanent(`cannot write pidfile ${file}: ${errorText(error)}`);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
