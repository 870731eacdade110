/**
 * The fences of a daemon, in order: account and groups, Landlock, exec of itself (the limits bind one thread until then),
 * no exec by seccomp, whole kinds of permission revoked; for roles that face peers, or without Landlock, a Worker with the
 * role's permission lists. What the kernel or the installation lacks is left out and said in the first log line.
 */
import type { AppletEntry } from "./applet.ts";
import { Permanent, Temporary } from "./errors.ts";
import { EXIT_DIALECTS } from "./exits.ts";
import { type FencePlan, planFence, type RuntimePlaces } from "./fence_plan.ts";
import { accountByName, becomeUser, groupId } from "./libc/account.ts";
import { setUmask } from "./libc/files.ts";
import { hasNoNewPrivileges, isPathDenied, landlockVersion, restrictThread } from "./libc/landlock.ts";
import { readMailRoots } from "./mail_roots.ts";
import { refuseHugePages, returnFreeMemory } from "./libc/memory.ts";
import { endWithParent, execProcess, parentPid } from "./libc/process.ts";
import { refuseExec } from "./libc/seccomp.ts";
import type { Paths } from "./paths.ts";
import { needlessPowers, revokePowers } from "./powers.ts";
import { type Role, type RoleName, roleOf } from "./role.ts";
import { isCompiled, selfCommand, type SelfOrigin, sourceFolder } from "./self.ts";
import { FORWARDED_SIGNALS } from "./signals.ts";

/** Says to the process after the exec which fences it already stands behind: its pid, Landlock version, account. */
const MARKER = "INDIMAIL_FENCED";
/** 1: run as the roles' accounts also with a root other than "/"; 0: never. */
const ACCOUNTS = "INDIMAIL_ACCOUNTS";
/** Sockets in `run` are for group qmail, so that the roles reach one another; nothing is for others. */
const ACCOUNT_UMASK = 0o007;
/** Deno asks the C library for the bounds of its stack, which reads them here, before it compiles a module. */
const OWN_PROCESS = "/proc/self";
/** The pid of the supervisor that started this daemon. */
const SUPERVISOR = "INDIMAIL_SUPERVISOR";

/** A daemon that is to run. */
export interface DaemonCall {
  readonly entry: AppletEntry;
  /** The entry's, but for the probe, which stands behind the fences that it tries. */
  readonly role: RoleName;
  readonly name: string;
  readonly args: readonly string[];
}

/** The installation and this executable. */
export interface DaemonContext {
  readonly entries: readonly AppletEntry[];
  readonly origin: SelfOrigin;
  readonly paths: Paths;
}

/** With what the fences are made for. */
interface FencedContext extends DaemonContext {
  readonly places: RuntimePlaces;
}

/** What the main thread tells the Worker first. */
export interface WorkerStart {
  readonly kind: "start";
  readonly program: string;
  readonly name: string;
  readonly args: readonly string[];
  readonly paths: Paths;
  readonly mainUrl: string;
}

/** Messages to the Worker. */
export type ToWorker = WorkerStart | { readonly kind: "signal"; readonly signal: string };

/** Messages from the Worker. */
export type FromWorker = { readonly kind: "ready" } | { readonly kind: "exit"; readonly code: number };

/** The fences behind which a process stands, for the log and `indimail doctor`. */
export interface FenceReport {
  readonly account: string;
  readonly landlock: number;
  readonly seccomp: boolean;
  readonly permissions: "worker" | "kinds";
}

/** The line that a daemon logs when its fences stand; the supervisor and `indimail doctor` read it again. */
export function formatFenceReport(report: FenceReport): string {
  return `fence: account=${report.account} landlock=${report.landlock || "none"} ` +
    `seccomp=${report.seccomp ? "noexec" : "none"} permissions=${report.permissions}`;
}

/** True when daemons run as their roles' accounts: as root, in the system's own tree or when asked to. */
export function usesAccounts(paths: Paths): boolean {
  const asked = Deno.env.get(ACCOUNTS);
  return Deno.uid() === 0 && (asked === undefined ? paths.root === "/" : asked === "1");
}

function denoCacheFolder(): string {
  const home = Deno.env.get("HOME") ?? "/";
  return Deno.env.get("DENO_DIR") ?? `${Deno.env.get("XDG_CACHE_HOME") ?? `${home}/.cache`}/deno`;
}

/**
 * `home` without the installation at `root`: where that lies inside, the folders beside the way to it. A list of allowed
 * paths cannot forbid one below an allowed one.
 */
export function homeWithout(home: string, root: string): string[] {
  if (root === home) return [];
  if (!root.startsWith(`${home === "/" ? "" : home}/`)) return [home];
  return [...Deno.readDirSync(home)].flatMap(({ name }) => homeWithout(`${home === "/" ? "" : home}/${name}`, root));
}

/** Where the users' homes are, without the installation. Looks into folders that no role may list behind its fences. */
function homeFolders({ root }: Paths): string[] {
  const home = Deno.env.get("HOME");
  const folders = Deno.uid() === 0 || !home ? ["/home"] : ["/home", home];
  return folders.filter(exists).flatMap((folder) => homeWithout(folder, root));
}

/** Where this process's runtime is. */
function runtimePlaces({ origin, paths }: DaemonContext, homes: readonly string[]): RuntimePlaces {
  return {
    executable: Deno.execPath(),
    sources: isCompiled() ? [] : [sourceFolder(origin), denoCacheFolder(), OWN_PROCESS],
    homes,
    mailRoots: readMailRoots(paths),
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
    throw error;
  }
}

