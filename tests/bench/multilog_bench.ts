/**
 * How many MB a second multilog and the label filters take from a pipe, beside Debian's in the same run. Lines of 100 bytes.
 * The compiled executable when INDIMAIL_BIN names it, else the checkout.
 * Run: deno run -A --unstable-net --unstable-worker-options tests/bench/multilog_bench.ts [megabytes]
 */
import { DENO_RUN_FLAGS } from "../../core/self.ts";

const LINE = `delivery 12345: success: ${"x".repeat(74)}\n`;
const MEGABYTES = Number(Deno.args[0] ?? 200);
const ROUNDS = 3;
const DEBIAN = "/usr/bin";

const folder = Deno.makeTempDirSync({ prefix: "multilog-bench." });

function writeInput(path: string, line: string): void {
  const block = new TextEncoder().encode(line.repeat(Math.floor(1_000_000 / line.length)));
  using file = Deno.openSync(path, { write: true, create: true });
  for (let count = 0; count < MEGABYTES; count++) file.writeSync(block);
}

/** The words that start our program of that name. */
function ours(name: string): string {
  const executable = Deno.env.get("INDIMAIL_BIN");
  const main = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
  return executable === undefined
    ? [Deno.execPath(), ...DENO_RUN_FLAGS, main, name].join(" ")
    : `${Deno.realPathSync(executable)} ${name}`;
}

async function secondsOf(command: string): Promise<number> {
  const start = performance.now();
  const { success } = await new Deno.Command("sh", { args: ["-c", command], cwd: folder }).spawn().status;
  if (!success) throw new Error(`failed: ${command}`);
  return (performance.now() - start) / 1000;
}

async function best(command: string): Promise<string> {
  let least = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    least = Math.min(least, await secondsOf(`rm -rf log; cat input | ${command}`));
  }
  return `${(MEGABYTES / least).toFixed(0).padStart(6)} MB/s`;
}

const CASES: readonly (readonly [name: string, args: string])[] = [
  ["multilog", "s16777215 n3 ./log"],
  ["multilog", "t s16777215 n3 ./log"],
  ["multilog", "t s16777215 n3 '-*' '+* delivery *: success: *' ./log"],
  ["multilog", "s100000 n3 ./log"],
  ["tai64n", ">/dev/null"],
  ["tai64nlocal", ">/dev/null"],
];

writeInput(`${folder}/input`, LINE);
try {
  for (const [name, args] of CASES) {
    if (name === "tai64nlocal") writeInput(`${folder}/input`, `@4000000037c219bf2ef02e94 ${LINE.slice(26)}`);
    console.log(
      `${await best(`${ours(name)} ${args}`)} ours  ${await best(
        `${DEBIAN}/${name} ${args}`,
      )} Debian's  ${name} ${args}`,
    );
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}
