/** ctrlenv: runs a program with variables that a control file has for an address. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { latin1Text } from "../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { Cdb } from "../../storage/cdb/reader.ts";
import { applyAssignments, findInCdb, findInText } from "./assignments.ts";

/** Bytes of a value that a database may give. */
const VALUE_BYTES_MAX = 64 * 1024;

/** Asks sql-database, which knows the SQL server: it prints the value. */
async function findInSql(proc: Pick<Proc, "spawn">, file: string, address: string): Promise<string | undefined> {
  const child = await proc.spawn({
    program: "sql-database",
    args: ["--find", address, file],
    fds: { 0: "null", 1: "pipe-out", 2: 2 },
  });
  const reader = child.readers.get(1)!;
  const bytes = new Uint8Array(VALUE_BYTES_MAX);
  let used = 0;
  for (let count = await reader.read(bytes); count !== null; count = await reader.read(bytes.subarray(used))) {
    used += count;
    if (used === bytes.length) throw new Temporary(`the value of ${address} is longer than ${VALUE_BYTES_MAX} bytes`);
  }
  reader.close();
  const { code, signal } = await child.ended;
  if (code === 100 && signal === 0) return undefined;
  if (code !== 0 || signal !== 0) throw new Temporary(`sql-database could not look ${address} up in ${file}`);
  return latin1Text(bytes.subarray(0, used));
}

function find(proc: Pick<Proc, "spawn" | "paths">, file: string, address: string): Promise<string | undefined> {
  if (file.endsWith(".sql")) return findInSql(proc, file, address);
  const path = file.startsWith("/") ? file : `${proc.paths.control}/${file}`;
  try {
    if (file.endsWith(".cdb")) return Promise.resolve(findInCdb(Cdb.open(path), address));
    return Promise.resolve(findInText(latin1Text(Deno.readFileSync(path)), address));
  } catch (error) {
    if (error instanceof Temporary) throw error;
    if (error instanceof Deno.errors.NotFound) return Promise.resolve(undefined);
    throw new Temporary(`unable to read ${path}: ${errorText(error)}`);
  }
}

export const applet = defineApplet({
  names: ["ctrlenv"],
  section: 8,
  summary: "run a program with variables that a control file has for an address",
  role: "tool",
  dialect: "chain",
  options: {
    clear: { flag: "c", help: "the child begins with an empty environment" },
    file: { flag: "f", value: "filename", help: "control file; FILENAME.cdb is a database made by cdb-database" },
    variable: { flag: "e", value: "variable", help: "the line's value is what this variable is set to" },
    address: { flag: "a", value: "address", help: "the address that is looked up" },
  },
  operands: [
    { name: "child", help: "program to run" },
    { name: "argument", help: "its arguments", optional: true, repeat: true },
  ],
  stopsAtOperand: true,
  description:
    `ctrlenv looks the address up in the control file and becomes the child, with what the line says set. A line is
=ADDRESS:VALUE: or +PREFIX:VALUE: (or ADDRESS:VALUE:); in a text file the first that covers the address counts, in a .cdb the
exact one, then the longest prefix. A filename ending in .sql is a table that sql-database made.

Without -e the value is a list of assignments NAME=VALUE separated by commas: NAME= removes the variable, \\, is a comma.
Where no line covers the address the child gets the environment as it is.`,
  exits: { "111": "the control file cannot be read or the child cannot be run; else the exit code is the child's" },
  files: { "control/filename": "assignments" },
  examples: [{ command: "ctrlenv -f signers -e DKIMSIGN -a joe@example.com env", help: "shows what is set" }],
  seeAlso: ["cdb-database(8)", "sql-database(8)", "envdir(8)"],
  source: ["[man ctrlenv.9]"],
  async run(proc) {
    const { file, address, variable, clear } = proc.options;
    if (file === undefined) throw new Usage("missing -f filename");
    if (address === undefined) throw new Usage("missing -a address");
    const value = await find(proc, file, address);
    const base = clear ? {} : proc.env.all();
    const environment = value === undefined
      ? base
      : variable === undefined
      ? applyAssignments(base, value)
      : { ...base, [variable]: value };
    return proc.exec(proc.args[0] ?? "", proc.args.slice(1), environment);
  },
});
