/**
 * The real Proc: what a running program sees of the system. The same in the main thread and in a daemon's Worker; they
 * differ in where signals come from. Tests build their own Proc and never need this.
 */
import type {
  Applet,
  AppletEntry,
  ChildProcess,
  Clock,
  Env,
  OptionSpecs,
  OptionValues,
  Proc,
  SpawnOptions,
} from "./applet.ts";
import { wholeEnvironment } from "./environment.ts";
import { errorText, ReaderGone, Temporary } from "./errors.ts";
import { closeFd, descriptor, openPipe, pipeWriter } from "./libc/fd.ts";
import { setLimits, takePendingLimits } from "./libc/limits.ts";
import { execLimited, spawnProcess, waitForProcess } from "./libc/process.ts";
import { readLineWithoutEcho } from "./libc/terminal.ts";
import { createLogger, type Logger, type LoggerOptions } from "./log.ts";
import type { Paths } from "./paths.ts";
import { findProgram, selfCommand, type SelfOrigin } from "./self.ts";
import type { Signals } from "./signals.ts";
import type { ByteReader, ByteWriter } from "./stream.ts";

/** What a Proc is made of. */
export interface ProcParts {
  readonly applet: Applet;
  readonly name: string;
  readonly options: OptionValues<OptionSpecs>;
  readonly args: readonly string[];
  readonly paths: Paths;
  readonly entries: readonly AppletEntry[];
  readonly origin: SelfOrigin;
  readonly signals: Signals;
  readonly log: Logger;
}

/** Writes all of `bytes` to one of Deno's streams. */
async function writeAll(stream: { write(bytes: Uint8Array): Promise<number> }, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await stream.write(bytes.subarray(done));
}

/** Standard error as log lines. */
export function stderrLogger(options?: LoggerOptions): Logger {
  return createLogger((bytes) => writeAll(Deno.stderr, bytes), options);
}

/** The row of the program of that name; undefined when it is not ours. */
export function findEntry(entries: readonly AppletEntry[], name: string): AppletEntry | undefined {
  return entries.find((entry) => entry.names.includes(name));
}

function createEnv(applet: Applet): Env {
  return {
    get(name) {
      if (!(applet.env && name in applet.env)) {
        throw new Error(`${applet.names[0]} reads the environment variable ${name} without declaring it`);
      }
      try {
        return Deno.env.get(name);
      } catch (error) {
        if (error instanceof Deno.errors.InvalidData) return wholeEnvironment()[name]; // bytes that are no UTF-8
        throw error;
      }
    },
    all: wholeEnvironment,
  };
}

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep(durationMs, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stop = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", stop);
        resolve();
      }, durationMs);
      signal?.addEventListener("abort", stop, { once: true });
    });
  },
};

/** How to run `program`: a name of ours is always ourselves, wherever it is linked; else a file as execvp(3) finds it. */
function resolveProgram(program: string, parts: Programs): { file: string; argv0: string; before: readonly string[] } {
  if (findEntry(parts.entries, program)) {
    const self = selfCommand(parts.origin, program);
    return { file: self.program, argv0: self.argv0, before: self.args };
  }
  const file = findProgram(program, Deno.env.get("PATH"));
  if (file === undefined) throw new Temporary(`unable to run ${program}: not found in PATH`);
  return { file, argv0: program, before: [] };
}

/** Our own programs, which can be started by name although they are no file in PATH. */
export type Programs = Pick<ProcParts, "entries" | "origin">;

/** Starts `options.program`: our own program of that name, else a file as execvp(3) finds it. Throws Temporary. */
export function spawnProgram(options: SpawnOptions, parts: Programs): ChildProcess {
  const { file, argv0, before } = resolveProgram(options.program, parts);
  const own = findEntry(parts.entries, options.program) !== undefined;
  const limited = takePendingLimits(options.env ?? wholeEnvironment(), { own });
  const fds: Record<number, number | "null"> = {};
  const theirs: number[] = [];
  const ours: { target: number; fd: number; kind: "pipe-in" | "pipe-out" }[] = [];
  let pid: number;
  try {
    for (const [key, source] of Object.entries(options.fds ?? { 0: 0, 1: 1, 2: 2 })) {
      const target = Number(key);
      if (source === "pipe-in" || source === "pipe-out") {
        const pipe = openPipe();
        theirs.push(source === "pipe-in" ? pipe.reading : pipe.writing);
        ours.push({ target, fd: source === "pipe-in" ? pipe.writing : pipe.reading, kind: source });
        fds[target] = source === "pipe-in" ? pipe.reading : pipe.writing;
      } else fds[target] = source;
    }
    pid = spawnProcess({
      program: file,
      argv: [before.length === 0 ? options.argv0 ?? argv0 : argv0, ...before, ...options.args],
      env: limited.env,
      fds,
      cwd: options.cwd,
      newSession: options.newSession,
      user: options.user,
    });
  } catch (error) {
    for (const { fd } of ours) closeFd(fd);
    throw new Temporary(errorText(error));
  } finally {
    for (const fd of theirs) closeFd(fd);
  }
  setLimits(limited.limits, pid);
  return {
    pid,
    writers: new Map(ours.filter(({ kind }) => kind === "pipe-in").map(({ target, fd }) => [target, pipeWriter(fd)])),
    readers: new Map(ours.filter(({ kind }) => kind === "pipe-out").map(({ target, fd }) => [target, descriptor(fd)])),
    ended: options.unwaited ? new Promise<never>(() => {}) : waitForProcess(pid),
    kill: (signal) => Deno.kill(pid, signal),
  };
}

function exec(
  program: string,
  args: readonly string[],
  options: { readonly env: Readonly<Record<string, string>> | undefined; readonly parts: ProcParts },
): never {
  const { file, argv0, before } = resolveProgram(program, options.parts);
  try {
    const own = findEntry(options.parts.entries, program) !== undefined;
    const limited = takePendingLimits(options.env ?? wholeEnvironment(), { own });
    execLimited(file, [argv0, ...before, ...args], limited);
  } catch (error) {
    throw new Temporary(errorText(error));
  }
}

const stdin: ByteReader = { read: (into) => Deno.stdin.read(into) };
/** Standard output of this process. Throws ReaderGone. */
export const stdout: ByteWriter = {
  write: (bytes) =>
    writeAll(Deno.stdout, bytes).catch((error: unknown) => {
      if (error instanceof Deno.errors.BrokenPipe) throw new ReaderGone("nobody reads standard output");
      if (!(error instanceof Error) || error.constructor !== Error) throw error; // of a kind that somebody may know
      throw new Error(`unable to write standard output: ${errorText(error)}`, { cause: error });
    }),
};
/** Standard error of this process. */
export const stderr: ByteWriter = { write: (bytes) => writeAll(Deno.stderr, bytes) };

/** The Proc of the program that this process runs. */
export function createProc(parts: ProcParts): Proc {
  return {
    name: parts.name,
    options: parts.options,
    args: parts.args,
    env: createEnv(parts.applet),
    paths: parts.paths,
    stdin,
    stdout,
    stderr,
    fd: descriptor,
    log: parts.log,
    clock: systemClock,
    uid: Deno.uid() ?? 0,
    pid: Deno.pid,
    spawn: (options) => Promise.resolve().then(() => spawnProgram(options, parts)),
    exec: (program, args, env) => exec(program, args, { env, parts }),
    get stopping() {
      return parts.signals.stopping;
    },
    onSignal: (signal, handler) => parts.signals.on(signal, handler),
    applet: async (name) => (await findEntry(parts.entries, name)?.load())?.applet,
    readPassword: readLineWithoutEcho,
  };
}
