/** Unit tests of the environment as it is handed on: bytes that are no text survive. */
import { assertEquals } from "../tests/support/assert.ts";
import { escapedText } from "./environment.ts";
import { cString, preloadLibc } from "./libc/libc.ts";

preloadLibc();

Deno.test("any bytes come back from their text", () => {
  const samples = [[], [65, 66], [0xc3, 0xa9], [0xe9], [0xf0, 0x9f, 0x92, 0x80, 0xff], [0xef, 0xbb, 0xbf, 1]];
  samples.push(Array.from({ length: 255 }, (_, at) => at + 1));
  for (const bytes of samples) assertEquals([...cString(escapedText(Uint8Array.from(bytes)))], [...bytes, 0]);
  assertEquals(escapedText(new TextEncoder().encode("é💀")), "é💀");
});

Deno.test("a variable that is not UTF-8 reaches a child unchanged", async () => {
  const program = `
    import { wholeEnvironment } from ${JSON.stringify(import.meta.resolve("./environment.ts"))};
    import { execProcess } from ${JSON.stringify(import.meta.resolve("./libc/process.ts"))};
    execProcess("/usr/bin/env", ["env"], wholeEnvironment());`;
  const text = `BAD="$(printf 'a\\351b')" exec "$@" 2>&1 | grep -a ^BAD= | od -An -tx1`;
  const words = [Deno.execPath(), "run", "-A", "--no-check", `data:text/typescript,${encodeURIComponent(program)}`];
  const { stdout } = await new Deno.Command("sh", { args: ["-c", text, "sh", ...words] }).output();
  assertEquals(new TextDecoder().decode(stdout).trim(), "42 41 44 3d 61 e9 62 0a");
});
