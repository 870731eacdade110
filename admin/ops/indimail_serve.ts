/**
 * indimail serve: the whole mail server under one supervisor. Makes the installation on its first run, starts every role as
 * its own process behind its fences, keeps their log, and stops them in order. One for each root.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { closeFd, tryLockFile } from "../../core/libc/fd.ts";
import { refuseHugePages, returnFreeMemory } from "../../core/libc/memory.ts";
import { LogFile } from "../../core/log_file.ts";
import { readMailRoots } from "../../core/mail_roots.ts";
import { Supervisor } from "../../core/supervisor.ts";
import { ensureInstallation, type FirstRun } from "./first_run.ts";
import { QUEUE_COUNT_MAX, roleEnvironment, serviceSpecs } from "./services.ts";
import { checkPorts, resolveSettings, type ServeSettings, SERVICE_PORTS } from "./settings.ts";
import { lockPath, type ServeState, statePath, tryReadState, writeState } from "./state_file.ts";

const SERVE_ENV = {
  INDIMAIL_ROOT: "root of the installation, unless --root names it; / for root, else below HOME",
  QUEUE_COUNT: "number of queues, each a process with its own journal; default 1",
  CONTROLDIR: "folder of control files; default etc/indimail/control below the root",
  ASSIGNDIR: "folder of users/assign; default etc/indimail/users below the root",
  CERTDIR: "folder of certificates; default etc/indimail/certs below the root",
  QUEUE_BASE: "folder of the queues; default var/indimail/queue below the root",
  BASE_PATH: "folder of virtual users' homes; default home/mail below the root",
  XDG_DATA_HOME: "below which an ordinary user's installation lies; default ~/.local/share",
  HOME: "the user's home",
} as const;

export const applet = defineApplet({
  names: ["indimail-serve", "serve"],
  section: 8,
  summary: "run the whole mail server",
  role: "supervisor",
  dialect: "daemon",
  options: {
    root: { long: "root", value: "folder", help: "the installation; made when it is not there" },
    domain: { long: "domain", value: "name", default: "this host's name", help: "first run: the first virtual domain" },
    listen: {
      long: "listen",
      value: "address",
      default: "all addresses as root with root /, else 127.0.0.1",
      help: "address of all services",
    },
    portOffset: {
      long: "port-offset",
      value: "number",
      default: "0 as root with root /, else 2000",
      help: "added to the well-known ports 25 587 465 143 993 110 995",
    },
    accounts: { long: "accounts", help: "run the roles as the original's accounts also below another root than /" },
    verbose: { flag: "v", long: "verbose", help: "copy the log to standard error" },
  },
  description:
    `Runs every role of the server as its own process: lookup, local, remote, queue, network (SMTP) and mailbox
(IMAP and POP3). A role that ends by itself is started again, at most once a second. What they log goes to
var/log/indimail/current below the root, each line with time and role.

On the first run it makes the folders, the control files, a self-signed certificate, the embedded database, one virtual
domain and its postmaster, whose password is shown once. What exists is left as it is.

As root with the root / it uses the well-known ports and the accounts alias qmaild qmaill qmailp qmailq qmailr qmails
indimail, which it creates when they are missing. Otherwise it needs no privilege and adds 2000 to the ports.

TERM and INT stop everything in order: first what accepts mail, then the queue, which writes out what only its journal
holds. HUP makes every role read its control files again.`,
  env: SERVE_ENV,
  control: ["me", "host.mysql", "mailroots"],
  files: {
    "run/indimail/serve.json": "what runs, for indimail status",
    "run/indimail/serve.lock": "held while serve runs",
    "var/log/indimail/current": "the log",
  },
  examples: [
    { command: "indimail serve --root ~/mail --domain example.com", help: "a server of one's own on high ports" },
  ],
  seeAlso: ["indimail-status(8)", "indimail-doctor(8)"],
  source: ["[man indimail.7]", "[decision 0021]"],
  async run(proc) {
    const env = proc.env.all();
    refuseHugePages();
    const settings = resolveSettings(proc.options, proc.paths, {
      uid: proc.uid,
      hostName: Deno.hostname(),
      directory: Deno.cwd(),
      env: (name) => Object.entries(env).find(([key]) => key === name)?.[1],
      ipv6: hasIpv6(),
    });
    const queues = queueCount(proc.env.get("QUEUE_COUNT"));
    const lock = takeLock(settings);
    await checkPorts(settings, proc.clock);
    const first = await ensureInstallation(proc, settings, queues);
    await tellFirstRun(proc, first);
    if (first.postmaster) {
      closeFd(lock);
      proc.exec("indimail-serve", originalArguments(proc.options), env); // without what only the first run needs in memory
    }
    returnFreeMemory();
    await serve(proc, settings, queues);
    closeFd(lock);
  },
});

/** The options again, as arguments. */
function originalArguments(options: Readonly<Record<string, string | boolean | undefined>>): string[] {
  const names: Readonly<Record<string, string>> = { portOffset: "port-offset" };
  return Object.entries(options).flatMap(([key, value]) => {
    if (value === undefined || value === false) return [];
    const option = `--${names[key] ?? key}`;
    return value === true ? [option] : [option, String(value)];
  });
}

