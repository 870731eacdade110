/** How tests start our program: from the checkout, or the executable that INDIMAIL_BIN names. */

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const FLAGS = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", MAIN];

/** The program with its first arguments; the name of an applet comes next. */
export function ownProgram(): readonly string[] {
  const binary = Deno.env.get("INDIMAIL_BIN");
  return binary === undefined ? [Deno.execPath(), ...FLAGS] : [binary];
}

/** The whole command line of an applet, wherever it is started. */
export function ownCommand(...args: readonly string[]): readonly [string, ...string[]] {
  const binary = Deno.env.get("INDIMAIL_BIN");
  return binary === undefined ? [Deno.execPath(), ...FLAGS, ...args] : [Deno.realPathSync(binary), ...args];
}

/** An executable script at `path` that runs an applet with a whole environment: for callers that hand none on. */
export async function writeOwnScript(path: string, applet: string, root: string): Promise<void> {
  const kept = ["HOME", "PATH", "DENO_DIR", "DENO_TLS_CA_STORE"].map((name) => [name, Deno.env.get(name)] as const);
  const variables = kept.filter(([, value]) => value !== undefined).map(([name, value]) => `${name}='${value}'`);
  const script = `#!/bin/sh\nexport ${variables.join(" ")} INDIMAIL_ROOT='${root}'\n` +
    `exec ${ownProgram().join(" ")} ${applet} "$@"\n`;
  await Deno.writeTextFile(path, script);
  await Deno.chmod(path, 0o755);
}
