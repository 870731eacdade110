/**
 * How fast constant databases are made and looked up, beside tinycdb (`cdb`) and freecdb (`cdbmake`) in the same run:
 * `deno run -A tests/bench/cdb_bench.ts [records] [big]`. With `big` also a 2 GB input and the memory that it takes.
 */
import { Cdb } from "../../storage/cdb/reader.ts";

const RECORDS_DEFAULT = 1_000_000;
const LOOKUPS = 2_000_000;
const BIG_RECORDS = 20_000_000;
const BIG_DATA_BYTES = 80;
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const OWN = Deno.env.get("INDIMAIL_BIN");

const encoder = new TextEncoder();

function keyOf(number: number): string {
  return `user${number}@example${number % 1000}.test`;
}

/** Writes records as text. */
async function writeInput(path: string, records: number, dataBytes: number): Promise<void> {
  const file = await Deno.open(path, { write: true, create: true });
  const data = "x".repeat(dataBytes);
  let text = "";
  const write = async () => {
    const bytes = encoder.encode(text);
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
    text = "";
  };
  for (let number = 0; number < records; number++) {
    const key = keyOf(number);
    text += `+${key.length},${dataBytes}:${key}->${data}\n`;
    if (text.length > 1 << 20) await write();
  }
  text += "\n";
  await write();
  file.close();
}

/** Runs a command of sh; its seconds and the most memory it had, in MB. */
async function measure(folder: string, command: string): Promise<{ seconds: number; megabytes: number }> {
  const start = performance.now();
  const timed = `command time -f %M -o '${folder}/memory' sh -c 'exec ${command}'`;
  const { success } = await new Deno.Command("sh", { args: ["-c", timed], cwd: folder, stderr: "inherit" }).output();
  if (!success) throw new Error(`${command} failed`);
  const seconds = (performance.now() - start) / 1000;
  const text = await Deno.readTextFile(`${folder}/memory`).catch(() => "NaN");
  return { seconds, megabytes: Number(text.trim()) / 1024 };
}

function lookups(path: string, records: number): number {
  const cdb = Cdb.open(path);
  const keys = Array.from(
    { length: 100_000 },
    (_, at) => encoder.encode(keyOf((Math.imul(at, 2654435761) >>> 0) % records)),
  );
  let bytes = 0;
  for (const key of keys) bytes += cdb.find(key)?.length ?? 0; // until it is compiled
  const start = performance.now();
  for (let number = 0; number < LOOKUPS; number++) bytes += cdb.find(keys[number % keys.length]!)?.length ?? 0;
  if (bytes < 0) throw new Error("unreachable");
  return LOOKUPS / ((performance.now() - start) / 1000);
}

const own = OWN === undefined
  ? `${Deno.execPath()} run -A --unstable-net --unstable-worker-options ${MAIN} cdbmake`
  : `${OWN} cdbmake`;
const folder = await Deno.makeTempDir({ prefix: "cdb-bench." });
try {
  const records = Number(Deno.args[0] ?? RECORDS_DEFAULT);
  await writeInput(`${folder}/input`, records, 20);
  const rows = [
    ["tinycdb", "cdb -c tiny.cdb input"],
    ["freecdb", "cdbmake free.cdb free.tmp <input"],
    ["ours", `${own} ours.cdb ours.tmp <input`],
  ] as const;
  const tiny = await measure(folder, rows[0][1]);
  for (const [name, command] of rows) {
    const { seconds, megabytes } = await measure(folder, command);
    const ratio = (seconds / tiny.seconds).toFixed(2);
    console.log(
      `make ${records} records: ${name} ${seconds.toFixed(2)} s (${ratio} of tinycdb), ${megabytes.toFixed(0)} MB`,
    );
  }
  const perSecond = lookups(`${folder}/ours.cdb`, records);
  console.log(`look-ups in process: ${Math.round(perSecond)} a second`);
  if (Deno.args.includes("big")) {
    await writeInput(`${folder}/big`, BIG_RECORDS, BIG_DATA_BYTES);
    const { size } = await Deno.stat(`${folder}/big`);
    const big = await measure(folder, `${own} big.cdb big.tmp <big`);
    console.log(
      `make of ${(size / 2 ** 30).toFixed(2)} GB: ${big.seconds.toFixed(1)} s, ${big.megabytes.toFixed(0)} MB`,
    );
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}
