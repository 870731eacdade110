/** Pairs that do not fit into memory make the same hash tables, and leave no file. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { TABLES } from "./hash.ts";
import { HashPairs } from "./hash_pairs.ts";

const PAIRS = 20_000;

Deno.test("tables are the same whether pairs wait in memory or in a file", async () => {
  const folder = await Deno.makeTempDir();
  const [kept, spilled] = [new HashPairs(), new HashPairs({ memoryPairsMax: 4096 })];
  let spills = 0;
  for (let at = 0; at < PAIRS; at++) {
    // most go to table 7, so that its blocks fill
    const hash = (Math.imul(at, 2654435761) & ~255 | (at % 50 === 0 ? at & 255 : 7)) >>> 0;
    for (const pairs of [kept, spilled]) pairs.add(hash, 2048 + at * 10);
    if (!spilled.crowded) continue;
    await spilled.spill(realDisk, `${folder}/a`);
    spills++;
  }
  assert(spills > 1);
  assertEquals(kept.crowded, false);
  assertEquals([...Deno.readDirSync(folder)], []);
  for (let table = 0; table < TABLES; table++) {
    assertEquals(spilled.slots(table), kept.slots(table));
    assertEquals(await spilled.tableBytes(table), await kept.tableBytes(table));
  }
  spilled.close();
  await Deno.remove(folder);
});