/** True when any account can read the sources: under `deno run` they may lie in a private home. */
function canOthersRead(folder: string): boolean {
  for (let path = folder; path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    if (((Deno.statSync(path).mode ?? 0) & 0o001) === 0) return false;
  }
  return true;
}

function changeAccount(role: Role, plan: FencePlan, call: { context: DaemonContext; places: RuntimePlaces }): string {
  if (!role.account || role.account === "root" || !usesAccounts(call.context.paths)) return "unchanged";
  if (!call.places.sources.every(canOthersRead)) return "unchanged(sources-are-private)";
  const account = accountByName(role.account);
  if (!account) throw new Permanent(`there is no account ${role.account}: indimail serve creates it`);
  const groups = (role.groups ?? []).map((name) => {
    const gid = groupId(name);
    if (gid === undefined) throw new Permanent(`there is no group ${name}: indimail serve creates it`);
    return gid;
  });
  becomeUser({ uid: account.uid, gid: account.gid, groups: [account.gid, ...groups] }, {
    bindLowPorts: plan.lowPorts,
  });
  setUmask(ACCOUNT_UMASK);
  return role.account;
}

/** Asks the kernel to end this process when its supervisor dies; a daemon that nobody watches would hold its sockets. */
function endWithSupervisor(): void {
  const pid = Deno.env.get(SUPERVISOR);
  if (pid === undefined) return;
  Deno.env.delete(SUPERVISOR);
  endWithParent();
  if (parentPid() !== Number(pid)) throw new Temporary(`the supervisor with pid ${pid} is gone`);
}

/** The marker of this very process (an inherited one names another pid), if the fences that it names hold. */
function standingFences(): Pick<FenceReport, "account" | "landlock"> | undefined {
  const marker = Deno.env.get(MARKER);
  Deno.env.delete(MARKER);
  const [pid, version, account] = marker?.split(" ") ?? [];
  if (Number(pid) !== Deno.pid || version === undefined || account === undefined) return undefined;
  const landlock = Number(version);
  if (landlock > 0 && !(hasNoNewPrivileges() && isPathDenied("/"))) return undefined;
  if (landlock === 0 && landlockVersion() > 0) return undefined;
  return { landlock, account };
}

/** Puts up the fences that need an exec, and executes this program again behind them. */
function raiseFences(call: DaemonCall, context: FencedContext, plan: FencePlan): never {
  const { places } = context;
  refuseHugePages();
  const account = changeAccount(roleOf(call.role), plan, { context, places });
  const version = restrictThread(plan);
  const self = selfCommand(context.origin, call.name);
  execProcess(self.program, [self.argv0, ...self.args, ...call.args], {
    ...Deno.env.toObject(),
    [MARKER]: `${Deno.pid} ${version} ${account}`,
  });
}

const REVOKED = ["read", "write", "net", "run", "ffi"] as const;

/**
 * Puts a daemon behind its fences. Its exit code when it ran in a Worker; undefined when it is to run in this thread, whose
 * needless powers are then gone. In the first process it does not return: that executes itself.
 */
export async function runFenced(call: DaemonCall, context: DaemonContext): Promise<number | undefined> {
  const role = roleOf(call.role);
  const standing = standingFences();
  const places = runtimePlaces(context, role.homes && !standing ? homeFolders(context.paths) : []);
  const plan = planFence(role, call.args, { paths: context.paths, places, env: (name) => Deno.env.get(name) });
  if (!standing) raiseFences(call, { ...context, places }, plan);
  endWithSupervisor();
  returnFreeMemory();
  const seccomp = plan.refuseExec && refuseExec();
  const inWorker = role.worker || (standing.landlock === 0 && !role.ffi);
  await writeLine(formatFenceReport({ ...standing, seccomp, permissions: inWorker ? "worker" : "kinds" }));
  if (inWorker) return await runWorker(call, context, plan);
  revokePowers(needlessPowers(role));
  return undefined;
}

async function writeLine(text: string): Promise<void> {
  const bytes = new TextEncoder().encode(`${text}\n`);
  for (let done = 0; done < bytes.length;) done += await Deno.stderr.write(bytes.subarray(done));
}

function runWorker(call: DaemonCall, context: DaemonContext, plan: FencePlan): Promise<number> {
  const { mainUrl } = context.origin;
  const worker = new Worker(new URL(mainUrl.endsWith(".ts") ? "worker.ts" : "worker.js", mainUrl), {
    type: "module",
    deno: { permissions: plan.permissions },
  });
  const tell = (message: ToWorker) => worker.postMessage(message);
  for (const signal of FORWARDED_SIGNALS) Deno.addSignalListener(signal, () => tell({ kind: "signal", signal }));
  const { promise, resolve } = Promise.withResolvers<number>();
  worker.addEventListener("message", (event: MessageEvent<FromWorker>) => {
    if (event.data.kind === "exit") return resolve(event.data.code);
    for (const name of REVOKED) Deno.permissions.revokeSync({ name });
    const program = call.entry.names[0]!;
    tell({ kind: "start", program, name: call.name, args: call.args, paths: context.paths, mainUrl });
  });
  worker.addEventListener("error", (event) => {
    event.preventDefault();
    writeLine(`${call.name}: fatal: ${event.message}`).finally(() => resolve(EXIT_DIALECTS.daemon.surprise));
  });
  return promise;
}
