/** The completion scripts, loaded by the shells themselves: names behind indimail, options behind a program. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { completionScript, type CompletionShell } from "../../core/completion.ts";
import { command } from "../support/installation.ts";
import { APPLETS } from "../../applets.ts";

const QUESTIONS = ["indimail vaddu", "indimail serve --", "vadduser -", "indimail completion "];

/** Prints what completes each question, separated by lines of dashes. */
const DRIVERS: Readonly<Record<Exclude<CompletionShell, "zsh">, string>> = {
  bash: `. "$1"; shift
for line in "$@"; do
  read -ra COMP_WORDS <<<"$line"; [[ $line == *" " ]] && COMP_WORDS+=("")
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); complete -p "\${COMP_WORDS[0]}" >/dev/null || exit 1
  _indimail; printf '%s\\n' "\${COMPREPLY[@]}" ---
done`,
  fish: `source $argv[1]
for line in $argv[2..]; complete -C $line | string replace -r '\\t.*' ''; echo ---; end`,
};

async function scriptOf(shell: CompletionShell): Promise<string> {
  const loaded = await Promise.all(APPLETS.map((entry) => entry.load()));
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, completionScript(shell, loaded.map(({ applet }) => applet)));
  return path;
}

async function runShell(shell: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stdout, stderr } = await command(shell, args);
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
    return stdout;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`SKIPPED: completion in ${shell}, which is not installed`);
    return undefined;
  }
}

for (const shell of ["bash", "fish"] as const) {
  Deno.test(`${shell} completes programs, their options and the shells`, async () => {
    const script = await scriptOf(shell);
    try {
      const own = shell === "bash" ? ["--norc", "-c", DRIVERS.bash, shell] : ["--no-config", "-c", DRIVERS.fish];
      const said = await runShell(shell, [...own, script, ...QUESTIONS]);
      if (said === undefined) return;
      const [program, serve, vadduser, shells] = said.split("---\n").map((block) => block.trim().split("\n").sort());
      assertEquals(program, ["vadduser"]);
      assert(serve?.includes("--port-offset") && !serve.includes("--list"), said);
      assert(vadduser?.includes("-q"), said);
      assertEquals(shells, ["bash", "fish", "zsh"]);
    } finally {
      await Deno.remove(script);
    }
  });
}

Deno.test("zsh reads its script, by eval and as a function of its own", async () => {
  const script = await scriptOf("zsh");
  try {
    const ask = 'compdef() { print -r -- $2 }; eval "$(<$1)" && print -r -- ${functions[_indimail]}';
    const said = await runShell("zsh", ["-f", "-c", ask, "zsh", script]);
    if (said === undefined) return;
    assertMatch(said, /^indimail\n[^]*--port-offset/);
  } finally {
    await Deno.remove(script);
  }
});
