/**
 * Long runs that the gate has no time for: `fuzz` and `crash` are the tests in tests/fuzz and tests/crash with many
 * rounds, `faults` those of a database that fails under load, for a minute each; `bench` runs each
 * tests/bench/*_bench.ts (or those whose names are given) one after the other.
 */
import { checkoutFolder, walkFiles } from "./lib/walk.ts";

const root = checkoutFolder();
const FLAGS = ["-A", "--no-prompt", "--unstable-net", "--unstable-worker-options"];

async function deno(args: readonly string[]): Promise<number> {
  const env = { INDIMAIL_CAMPAIGN: "long" };
  return (await new Deno.Command(Deno.execPath(), { args: [...args], cwd: root, env }).spawn().status).code;
}

async function bench(names: readonly string[]): Promise<number> {
  const all = walkFiles(root, ["tests/bench"]).filter((path) => path.endsWith("_bench.ts"));
  const chosen = names.length === 0 ? all : all.filter((path) => names.some((name) => path.includes(name)));
  let worst = 0;
  for (const path of chosen) {
    console.log(`== ${path}`);
    worst = Math.max(worst, await deno(["run", ...FLAGS, path]));
  }
  return worst;
}

/** Where the tests of a campaign are, and how their names end. */
const CAMPAIGNS = {
  fuzz: ["tests/fuzz", "_test.ts"],
  crash: ["tests/crash", "_test.ts"],
  faults: ["tests/e2e", "mariadb_faults_test.ts"],
} as const;

async function campaign(kind: keyof typeof CAMPAIGNS, names: readonly string[]): Promise<number> {
  const [folder, ending] = CAMPAIGNS[kind];
  const paths = walkFiles(root, [folder]).filter((path) =>
    path.endsWith(ending) && (names.length === 0 || names.some((name) => path.includes(name)))
  );
  if (paths.length === 0) throw new Error(`no tests in ${folder} ${names.join(" ")}`);
  return await deno(["test", ...FLAGS, ...paths]);
}

const [kind, ...names] = Deno.args;
if (kind !== "fuzz" && kind !== "crash" && kind !== "faults" && kind !== "bench") {
  console.error("usage: deno task fuzz|crash|faults|bench [NAME...]");
  Deno.exit(2);
}
Deno.exit(await (kind === "bench" ? bench(names) : campaign(kind, names)));
