/** envdir: runs a program with variables from the files of a folder [man envdir.8]. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { findProgram } from "../../core/self.ts";
import { CHILD_OPERANDS, execChild } from "./chain.ts";
import { EnvFolder } from "./env_folder.ts";

/** The program. */
export const applet = defineApplet({
  names: ["envdir"],
  section: 8,
  summary: "run a program with its environment changed by the files of a folder",
  role: "tool",
  dialect: "chain",
  hosted: "chain",
  options: {
    clear: { flag: "c", help: "begin with an empty environment" },
    ignore: { flag: "i", help: "leave out files that this user may not read" },
    path: { flag: "p", help: "look for child in the PATH that the folder sets, too" },
    warn: { flag: "w", help: "after an error warn, leave the environment as it was and run child" },
  },
  operands: [{ name: "folder", help: "folder with a file for each variable" }, ...CHILD_OPERANDS],
  stopsAtOperand: true,
  description:
    `envdir sets a variable for each file of the folder, named as the file, to its first line without blanks at the end, and
becomes child. A NUL in the line becomes a newline. An empty file, or a link to nowhere, removes the variable. A file whose
name holds = is left out with a warning, those that begin with a dot are left out.

Three names are special, and what the other files of the folder say overrides them. .envdir, a folder or a link to one, is
read first in the same way; .envdir, a file, names such folders, one in a line. .envfile has a variable in each line,
name=value; blank lines, spaces at the start of a line and lines that begin with # count for nothing, a line without =
removes that variable. No folder is read twice.`,
  exits: { "111": "the folder or a file cannot be read, or child cannot be run; else the exit code is that of child" },
  examples: [{ command: "envdir -c /service/x/variables /usr/bin/env", help: "show what a folder sets" }],
  seeAlso: ["setuidgid(8)", "envuidgid(8)", "softlimit(8)"],
  source: ["[man envdir.8]"],
  async run(proc) {
    const [folder = "", ...child] = proc.args;
    const { clear, ignore, path, warn } = proc.options;
    const warnings: string[] = [];
    let env = proc.env.all();
    try {
      const changes = new EnvFolder({ ignoreUnreadable: ignore, warn: (text) => warnings.push(text) }).read(folder);
      env = changed(clear ? {} : env, changes);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      if (!warn) throw new Temporary(errorText(error));
      warnings.push(errorText(error));
    }
    const text = warnings.map((line) => `${proc.name}: warning: ${line}\n`).join("");
    if (text !== "") await proc.stderr.write(new TextEncoder().encode(text));
    const program = child[0] ?? "";
    if (path && env.PATH !== undefined && !await proc.applet(program)) {
      const file = findProgram(program, env.PATH);
      if (file === undefined) throw new Temporary(`unable to run ${program}: not found in the PATH of ${folder}`);
      return execChild(proc, [file, ...child.slice(1)], env);
    }
    return execChild(proc, child, env);
  },
});

function changed(
  env: Readonly<Record<string, string>>,
  changes: ReadonlyMap<string, string | undefined>,
): Record<string, string> {
  const result = { ...env };
  for (const [name, value] of changes) {
    if (value === undefined) delete result[name];
    else result[name] = value;
  }
  return result;
}
