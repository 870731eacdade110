/**
 * Control files for programs that know nothing of an installation but its control folder: lines as latin1 text, read when
 * asked for [man indimail-control.9].
 */
import { latin1Text } from "./bytes.ts";
import { errorText, Temporary } from "./errors.ts";

/** Bytes of a control file above which it is refused. Ours. */
const CONTROL_BYTES_MAX = 64 * 1024 * 1024;

function controlText(folder: string, name: string): string | undefined {
  try {
    const { size } = Deno.statSync(`${folder}/${name}`);
    if (size > CONTROL_BYTES_MAX) throw new Temporary(`it is larger than ${CONTROL_BYTES_MAX} bytes`);
    return latin1Text(Deno.readFileSync(`${folder}/${name}`));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`unable to read ${folder}/${name}: ${errorText(error)}`);
  }
}

/** The first line without white space at its end; undefined when the file is absent or has none. Throws Temporary. */
export function controlLine(folder: string, name: string): string | undefined {
  return controlText(folder, name)?.split("\n", 1)[0]?.replace(/\s+$/, "") || undefined;
}

/** All lines but empty ones and comments; undefined when the file is absent. Throws Temporary. */
export function controlLines(folder: string, name: string): readonly string[] | undefined {
  return controlText(folder, name)?.split("\n").map((line) => line.replace(/\s+$/, ""))
    .filter((line) => line !== "" && !line.startsWith("#"));
}
