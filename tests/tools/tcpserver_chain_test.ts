/**
 * The chain of a run file as people write it: envdir, setuidgid, softlimit, tcpserver, fixcrio, a program. Every limit of
 * memory must let our own programs run and hold for the foreign one at the end. With root it changes account, too.
 */
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { assertEquals } from "../support/assert.ts";
import { isCompiledRun } from "../support/installation.ts";
import { killChild } from "../support/kill_child.ts";

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const PROGRAMS = isCompiledRun
  ? [Deno.realPathSync(Deno.env.get("INDIMAIL_BIN")!)]
  : [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN];
const isRoot = Deno.uid() === 0;
/** Bytes, and what `ulimit -v` says of them. */
const LIMIT = 100_000_000;
const KILOBYTES = Math.floor(LIMIT / 1024);
/** In the checkout another account cannot read the runtime's cache. */
const CHANGE = isRoot && isCompiledRun ? ["setuidgid", "nobody"] : [];
const ID = CHANGE.length > 0 ? "65534" : String(Deno.uid());

for (
  const [limits, shown] of [
    [["-m", String(LIMIT)], String(KILOBYTES)],
    [["-a", String(LIMIT)], String(KILOBYTES)],
    [["-d", String(LIMIT), "-s", "4000000"], "unlimited"],
  ] as const
) {
  Deno.test(`a server behind softlimit ${limits[0]} runs, and its program has the limit`, async () => {
    const folder = await Deno.makeTempDir();
    await Deno.writeTextFile(`${folder}/COLOUR`, "blue\n");
    await Deno.chmod(folder, 0o755);
    const [file = "", ...before] = PROGRAMS;
    const child = new Deno.Command(file, {
      args: [
        ...[...before, "envdir", folder, ...CHANGE, "softlimit", ...limits],
        ...["tcpserver", "-1", "-HRl0", "127.0.0.1", "0", "fixcrio"],
        ...["sh", "-c", "read line; echo $line $COLOUR $(id -u) $(ulimit -v)"],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    try {
      const port = Number((await new Response(child.stdout).text()).trim());
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      await connection.write(new TextEncoder().encode("hello\n"));
      assertEquals(await new Response(connection.readable).text(), `hello\r blue ${ID} ${shown}\r\n`);
    } finally {
      killChild(child, "SIGTERM");
      await child.status;
      await Deno.remove(folder, { recursive: true });
    }
  });
}
