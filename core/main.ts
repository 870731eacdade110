/**
 * Dispatch: which program this process is (by argv[0], or by the first argument of `indimail` and `deno run main.ts`),
 * its options, its powers, its run, and what a thrown error becomes: a line on standard error and an exit code of the
 * program's dialect. Loads only the chosen program.
 */
import process from "node:process";
import type { Applet, AppletEntry } from "./applet.ts";
import { Usage } from "./errors.ts";
import { EXIT_DIALECTS } from "./exits.ts";
import { exitCodeOf, failureText } from "./failure.ts";
import { LOG_GATHER_MS } from "./log.ts";
import { parseOptions } from "./options.ts";
import { findRoot, type Paths, resolvePaths } from "./paths.ts";
import { needlessPowers, revokePowers } from "./powers.ts";
import { createProc, findEntry, stderr, stderrLogger, stdout } from "./proc.ts";
import { isRoleName, type RoleName, roleOf } from "./role.ts";
import type { SelfOrigin } from "./self.ts";
import { systemSignals } from "./signals.ts";
import type { ByteWriter } from "./stream.ts";

/** The name under which the executable itself is installed. */
const OWN_NAME = "indimail";

/** What this process is asked to run. */
export type Dispatch =
  | { readonly kind: "applet"; readonly entry: AppletEntry; readonly name: string; readonly args: readonly string[] }
  | { readonly kind: "help"; readonly name: string | undefined }
  | { readonly kind: "list"; readonly json: boolean }
  | { readonly kind: "unknown"; readonly name: string };

/** How a process was called. */
export interface Call {
  readonly argv0: string;
  readonly args: readonly string[];
}

/** Chooses the program; `setRoot` is told the DIR of `indimail --root DIR NAME`. Throws Usage. */
export function dispatch(entries: readonly AppletEntry[], call: Call, setRoot: (directory: string) => void): Dispatch {
  const called = call.argv0.slice(call.argv0.lastIndexOf("/") + 1).replace(/^-/, "");
  const linked = called === OWN_NAME ? undefined : findEntry(entries, called);
  if (linked) return appletCall(linked, called, call.args);
  let at = 0;
  if (call.args[at] === "--root") {
    const directory = call.args[at + 1];
    if (!directory) throw new Usage("--root needs a folder");
    setRoot(directory);
    at += 2;
  }
  const first = call.args[at];
  const rest = call.args.slice(at + 1);
  if (first === OWN_NAME) return dispatch(entries, { argv0: OWN_NAME, args: rest }, setRoot);
  if (first === undefined || first === "--help" || first === "-h") return { kind: "help", name: undefined };
  if (first === "help") return { kind: "help", name: ownEntry(entries, rest[0] ?? "")?.names[0] ?? rest[0] };
  if (first === "--list") return { kind: "list", json: rest.includes("--json") };
  const entry = findEntry(entries, first);
  if (entry) return appletCall(entry, first, rest);
  const named = ownEntry(entries, first);
  if (named) return appletCall(named, named.names[0] ?? first, rest);
  const own = findEntry(entries, OWN_NAME); // link, completion, --version; it refuses what is no program
  return own ? appletCall(own, OWN_NAME, call.args.slice(at)) : { kind: "unknown", name: first };
}

/** A program that is only `indimail NAME`, since links of its short name would be in the way: `import`, `export`. */
function ownEntry(entries: readonly AppletEntry[], name: string): AppletEntry | undefined {
  return findEntry(entries, name) ? undefined : findEntry(entries, `${OWN_NAME}-${name}`);
}

function appletCall(entry: AppletEntry, name: string, args: readonly string[]): Dispatch {
  return args[0] === "--help" ? { kind: "help", name } : { kind: "applet", entry, name, args };
}

async function writeOut(stream: ByteWriter, text: string): Promise<void> {
  await stream.write(new TextEncoder().encode(text));
}

