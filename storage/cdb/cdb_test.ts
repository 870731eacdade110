/** The cdb codec against itself and against Debian's tinycdb and freecdb, both ways. */
import { assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { Temporary } from "../../core/errors.ts";
import { realDisk } from "../disk.ts";
import { Cdb, CdbFile } from "./reader.ts";
import { writeCdb } from "./writer.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

function sampleRecords(count: number): [Uint8Array, Uint8Array][] {
  const records: [Uint8Array, Uint8Array][] = [];
  for (let at = 0; at < count; at++) {
    records.push([bytes(`key${at % 900}`), bytes(`value ${at} ${"x".repeat(at % 40)}`)]);
  }
  return records;
}

function cdbmakeText(records: readonly [Uint8Array, Uint8Array][]): string {
  const decoder = new TextDecoder();
  return records.map(([key, data]) => `+${key.length},${data.length}:${decoder.decode(key)}->${decoder.decode(data)}\n`)
    .join("") + "\n";
}

async function run(program: string, args: string[], input: string): Promise<Uint8Array> {
  const child = new Deno.Command(program, { args, stdin: "piped", stdout: "piped", stderr: "inherit" }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(bytes(input));
  await writer.close();
  const { code, stdout } = await child.output();
  assertEquals(code, 0, `${program} ${args.join(" ")}`);
  return stdout;
}

Deno.test("what is written is found again, duplicates in order, and a missing key is undefined", async () => {
  const folder = await Deno.makeTempDir();
  const records = sampleRecords(2000);
  await writeCdb(realDisk, `${folder}/a.cdb`, records);
  const cdb = Cdb.open(`${folder}/a.cdb`);
  assertEquals(cdb.findAll(bytes("key5")).map((data) => new TextDecoder().decode(data)).map((text) => text.trim()), [
    `value 5 ${"x".repeat(5)}`,
    `value 905 ${"x".repeat(25)}`,
    `value 1805 ${"x".repeat(5)}`,
  ]);
  assertEquals(cdb.find(bytes("absent")), undefined);
  assertEquals([...cdb.records()].length, 2000);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("the file is byte-equal to tinycdb's and freecdb's, and each reads the other's", async () => {
  const folder = await Deno.makeTempDir();
  const records = sampleRecords(3000);
  await writeCdb(realDisk, `${folder}/ours.cdb`, records);
  await run("cdb", ["-c", `${folder}/tiny.cdb`], cdbmakeText(records));
  await run("cdbmake", [`${folder}/free.cdb`, `${folder}/free.tmp`], cdbmakeText(records));
  const ours = await Deno.readFile(`${folder}/ours.cdb`);
  assertEquals(ours, await Deno.readFile(`${folder}/tiny.cdb`));
  assertEquals(ours, await Deno.readFile(`${folder}/free.cdb`));
  assertEquals(new TextDecoder().decode(await run("cdb", ["-d", `${folder}/ours.cdb`], "")), cdbmakeText(records));
  assertEquals(Cdb.open(`${folder}/free.cdb`).find(bytes("key7")), records[7]![1]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a truncated file is a temporary error wherever it ends", async () => {
  const folder = await Deno.makeTempDir();
  await writeCdb(realDisk, `${folder}/a.cdb`, sampleRecords(20));
  const whole = await Deno.readFile(`${folder}/a.cdb`);
  assertThrows(() => new Cdb(whole.subarray(0, 100), "a.cdb"), Temporary);
  for (let length = 2048; length < whole.length; length += 7) {
    const cdb = new Cdb(whole.subarray(0, length), "a.cdb");
    assertThrows(() => {
      for (let at = 0; at < 20; at++) cdb.find(bytes(`key${at}`));
      for (const record of cdb.records()) record.key;
    }, Temporary);
  }
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a changed file is read again; one that believes its last look shows the old for that long", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/x.cdb`;
    const key = Uint8Array.of(1);
    const write = (value: number) => writeCdb(realDisk, path, [[key, Uint8Array.of(...Array(value).fill(value))]]);
    const [fresh, trusting] = [new CdbFile(path), new CdbFile(path, { trustMs: 1_000_000 })];
    assertEquals([fresh.current(), trusting.current()], [undefined, undefined]);
    await write(1);
    assertEquals([fresh.current()?.find(key), trusting.current()?.find(key)], [Uint8Array.of(1), Uint8Array.of(1)]);
    await write(2);
    assertEquals([fresh.current()?.find(key), trusting.current()?.find(key)], [Uint8Array.of(2, 2), Uint8Array.of(1)]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
