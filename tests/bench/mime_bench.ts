/**
 * Seconds that the message tools need, beside Debian's programs of the same name in the same run:
 * `deno run -A tests/bench/mime_bench.ts`. Ours runs from INDIMAIL_BIN, or from the checkout. A message with one large
 * part, one with many small ones, and the start of a program on next to nothing. Prints ratios.
 */
const OURS = Deno.env.get("INDIMAIL_BIN");
const ROOT = new URL("../../", import.meta.url).pathname;
const CHECKOUT = ["run", "-A", "--no-check", "--unstable-net", "--unstable-worker-options", `${ROOT}main.ts`];
const LARGE_BYTES = 60_000_000;
const PARTS = 2000;
const ROUNDS = 3;

/** A command line, for the shell to redirect. */
interface Job {
  readonly name: string;
  readonly program: string;
  /** Arguments; FOLDER stands for an empty one. */
  readonly args: readonly string[];
}

async function seconds(program: string, args: readonly string[], cwd: string): Promise<number> {
  const start = performance.now();
  const { code, stderr } = await new Deno.Command(program, { args: [...args], cwd, stdout: "null" }).output();
  if (code !== 0) throw new Error(`${program} ${args.join(" ")}: ${code} ${new TextDecoder().decode(stderr)}`);
  return (performance.now() - start) / 1000;
}

/** The best of some rounds, each into a folder of its own. */
async function best(job: Job, cwd: string, ours: boolean): Promise<number> {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    const folder = await Deno.makeTempDir({ dir: cwd });
    const args = job.args.map((arg) => arg.replace("FOLDER", folder));
    const time = !ours
      ? await seconds(`/usr/bin/${job.program}`, args, cwd)
      : OURS === undefined
      ? await seconds(Deno.execPath(), [...CHECKOUT, job.program, ...args], cwd)
      : await seconds(OURS, [job.program, ...args], cwd);
    best = Math.min(best, time);
    await Deno.remove(folder, { recursive: true });
  }
  return best;
}

async function writeMessages(folder: string): Promise<void> {
  const bytes = new Uint8Array(LARGE_BYTES);
  for (let at = 0; at < LARGE_BYTES; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  await Deno.writeFile(`${folder}/large.bin`, bytes);
  const part = "--xx\nContent-Type: image/png; name=x.png\nContent-Transfer-Encoding: base64\n\n" +
    `${"QUJD".repeat(18)}\n`.repeat(20);
  await Deno.writeTextFile(
    `${folder}/many`,
    `Content-Type: multipart/mixed; boundary=xx\n\n${part.repeat(PARTS)}--xx--\n`,
  );
  await Deno.writeTextFile(`${folder}/small`, "Subject: small\n\nhello\n");
  await new Deno.Command("/usr/bin/mpack", { args: ["-s", "large", "-o", "large", "large.bin"], cwd: folder }).output();
}

const JOBS: readonly Job[] = [
  { name: "ripmime, a part of 60 MB", program: "ripmime", args: ["-i", "large", "-d", "FOLDER"] },
  { name: `ripmime, ${PARTS} parts`, program: "ripmime", args: ["-i", "many", "-d", "FOLDER", "--overwrite"] },
  { name: "ripmime, 20 bytes", program: "ripmime", args: ["-i", "small", "-d", "FOLDER"] },
  { name: "munpack, a part of 60 MB", program: "munpack", args: ["-q", "-C", "FOLDER", "../large"] },
  { name: `munpack, ${PARTS} parts`, program: "munpack", args: ["-f", "-C", "FOLDER", "../many"] },
  { name: "mpack, a file of 60 MB", program: "mpack", args: ["-s", "x", "-o", "FOLDER/out", "large.bin"] },
];

const folder = await Deno.makeTempDir({ prefix: "indimail-mime-bench." });
try {
  await writeMessages(folder);
  for (const job of JOBS) {
    const theirs = await best(job, folder, false);
    const ours = await best(job, folder, true);
    console.log(
      `${job.name.padEnd(28)} ours ${ours.toFixed(2)} s, Debian's ${theirs.toFixed(2)} s: ${
        (ours / theirs).toFixed(2)
      }x`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