function hasIpv6(): boolean {
  try {
    return Deno.readTextFileSync("/proc/net/if_inet6") !== "" &&
      Deno.readTextFileSync("/proc/sys/net/ipv6/bindv6only").trim() === "0";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function queueCount(text: string | undefined): number {
  const count = Number(text ?? "1");
  if (!Number.isInteger(count) || count < 1 || count > QUEUE_COUNT_MAX) {
    throw new Temporary(`QUEUE_COUNT must be a number from 1 to ${QUEUE_COUNT_MAX}`);
  }
  return count;
}

function takeLock(settings: ServeSettings): number {
  const { paths } = settings;
  Deno.mkdirSync(paths.run, { recursive: true });
  const lock = tryLockFile(lockPath(paths));
  if (lock !== undefined) return lock;
  const pid = tryReadState(paths)?.pid;
  throw new Temporary(
    `another serve${
      pid === undefined ? "" : ` with pid ${pid}`
    } runs on ${paths.root}; stop it first, or use another --root`,
  );
}

async function tellFirstRun(proc: Proc, first: FirstRun): Promise<void> {
  let text = "";
  if (first.accounts.length > 0) text += `Made the accounts and groups ${first.accounts.join(" ")}.\n`;
  if (first.postmaster) {
    const { address, password } = first.postmaster;
    text += `Account ${address} with password ${password}\n` +
      `(shown only now; vpasswd ${address} changes it, vadduser adds users)\n`;
  }
  if (text !== "") await proc.stdout.write(utf8Bytes(text));
}

/** Lines that the operator at the terminal should see also without --verbose. */
function isImportant(service: string, text: string): boolean {
  return service === "supervisor" || text.includes(": fatal: ");
}

/** The time for log lines, made once for all lines of a millisecond. */
function timeStamps(nowMs: () => number): () => string {
  let atMs = Number.NaN;
  let text = "";
  return () => {
    const ms = nowMs();
    if (ms !== atMs) text = new Date(atMs = ms).toISOString();
    return text;
  };
}

async function serve(proc: Proc, settings: ServeSettings, queues: number): Promise<void> {
  const { paths } = settings;
  const log = new LogFile(paths.log);
  const fences = new Map<string, string>();
  const startedMs = proc.clock.nowMs();
  const env = roleEnvironment(settings, proc.env.all(), proc.pid);
  const specs = serviceSpecs(settings, { env, queues });
  const state = (): ServeState => ({
    version: 1,
    pid: proc.pid,
    startedMs,
    listens: specs.flatMap(({ stage, args }) => stage === 4 ? args : []),
    services: supervisor.status().map((status) => ({ ...status, fence: fences.get(status.name) })),
  });
  const stamp = timeStamps(() => proc.clock.nowMs());
  const supervisor = new Supervisor(specs, {
    spawn: (options) => proc.spawn(options),
    changed: () => writeState(paths, state()),
    line(service, text) {
      const line = `${stamp()} ${service}: ${text}`;
      log.line(line);
      if (proc.options["verbose"] || isImportant(service, text)) proc.log.line(line);
      if (text.startsWith("fence: ") && fences.get(service) !== text) {
        fences.set(service, text);
        writeState(paths, state());
      }
    },
  });
  let mailRoots = readMailRoots(paths).join("\n");
  proc.onSignal("SIGHUP", () => {
    supervisor.signal("SIGHUP");
    const before = mailRoots;
    mailRoots = tryMailRoots(proc) ?? before;
    if (mailRoots !== before) supervisor.restart(MAIL_ROLES);
  });
  const stopped = Promise.withResolvers<void>();
  const onStop = () => stopped.resolve();
  if (proc.stopping.aborted) onStop();
  else proc.stopping.addEventListener("abort", onStop, { once: true });
  writeState(paths, state());
  await Promise.race([supervisor.start(), stopped.promise]);
  if (!proc.stopping.aborted) await proc.stdout.write(utf8Bytes(readyText(settings, proc.pid)));
  await stopped.promise;
  await supervisor.stop();
  await log.close();
  Deno.removeSync(statePath(paths));
}

/** The roles whose fences control/mailroots opens: these are put up once, when a role starts. */
const MAIL_ROLES = ["lookup", "local", "mailbox"];

/** What control/mailroots says; undefined, with a line in the log, when it is wrong. */
function tryMailRoots(proc: Proc): string | undefined {
  try {
    return readMailRoots(proc.paths).join("\n");
  } catch (error) {
    if (!(error instanceof Permanent)) throw error;
    proc.log.line(`supervisor: ${error.message}`);
    return undefined;
  }
}

/** Where to send and read, for people. */
function readyText(settings: ServeSettings, pid: number): string {
  const { listen, portOffset, paths } = settings;
  const host = listen === "::" || listen === "0.0.0.0" ? "this host, all addresses" : listen;
  const port = (name: keyof typeof SERVICE_PORTS) => SERVICE_PORTS[name] + portOffset;
  return `IndiMail runs from ${paths.root} (pid ${pid}) on ${host}\n` +
    `  send: smtp ${port("smtp")}, submission ${port("submission")} (STARTTLS, password), smtps ${port("smtps")}\n` +
    `  read: imap ${port("imap")} (STARTTLS), imaps ${port("imaps")}, pop3 ${port("pop3")} (STLS), pop3s ${
      port("pop3s")
    }\n` +
    `  log: ${paths.log}/current   state: indimail --root ${paths.root} status\n`;
}
