/** Unit tests of soft limits: the variable in which they wait, and setting them for another process. */
import { preloadLibc } from "./libc.ts";
import { formatLimits, parseLimits, setLimits, softLimit, takePendingLimits, UNLIMITED } from "./limits.ts";
import { spawnForTests } from "../../tests/support/spawn.ts";
import { assert, assertEquals } from "../../tests/support/assert.ts";

preloadLibc();

Deno.test("limits come back from their variable; what is malformed does not", () => {
  const limits = parseLimits("a=3000000,o==,t=0");
  assertEquals([...limits], [["a", 3_000_000n], ["o", "="], ["t", 0n]]);
  assertEquals(formatLimits(limits), "a=3000000,o==,t=0");
  assertEquals([...parseLimits("z=1,a=x,=,c=5")], [["c", 5n]]);
  assertEquals([...parseLimits(formatLimits(new Map([["s", UNLIMITED]])))], [["s", UNLIMITED]]);
});

Deno.test("a program of ours gets only limits that it can bear, another one all", () => {
  const env = { A: "b", INDIMAIL_SOFTLIMIT: "a=3000000,t=5" };
  const own = takePendingLimits(env, { own: true });
  assertEquals([own.env, [...own.limits]], [{ A: "b", INDIMAIL_SOFTLIMIT: "a=3000000" }, [["t", 5n]]]);
  const other = takePendingLimits(env, { own: false });
  assertEquals([other.env, other.limits.size], [{ A: "b" }, 2]);
  assertEquals(takePendingLimits({ A: "b" }, { own: false }).limits.size, 0);
});

Deno.test("a limit above the hard one becomes it, and a process that is gone is no error", () => {
  const before = softLimit("c");
  setLimits(new Map([["c", before]]));
  assertEquals(softLimit("c"), before);
  setLimits(new Map([["c", 1n]]), 2 ** 22 + 1);
});

Deno.test("a child that is started gets the limits that wait", async () => {
  const env = { PATH: "/usr/bin:/bin", INDIMAIL_SOFTLIMIT: "o=33" };
  const args = ["-c", "read line; ulimit -n; env | grep -c SOFTLIMIT"];
  const child = await spawnForTests({ program: "sh", args, env, fds: { 0: "pipe-in", 1: "pipe-out", 2: 2 } });
  await child.writers.get(0)?.write(new Uint8Array([10])); // the limit is set just after the start
  child.writers.get(0)?.close();
  const buffer = new Uint8Array(100);
  let text = "";
  for (
    let count = await child.readers.get(1)!.read(buffer);
    count !== null;
    count = await child.readers.get(1)!.read(buffer)
  ) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  child.readers.get(1)?.close();
  await child.ended;
  assert(text === "33\n0\n", text);
});
