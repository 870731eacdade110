/**
 * The environment that programs give to what queues mail: variables in files of ~/.defaultqueue and of the control folder
 * defaultqueue, read as envdir reads a folder [man uenv.9].
 */
import { errorText, Temporary } from "./errors.ts";

/** Variables of one folder. */
const VARIABLES_MAX = 10_000;

type Environment = Readonly<Record<string, string>>;

/**
 * `environment` with the folder's variables: the first line of each file, blanks at its end removed, NUL as line end; an
 * empty file removes. Undefined when there is no such folder. Throws Temporary naming what cannot be read.
 */
export function withFolder(environment: Environment, folder: string): Record<string, string> | undefined {
  const result = { ...environment };
  try {
    let count = 0;
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      if (isDirectory || name.startsWith(".") || name.includes("=")) continue;
      if (++count > VARIABLES_MAX) throw new Temporary(`it holds more than ${VARIABLES_MAX} variables`);
      const text = Deno.readTextFileSync(`${folder}/${name}`);
      if (text === "") delete result[name];
      else result[name] = text.split("\n", 1)[0]!.replace(/[ \t]+$/, "").replaceAll("\0", "\n");
    }
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Temporary(`unable to read variables from ${folder}: ${errorText(error)}`);
  }
  return result;
}

/**
 * The environment for what queues mail: ~/.defaultqueue unless SKIP_LOCAL_ENVIRONMENT is set; then, without QUEUE_BASE,
 * defaultqueue of the control folder. `base` is what it starts from, where that is not the environment itself.
 */
export function queueEnvironment(environment: Environment, control: string, base = environment): Environment {
  const home = environment.HOME;
  const own = home && environment.SKIP_LOCAL_ENVIRONMENT === undefined
    ? withFolder(base, `${home}/.defaultqueue`)
    : undefined;
  const result = own ?? base;
  if (result.QUEUE_BASE !== undefined) return result;
  return withFolder(result, `${control}/defaultqueue`) ?? result;
}
