/** The systemd unit, as far as it can be judged without systemd running: its syntax, and how much it leaves open. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command } from "../support/installation.ts";

const UNIT = new URL("../../scripts/indimail.service", import.meta.url).pathname;
/** Of 10; a service that starts as root and changes accounts cannot come far below. */
const EXPOSURE_MAX = 5;

async function analyze(args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await command("systemd-analyze", args);
    return stdout + stderr;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error("SKIPPED: the systemd unit, since there is no systemd-analyze (Debian: systemd)");
    return undefined;
  }
}

Deno.test("the systemd unit is well formed and closes what the server does not need", async () => {
  const folder = await Deno.makeTempDir();
  try {
    // neither the executable nor the manual page need be installed here
    const text = (await Deno.readTextFile(UNIT)).replace(/^Documentation=.*\n/m, "");
    assertMatch(text, /^ExecStart=\/usr\/local\/bin\/indimail serve$/m);
    const copy = `${folder}/indimail.service`;
    await Deno.writeTextFile(copy, text.replaceAll("/usr/local/bin/indimail", "/bin/true"));
    const said = await analyze(["verify", copy]);
    if (said === undefined) return;
    assertEquals(said, "");
    const security = await analyze(["security", "--offline=true", copy]) ?? "";
    const exposure = Number(/exposure level for indimail\.service: ([\d.]+)/.exec(security)?.[1]);
    assert(exposure <= EXPOSURE_MAX, security);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
