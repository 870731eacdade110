/** What the runtime under test can do. */
import { isCompiledRun } from "./installation.ts";

/** Oldest runtime on which server-side STARTTLS works [spec deno, TLS]. */
const STARTTLS_SINCE = [2, 8] as const;

/** True when the server under test can take a plain connection to TLS. */
export function hasStartTls(): boolean {
  const version = isCompiledRun ? compiledVersion() : Deno.version.deno;
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > STARTTLS_SINCE[0] || (major === STARTTLS_SINCE[0] && minor >= STARTTLS_SINCE[1]);
}

/** The Deno version inside of the compiled binary, as `indimail --version` tells it. */
function compiledVersion(): string {
  const { stdout } = new Deno.Command(Deno.env.get("INDIMAIL_BIN")!, { args: ["--version"] }).outputSync();
  return /Deno (\d+\.\d+\.\d+)/i.exec(new TextDecoder().decode(stdout))?.[1] ?? "0";
}
