/**
 * The gate: format, lint, types, generated files, house lint, then all tests; its last line is `N passed, N failed`, each
 * gate counted as one. Files or folders as arguments: tests of these only, no gates. --compiled: builds the executable
 * and runs the tests that work on programs (tests/applets, e2e, fence) with it.
 */
import { checkoutFolder } from "./lib/walk.ts";
import { addCounts, type Counts, readCounts } from "./lib/test_counts.ts";

const root = checkoutFolder();
const TEST = ["test", "-A", "--no-check", "--no-prompt", "--unstable-net", "--unstable-worker-options"];

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

/** Runs deno with its output shown; gives its exit code and, of what it wrote on standard output, the text. */
async function deno(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
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
    for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
  }
  return { code: (await child.status).code, text };
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

async function runTests(paths: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Counts> {
  const { code, text } = await deno([...TEST, ...paths], env);
  const counts = readCounts(text, code);
  if (counts.failed > 0) console.log("tests: FAILED");
  return counts;
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(`${root}/${path}`).isDirectory;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function runCompiled(): Promise<Counts> {
  const { code } = await deno(["run", "-A", "scripts/compile.ts"]);
  console.log(`gate compile: ${code === 0 ? "ok" : "FAILED"}`);
  if (code !== 0) return FAILED;
  const folders = ["tests/applets", "tests/e2e", "tests/fence"].filter(isFolder);
  return addCounts(PASSED, await runTests(folders, { INDIMAIL_BIN: `${root}/dist/indimail` }));
}

async function main(args: readonly string[]): Promise<Counts> {
  if (args[0] === "--compiled") return await runCompiled();
  if (args.length > 0) return await runTests(args);
  return addCounts(await runGates(), await runTests([]));
}

const { passed, failed, skipped } = await main(Deno.args);
if (skipped > 0) console.log(`SKIPPED: ${skipped} tests cannot run here (look for "ignored" above)`);
console.log(`${passed} passed, ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
