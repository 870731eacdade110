/**
 * Processes: start one with any descriptors, wait for it, become one. posix_spawn(3) and execve(2); a child gets default
 * signals and no descriptor that was not named for it. The user of a child is set on this thread only, for the moment
 * of the spawn, by raw system calls: the other threads keep theirs, and execve in the child makes it final.
 */
import type { ProcessEnd } from "../applet.ts";
import { addressOf, checked, cString, cStrings, ERRNO, errno, libc, LibcError, preloadLibc, SYSCALL } from "./libc.ts";
import { type LimitedEnvironment, setLimits } from "./limits.ts";

const SETPGROUP = 0x02;
const SETSIGDEF = 0x04;
const SETSIGMASK = 0x08;
const SETSID = 0x80;
const SIGPIPE = 13;
const NOCHANGE = -1n;
/** Most descriptors named for one child. */
export const CHILD_FDS_MAX = 64;
const FILE_ACTIONS_BYTES = 80;
const SPAWN_ATTRIBUTES_BYTES = 336;
const SIGSET_BYTES = 128;

/** Who a process runs as. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[];
}

/** A child to be: `program` is a path. */
export interface SpawnRequest {
  readonly program: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Child descriptor to our descriptor, or "null". */
  readonly fds: Readonly<Record<number, number | "null">>;
  readonly cwd?: string | undefined;
  readonly newSession?: boolean | undefined;
  /** A process group of its own, with its pid as number. */
  readonly newGroup?: boolean | undefined;
  readonly user?: UserIds | undefined;
}

function environmentStrings(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

function fileActions(request: SpawnRequest, kept: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const c = libc();
  const actions = new Uint8Array(FILE_ACTIONS_BYTES);
  c.posix_spawn_file_actions_init(actions);
  const wanted = Object.entries(request.fds).map(([target, source]) => ({ target: Number(target), source }));
  if (wanted.length > CHILD_FDS_MAX) throw new RangeError(`${wanted.length} descriptors for a child`);
  const nullPath = cString("/dev/null");
  kept.push(nullPath);
  // copied out of the way first, so that no target overwrites a source that is still needed
  const parked = 1 +
    Math.max(2, ...wanted.flatMap(({ target, source }) => source === "null" ? [target] : [target, source]));
  wanted.forEach(({ source }, at) => {
    if (source !== "null") c.posix_spawn_file_actions_adddup2(actions, source, parked + at);
  });
  let above = 3;
  wanted.forEach(({ target, source }, at) => {
    if (source === "null") c.posix_spawn_file_actions_addopen(actions, target, nullPath, 2, 0);
    else c.posix_spawn_file_actions_adddup2(actions, parked + at, target);
    above = Math.max(above, target + 1);
  });
  for (let fd = 0; fd < above; fd++) {
    if (!(fd in request.fds)) c.posix_spawn_file_actions_addclose(actions, fd);
  }
  c.posix_spawn_file_actions_addclosefrom_np(actions, above);
  if (request.cwd !== undefined) {
    const directory = cString(request.cwd);
    kept.push(directory);
    c.posix_spawn_file_actions_addchdir_np(actions, directory);
  }
  return actions;
}

function spawnAttributes(request: SpawnRequest): Uint8Array<ArrayBuffer> {
  const c = libc();
  const attributes = new Uint8Array(SPAWN_ATTRIBUTES_BYTES);
  c.posix_spawnattr_init(attributes);
  const signals = new Uint8Array(SIGSET_BYTES);
  c.sigfillset(signals);
  c.posix_spawnattr_setsigdefault(attributes, signals);
  c.sigemptyset(signals);
  c.posix_spawnattr_setsigmask(attributes, signals);
  const apart = (request.newSession ? SETSID : 0) | (request.newGroup ? SETPGROUP : 0);
  c.posix_spawnattr_setflags(attributes, SETSIGDEF | SETSIGMASK | apart);
  return attributes;
}

function rawCall(number: bigint, a: bigint, b: bigint, c: bigint): void {
  checked(libc().syscall(number, a, b, c, 0n, 0n, 0n), "change of user");
}

/** Runs `spawn` while this thread (only) has the effective identity of `user`; real root is kept as saved id. */
function asUser<T>(user: UserIds, spawn: () => T): T {
  const size = libc().getgroups(0, null);
  const before = new Uint32Array(Math.max(size, 1));
  const count = libc().getgroups(before.length, new Uint8Array(before.buffer));
  const groups = Uint32Array.from([...(user.groups ?? []), user.gid]);
  const address = (list: Uint32Array<ArrayBuffer>) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(list));
  rawCall(SYSCALL.setgroups, BigInt(groups.length), address(groups), 0n);
  rawCall(SYSCALL.setresgid, BigInt(user.gid), BigInt(user.gid), 0n);
  rawCall(SYSCALL.setresuid, BigInt(user.uid), BigInt(user.uid), 0n);
  try {
    return spawn();
  } finally {
    rawCall(SYSCALL.setresuid, 0n, 0n, NOCHANGE);
    rawCall(SYSCALL.setresgid, 0n, 0n, NOCHANGE);
    rawCall(SYSCALL.setgroups, BigInt(count), address(before), 0n);
  }
}

