/**
 * Runs a transcript: commands by sh in an empty folder, with an installation's root of its own and our programs in PATH,
 * as links to the compiled executable (INDIMAIL_BIN) or as scripts that run the checkout. In the output that root's path
 * stands as $INDIMAIL_ROOT. With peers, programs of those names that others ship stand before ours.
 */
import { APPLETS } from "../../applets.ts";
import { type Launcher, linkPrograms, ownLauncher } from "../../admin/shell/link.ts";
import { AssertionError } from "node:assert";
import { matchesOutput, outputLines, parseTranscript, type Step } from "./transcript.ts";

const EXECUTABLE = Deno.env.get("INDIMAIL_BIN");

/** Variables of the caller that a program may not depend on; everything else is left out. */
const KEPT_VARIABLES = ["DENO_DIR", "DENO_TLS_CA_STORE", "LANG"];

/** A step may take this long; a program that waits for ever must not hang the gate. */
const STEP_SECONDS_MAX = 120;

/** How a transcript is run. */
export interface TranscriptOptions {
  /** Paths of programs to take instead of ours, by name; steps that are meant to differ are then left out. */
  readonly peers?: ReadonlyMap<string, string>;
  /** Puts what the steps find into the root before the first one. */
  prepare?(root: string): Promise<void>;
  /** Steps to leave out. */
  isLeftOut?(step: Step): boolean;
}

/** A transcript that runs. */
interface Run {
  readonly folder: string;
  readonly path: string;
  /** Process groups of the steps so far. */
  readonly sessions: number[];
}

function launcher(): Launcher {
  return EXECUTABLE === undefined ? ownLauncher() : { kind: "link", executable: Deno.realPathSync(EXECUTABLE) };
}

/** Whether the runtime of the programs is at least that; a compiled executable has its own. */
export function hasRuntime(least: readonly number[]): boolean {
  const version = EXECUTABLE === undefined
    ? Deno.version.deno
    : new TextDecoder().decode(new Deno.Command(EXECUTABLE, { args: ["--version"] }).outputSync().stdout);
  const [major = 0, minor = 0] = /(\d+)\.(\d+)\.\d+\s*$/.exec(version)?.slice(1).map(Number) ?? [];
  return major > least[0]! || (major === least[0] && minor >= (least[1] ?? 0));
}

let programFolder: string | undefined;

/** A folder with all our programs, made once and removed at the end. */
export function ourPrograms(): string {
  if (programFolder !== undefined) return programFolder;
  const folder = Deno.makeTempDirSync({ prefix: "indimail-programs." });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  linkPrograms(folder, { names: APPLETS.flatMap(({ names }) => names), launcher: launcher(), force: false });
  Deno.chmodSync(folder, 0o755); // steps may run programs as other users
  programFolder = folder;
  return folder;
}

function environment({ folder, path }: Run): Record<string, string> {
  const kept = KEPT_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  // deno keeps its cache in the caller's home, and the programs must not
  const cache = EXECUTABLE === undefined ? [["XDG_CACHE_HOME", `${Deno.env.get("HOME")}/.cache`] as const] : [];
  return {
    ...Object.fromEntries([...kept, ...cache].filter((pair): pair is [string, string] => pair[1] !== undefined)),
    HOME: `${folder}/home`,
    INDIMAIL_ROOT: `${folder}/root`,
    PATH: `${path}:${Deno.env.get("PATH")}`,
    TZ: "UTC",
    USER: "tester",
  };
}

/** Runs a step in a session of its own, which is noted. Output goes to a file: a daemon left running may keep it open. */
async function runStep(step: Step, run: Run): Promise<void> {
  const { folder } = run;
  const output = `${folder}/output`;
  const text = `exec >'${output}' 2>&1\n${step.command}`;
  const child = new Deno.Command("setsid", {
    args: ["--wait", "timeout", "--foreground", String(STEP_SECONDS_MAX), "sh", "-c", text],
    cwd: `${folder}/home`,
    env: environment(run),
    clearEnv: true,
    stdin: "null",
  }).spawn();
  run.sessions.push(child.pid);
  const { code } = await child.status;
  const actual = outputLines((await Deno.readTextFile(output)).replaceAll(`${folder}/root`, "$INDIMAIL_ROOT"));
  if (code === step.code && matchesOutput(step.output, actual)) return;
  const said = `expected [${step.code}]:\n${step.output.join("\n")}\ngot [${code}]:\n${actual.join("\n")}`;
  throw new AssertionError({ message: `line ${step.line}: ${step.command}\n${said}` });
}

/** Ends what a transcript has left running in the background; mostly nothing. */
function endSession(session: number): void {
  try {
    Deno.kill(-session, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && /ESRCH|No such process/.test(error.message))) throw error;
  }
}

/** Runs a transcript's steps; fails at the first whose output or exit code is not what it must be. */
export async function runTranscript(text: string, options: TranscriptOptions = {}): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indimail-applets." });
  const peers = options.peers ?? new Map<string, string>();
  const path = peers.size === 0 ? ourPrograms() : `${folder}/peers:${ourPrograms()}`;
  const run: Run = { folder, path, sessions: [] };
  try {
    for (const part of ["home", "root", "peers"]) await Deno.mkdir(`${folder}/${part}`);
    await options.prepare?.(`${folder}/root`);
    for (const [name, program] of peers) await Deno.symlink(program, `${folder}/peers/${name}`);
    for (const step of parseTranscript(text)) {
      if (options.isLeftOut?.(step) || (peers.size > 0 && step.differs !== undefined)) continue;
      await runStep(step, run);
    }
  } finally {
    run.sessions.forEach(endSession);
    await Deno.remove(folder, { recursive: true });
  }
}

/** The transcripts of a folder in order, by name. */
export function* transcriptsIn(folder: string): Generator<{ readonly name: string; readonly text: string }> {
  for (const entry of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    const name = /^(.*)\.txt$/.exec(entry.name)?.[1];
    if (name !== undefined) yield { name, text: Deno.readTextFileSync(`${folder}/${entry.name}`) };
  }
}
