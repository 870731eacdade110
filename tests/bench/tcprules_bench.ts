/**
 * How long a million rules take to compile, beside Debian's tcprules on the same input, and what an idle connection costs
 * under a program that runs inside tcpserver: `deno run -A tests/bench/tcprules_bench.ts`. Prints figures; nothing is asserted.
 */
import { DENO_RUN_FLAGS } from "../../core/self.ts";

const RULES = 1_000_000;
const CONNECTIONS = 500;
const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const BINARY = Deno.env.get("INDIMAIL_BIN");
const OURS = BINARY === undefined ? [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN] : [BINARY];

function rulesText(): string {
  const lines: string[] = [];
  for (let at = 0; at < RULES; at++) {
    const ip = [11 + (at >> 24), (at >> 16) & 255, (at >> 8) & 255, at & 255].join(".");
    lines.push(`${ip}:allow,RELAYCLIENT="",CLASS="${at & 7}"\n`);
  }
  return lines.join("");
}

async function compile(program: readonly string[], folder: string): Promise<number> {
  const started = performance.now();
  const { code } = await new Deno.Command("sh", {
    args: ["-c", '"$@" out.cdb out.tmp <rules', "sh", ...program],
    cwd: folder,
  }).output();
  if (code !== 0) throw new Error(`${program.join(" ")} ended with ${code}`);
  return (performance.now() - started) / 1000;
}

function pssKb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`))?.[1]);
}

async function idle(program: readonly string[], folder: string): Promise<void> {
  const [file = "", ...args] = OURS;
  const server = new Deno.Command(file, {
    args: [...args, "tcpserver", "-1", "-RHl0", "-c", "1000", "-C", "0", "-b", "1000", "127.0.0.1", "0", ...program],
    stdin: "null",
    stdout: "piped",
    env: { INDIMAIL_ROOT: folder },
  }).spawn();
  const port = Number((await new Response(server.stdout).text()).trim());
  const connect = (count: number) =>
    Promise.all(Array.from({ length: count }, () => Deno.connect({ hostname: "127.0.0.1", port })));
  const settle = () => new Promise((resolve) => setTimeout(resolve, 1500));
  const first = await connect(200); // what the program needs once
  await settle();
  const before = pssKb(server.pid);
  const more = await connect(CONNECTIONS);
  await settle();
  const each = (pssKb(server.pid) - before) / CONNECTIONS;
  console.log(`${program.join(" ")}: ${each.toFixed(1)} KB for each of ${CONNECTIONS} idle connections`);
  for (const connection of [...first, ...more]) connection.close();
  server.kill("SIGKILL");
  await server.status;
}

async function main(): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/rules`, rulesText());
    const ours = await compile([...OURS, "tcprules"], folder);
    const theirs = await compile(["/usr/bin/tcprules"], folder);
    console.log(`${RULES} rules: ${ours.toFixed(2)} s, Debian's ${theirs.toFixed(2)} s`);
    await Deno.mkdir(`${folder}/etc/indimail/control`, { recursive: true });
    await Deno.writeTextFile(`${folder}/etc/indimail/control/me`, "mail.test\n");
    await idle(["addcr"], folder);
    await idle(["qmail-smtpd"], folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

await main();