/** Children of ours that nobody has waited for yet; other children of this process are orphans that it inherited. */
export const startedChildren: Set<number> = new Set<number>();

/** Starts a process; its pid. Throws LibcError when the program cannot be run. `user` needs root. */
export function spawnProcess(request: SpawnRequest): number {
  const c = libc();
  const kept: Uint8Array[] = [];
  const argv = cStrings(request.argv);
  const env = cStrings(environmentStrings(request.env));
  const actions = fileActions(request, kept);
  const attributes = spawnAttributes(request);
  const pid = new Int32Array(1);
  const program = cString(request.program);
  try {
    const run = () => c.posix_spawn(new Uint8Array(pid.buffer), program, actions, attributes, argv.array, env.array);
    const code = request.user ? asUser(request.user, run) : run();
    if (code !== 0) throw new LibcError(`unable to run ${request.program}`, code);
  } finally {
    c.posix_spawn_file_actions_destroy(actions);
    c.posix_spawnattr_destroy(attributes);
    kept.push(...argv.kept, ...env.kept);
  }
  startedChildren.add(pid[0]!);
  return pid[0]!;
}

/** Waits (on a pool thread) until a child of ours has ended. */
export async function waitForProcess(pid: number): Promise<ProcessEnd> {
  const status = new Int32Array(1);
  for (;;) {
    const result = await libc().waitpid_async(pid, new Uint8Array(status.buffer), 0);
    if (result === pid || !processExists(pid)) startedChildren.delete(pid);
    if (result === pid) return { code: (status[0]! >> 8) & 255, signal: status[0]! & 127 };
    if (!processExists(pid)) return { code: 111, signal: 0 };
  }
}

/** True when a process with this pid is there, whoever owns it. */
export function processExists(pid: number): boolean {
  return libc().kill(pid, 0) === 0 || errno() === ERRNO.perm;
}

/** kill(2), a negative pid for a process group; false when there is nobody, or nobody of ours. */
export function sendSignal(pid: number, signal: number): boolean {
  return libc().kill(pid, signal) === 0;
}

/** Becomes another program; `program` is a path. Returns only by throwing LibcError. */
export function execProcess(program: string, argv: readonly string[], env: Readonly<Record<string, string>>): never {
  execLimited(program, argv, { env, limits: new Map() });
}

/** As execProcess, with soft limits for the other program. After a failure they hold for this one. */
export function execLimited(
  program: string,
  argv: readonly string[],
  { env, limits }: LimitedEnvironment,
): never {
  const argvStrings = cStrings(argv);
  const envStrings = cStrings(environmentStrings(env));
  const path = cString(program);
  const ignored = libc().signal(SIGPIPE, null);
  preloadLibc(["execve", "__errno_location", "strerror"]);
  setLimits(limits); // last: afterwards there may be no memory
  const result = libc().execve(path, argvStrings.array, envStrings.array);
  const failure = failureOf(result, program);
  libc().signal(SIGPIPE, ignored);
  throw failure;
}

function failureOf(result: number, program: string): unknown {
  try {
    checked(result, `unable to run ${program}`);
  } catch (error) {
    return error;
  }
  return new Error(`unable to run ${program}`);
}

/** The parent's pid. */
export function parentPid(): number {
  return libc().getppid();
}

/** setsid(2): a session of its own. */
export function newSession(): void {
  checked(libc().setsid(), "setsid");
}

const PR_SET_PDEATHSIG = 1;
const SIGTERM = 15;

/** TERM for this process when the thread that started it ends. Holds until the next change of user. */
export function endWithParent(): void {
  checked(libc().prctl(PR_SET_PDEATHSIG, BigInt(SIGTERM), 0n, 0n, 0n), "prctl parent death signal");
}

const PR_SET_DUMPABLE = 4;
const PR_SET_NAME = 15;
const PR_SET_CHILD_SUBREAPER = 36;

/** Orphaned descendants become children of this process, which must then reap them. */
export function becomeSubreaper(): void {
  checked(libc().prctl(PR_SET_CHILD_SUBREAPER, 1n, 0n, 0n, 0n), "prctl child subreaper");
}

/** Makes /proc/self this account's again after a change of account without exec. */
export function ownProcFolder(): void {
  checked(libc().prctl(PR_SET_DUMPABLE, 1n, 0n, 0n, 0n), "prctl dumpable");
}

/** The name of this process in /proc/PID/comm, at most 15 bytes; to be called in the main thread. */
export function setProcessName(name: string): void {
  const text = cString(name.slice(0, 15));
  checked(libc().prctl(PR_SET_NAME, addressOf(text), 0n, 0n, 0n), "prctl name");
}

/** Makes this process the leader of a new process group; one that leads already stays. */
export function newProcessGroup(): void {
  checked(libc().setpgid(0, 0), "setpgid");
}
