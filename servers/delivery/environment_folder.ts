/**
 * Sets variables from the files of a folder, as envdir does: the `%folder` line of a .qmail file.
 */
import { latin1Text } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";

/** Variables of one folder. */
const VARIABLES_MAX = 10_000;

/** `environment` with the folder's variables: the first line of each file; an empty file removes. */
export function readEnvironmentFolder(
  folder: string,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const result = { ...environment };
  try {
    let count = 0;
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (!isFile || name.startsWith(".") || name.includes("=")) continue;
      if (++count > VARIABLES_MAX) throw new Temporary(`${folder} holds more than ${VARIABLES_MAX} variables`);
      const text = latin1Text(Deno.readFileSync(`${folder}/${name}`));
      if (text === "") delete result[name];
      else result[name] = text.split("\n", 1)[0]!.replace(/[ \t]+$/, "").replaceAll("\0", "\n");
    }
  } catch (error) {
    if (error instanceof Temporary) throw error;
    throw new Temporary(`cannot read environment folder ${folder}: ${(error as Error).message}`);
  }
  return result;
}
