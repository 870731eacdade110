/**
 * The gate: format, lint, types, generated files, house lint, then all tests; its last line is `N passed, N failed`, each
 * gate counted as one. Files or folders as arguments: tests of these only, no gates. --compiled: builds the executable
 * and runs the tests that work on programs (tests/applets, e2e, fence) with it. Tests that mostly wait for servers run
 * beside the others, their output comes at the end.
 */
import { checkoutFolder } from "./lib/walk.ts";
import { addCounts, type Counts, readCounts } from "./lib/test_counts.ts";

const root = checkoutFolder();
const TEST = ["test", "-A", "--no-check", "--no-prompt", "--unstable-net", "--unstable-worker-options"];

/** Tests of servers, ours and others'. */
const WAITING = ["tests/e2e", "tests/interop"];

const NOTHING: Counts = { passed: 0, failed: 0, skipped: 0 };
const PASSED: Counts = { ...NOTHING, passed: 1 };
const FAILED: Counts = { ...NOTHING, failed: 1 };

/** Gates by name; each is a command of deno. */
const GATES: readonly (readonly [name: string, args: readonly string[]])[] = [
  ["format", ["fmt", "--check", "--quiet"]],
  ["lint", ["lint", "--quiet"]],
  ["types", ["check", "--quiet"]],
  ["generated files", ["run", "-A", "scripts/gen.ts", "--check"]],
  ["house lint", ["run", "-A", "scripts/lint.ts"]],
];

/** How a command of deno runs. */
interface Run {
  readonly env?: Readonly<Record<string, string>>;
  /** Show its output when it has ended, not as it comes. */
  readonly shownLate?: boolean;
}

/** Runs deno with its output shown; gives its exit code and, of what it wrote on standard output, the text. */
async function deno(args: readonly string[], { env = {}, shownLate = false }: Run = {}) {
  const child = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: root,
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  const decoder = new TextDecoder();
  for await (const bytes of child.stdout) {
    text += decoder.decode(bytes, { stream: true });
    if (!shownLate) show(bytes);
  }
  const { code } = await child.status;
  if (shownLate) show(new TextEncoder().encode(text));
  return { code, text };
}

function show(bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

async function runGates(): Promise<Counts> {
  let counts = NOTHING;
  for (const [name, args] of GATES) {
    const { code } = await deno(args);
    console.log(`gate ${name}: ${code === 0 ? "ok" : "FAILED"}`);
    counts = addCounts(counts, code === 0 ? PASSED : FAILED);
  }
  return counts;
}

async function runTests(args: readonly string[], run: Run = {}): Promise<Counts> {
  const { code, text } = await deno([...TEST, ...args], run);
  const counts = readCounts(text, code);
  if (counts.failed > 0) console.log("tests: FAILED");
  return counts;
}

/** Two runs beside each other. */
async function runBoth(
  waiting: readonly string[],
  others: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Counts> {
  const counts = await Promise.all([runTests(others, { env }), runTests(waiting, { env, shownLate: true })]);
  return addCounts(...counts);
}

async function runCompiled(): Promise<Counts> {
  const { code } = await deno(["run", "-A", "scripts/compile.ts"]);
  console.log(`gate compile: ${code === 0 ? "ok" : "FAILED"}`);
  if (code !== 0) return FAILED;
  const env = { INDIMAIL_BIN: `${root}/dist/indimail` };
  return addCounts(PASSED, await runBoth(["tests/e2e"], ["tests/applets", "tests/fence"], env));
}

async function main(args: readonly string[]): Promise<Counts> {
  if (args[0] === "--compiled") return await runCompiled();
  if (args.length > 0) return await runTests(args);
  return addCounts(await runGates(), await runBoth(WAITING, [`--ignore=${WAITING.join()}`]));
}

const { passed, failed, skipped } = await main(Deno.args);
if (skipped > 0) console.log(`SKIPPED: ${skipped} tests cannot run here (look for "ignored" above)`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