async function runApplet(applet: Applet, call: Dispatch & { kind: "applet" }, context: Context): Promise<number> {
  const dialect = EXIT_DIALECTS[applet.dialect];
  const log = stderrLogger({ gatherMs: call.entry.daemon ? LOG_GATHER_MS : 0 });
  const signals = systemSignals();
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    failureText(event.reason, call.name, applet).then((text) => writeOut(stderr, text)).finally(() =>
      Deno.exit(dialect.surprise)
    );
  });
  try {
    const { options, args } = parseOptions(applet, call.args);
    const proc = createProc({ applet, name: call.name, options, args, signals, log, ...context });
    return await applet.run(proc) ?? dialect.ok;
  } catch (error) {
    await log.flush();
    await writeOut(stderr, await failureText(error, call.name, applet));
    return exitCodeOf(error, dialect);
  } finally {
    await log.flush();
    signals.close();
  }
}

/** What a program needs to know of the installation and of this executable. */
interface Context {
  readonly entries: readonly AppletEntry[];
  readonly origin: SelfOrigin;
  readonly paths: Paths;
}

async function unknownProgram(name: string, entries: readonly AppletEntry[]): Promise<Usage> {
  const { unknownProgramText } = await import("./nearest.ts");
  return new Usage(unknownProgramText(name, entries.flatMap(({ names }) => names)));
}

/** Where this installation's files are, by the environment. */
export function currentPaths(): Paths {
  const env = (name: string) => Deno.env.get(name);
  return resolvePaths(findRoot(env, { uid: Deno.uid(), exists }), env);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false; // absent or not to be seen: then it is not this user's installation
  }
}

function setRoot(directory: string): void {
  Deno.env.set("INDIMAIL_ROOT", directory.startsWith("/") ? directory : `${Deno.cwd()}/${directory}`);
}

/** The program that tries a role's fences from inside; its first argument names the role. */
const PROBE = "indimail-probe";

function probedRole({ entry, args }: { entry: AppletEntry; args: readonly string[] }): RoleName | undefined {
  return entry.names.includes(PROBE) && args[0] !== undefined && isRoleName(args[0]) ? args[0] : undefined;
}

async function run(entries: readonly AppletEntry[], origin: SelfOrigin): Promise<number> {
  const call = dispatch(entries, { argv0: process.argv0, args: Deno.args }, setRoot);
  if (call.kind === "help" || call.kind === "list") {
    const { helpText, listText, overviewText } = await import("./help.ts");
    if (call.kind === "list") await writeOut(stdout, listText(entries, { json: call.json }));
    else if (call.name === undefined) await writeOut(stdout, overviewText(entries));
    else {
      const entry = findEntry(entries, call.name);
      if (!entry) throw await unknownProgram(call.name, entries);
      await writeOut(stdout, helpText((await entry.load()).applet, call.name));
    }
    return EXIT_DIALECTS.admin.ok;
  }
  if (call.kind === "unknown") throw await unknownProgram(call.name, entries);
  const context = { entries, origin, paths: currentPaths() };
  if (call.entry.daemon) {
    const { runFenced } = await import("./fence.ts");
    const code = await runFenced({ ...call, role: probedRole(call) ?? call.entry.role }, context);
    if (code !== undefined) return code;
  } else revokePowers(needlessPowers(roleOf(call.entry.role)));
  return await runApplet((await call.entry.load()).applet, call, context);
}

/** Runs the program that this process was called as, then ends the process. `mainUrl` is main.ts's import.meta.url. */
export async function main(entries: readonly AppletEntry[], mainUrl: string): Promise<never> {
  let code: number;
  try {
    code = await run(entries, { mainUrl });
  } catch (error) {
    await writeOut(stderr, await failureText(error, OWN_NAME, undefined));
    code = exitCodeOf(error, EXIT_DIALECTS.admin);
  }
  Deno.exit(code);
}
