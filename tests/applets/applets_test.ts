/**
 * Runs every transcript of this folder: commands by sh in an empty folder, with an installation's root of its own and
 * our programs in PATH, as links to the compiled executable (INDIMAIL_BIN) or as scripts that run the checkout. In the
 * output that root's path stands as $INDIMAIL_ROOT.
 */
import { APPLETS } from "../../applets.ts";
import { type Launcher, linkPrograms, ownLauncher } from "../../admin/shell/link.ts";
import { AssertionError } from "node:assert";
import { matchesOutput, outputLines, parseTranscript, type Step } from "./transcript.ts";

const HERE = new URL(".", import.meta.url).pathname;
const EXECUTABLE = Deno.env.get("INDIMAIL_BIN");

/** Variables of the caller that a program may not depend on; everything else is left out. */
const KEPT_VARIABLES = ["DENO_DIR", "DENO_TLS_CA_STORE", "LANG"];

function launcher(): Launcher {
  return EXECUTABLE === undefined ? ownLauncher() : { kind: "link", executable: Deno.realPathSync(EXECUTABLE) };
}

function environment(folder: string): Record<string, string> {
  const kept = KEPT_VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  // deno keeps its cache in the caller's home, and the programs must not
  const cache = EXECUTABLE === undefined ? [["XDG_CACHE_HOME", `${Deno.env.get("HOME")}/.cache`] as const] : [];
  return {
    ...Object.fromEntries([...kept, ...cache].filter((pair): pair is [string, string] => pair[1] !== undefined)),
    HOME: `${folder}/home`,
    INDIMAIL_ROOT: `${folder}/root`,
    PATH: `${folder}/bin:${Deno.env.get("PATH")}`,
    TZ: "UTC",
    USER: "tester",
  };
}

/** A step may take this long; a program that waits for ever must not hang the gate. */
const STEP_SECONDS_MAX = 120;

/** Runs a step in a session of its own, which is noted. Output goes to a file: a daemon left running may keep it open. */
async function runStep(step: Step, run: { readonly folder: string; readonly sessions: number[] }): Promise<void> {
  const { folder } = run;
  const output = `${folder}/output`;
  const text = `exec >'${output}' 2>&1\n${step.command}`;
  const child = new Deno.Command("setsid", {
    args: ["--wait", "timeout", "--foreground", String(STEP_SECONDS_MAX), "sh", "-c", text],
    cwd: `${folder}/home`,
    env: environment(folder),
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

async function runTranscript(name: string): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indimail-applets." });
  const sessions: number[] = [];
  try {
    for (const part of ["bin", "home", "root"]) await Deno.mkdir(`${folder}/${part}`);
    linkPrograms(`${folder}/bin`, { names: APPLETS.flatMap(({ names }) => names), launcher: launcher(), force: false });
    for (const step of parseTranscript(await Deno.readTextFile(`${HERE}${name}.txt`))) {
      await runStep(step, { folder, sessions });
    }
  } finally {
    sessions.forEach(endSession);
    await Deno.remove(folder, { recursive: true });
  }
}

for (const entry of [...Deno.readDirSync(HERE)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const name = /^(.*)\.txt$/.exec(entry.name)?.[1];
  if (name !== undefined) Deno.test(`the programs do what the transcript ${name} says`, () => runTranscript(name));
}
