/** An installation on which arguments that are none are tried: each must be refused clearly, and nothing be changed. */
import { latin1Text } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { resolvePaths } from "../../core/paths.ts";
import { openSqlite } from "../../storage/accounts/sqlite.ts";
import { type AppletCall, callApplet } from "./applet_call.ts";
import { assertEquals } from "./assert.ts";

/** Longest message: it shows the argument that it refuses. */
const MESSAGE_CHARACTERS_MAX = 1000;

/** A place of a command's line and what is none of its kind. */
export interface TriedPlace {
  readonly values: readonly string[];
  line(value: string): readonly [string, ...string[]];
  stdin?(value: string): string;
}

function filesOf(folder: string, into: Map<string, string> = new Map()): Map<string, string> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (/sqlite(-wal|-shm)?$/.test(path)) continue;
    into.set(path, entry.isFile ? latin1Text(Deno.readFileSync(path)) : "");
    if (entry.isDirectory) filesOf(path, into);
  }
  return into;
}

/** All files and rows. Tables that are made when they are first asked for are no change. */
async function stateOf(folder: string): Promise<string> {
  const database = openSqlite(resolvePaths(`${folder}/site`, () => undefined).database);
  const lines: string[] = [...filesOf(folder)].map((entry) => JSON.stringify(entry));
  const tables = await database.query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
  );
  for (const { name } of tables) {
    for (const row of await database.query(`SELECT * FROM ${name}`)) lines.push(`${name} ${JSON.stringify(row)}`);
  }
  await database.close();
  return lines.sort().join("\n");
}

/** What is wrong with a refusal; undefined when nothing is. */
function problemOf({ error, code, stdout }: AppletCall): string | undefined {
  if (!error) return `was accepted: ${code} ${stdout}`;
  if (!(error instanceof Permanent) && !(error instanceof Usage)) return `a surprise: ${error.stack}`;
  const { message } = error;
  if (message === "" || message.length > MESSAGE_CHARACTERS_MAX) return `${message.length} characters are no message`;
  if (/\p{Cc}/u.test(message)) return `control characters in ${JSON.stringify(message)}`;
  return /SQL|UNIQUE|constraint/i.test(message) ? `not in the user's words: ${message}` : undefined;
}

/** Makes an installation by command lines, tries all places, and gives what is wrong. */
export async function tryArguments(
  made: readonly (readonly [string, ...string[]])[],
  places: readonly TriedPlace[],
): Promise<readonly string[]> {
  const folder = await Deno.makeTempDir({ prefix: "arguments-" });
  const root = `${folder}/site`;
  try {
    await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
    await Deno.writeTextFile(`${root}/etc/indimail/control/me`, "mx.example.org\n");
    const where = { root, env: { BASE_PATH: `${root}/home` } };
    for (const line of made) assertEquals((await callApplet(line, where)).error, undefined, line.join(" "));
    let before = await stateOf(folder);
    const problems: string[] = [];
    for (const place of places) {
      for (const value of place.values) {
        const line = place.line(value);
        const stdin = place.stdin?.(value) ?? "";
        const problem = problemOf(await callApplet(line, { ...where, stdin }));
        if (problem !== undefined) problems.push(`${JSON.stringify([...line, stdin])}: ${problem}`);
      }
      const after = await stateOf(folder);
      if (after !== before) problems.push(`${JSON.stringify(place.line("VALUE"))} changed something`);
      before = after;
    }
    return problems;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
