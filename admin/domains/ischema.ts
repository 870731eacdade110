/**
 * ischema: shows which schema the accounts' database has, and applies what a schema file has beyond that.
 */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import { type Command, COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { parseSchemaFile, schemaId, type SchemaLine, upgradeSchema } from "../../storage/accounts/tables/ischema.ts";

/** Beside the control folder. */
const SCHEMA_FILE = "indimail.schema";

export const applet = defineApplet({
  names: ["ischema"],
  section: 8,
  summary: "show or upgrade the schema of the accounts' database",
  role: "admin",
  dialect: "qmail",
  options: { upgrade: { flag: "u", help: "apply what is missing" } },
  description:
    "The number of the last applied step is in the table ischema. With -u the steps that this version knows are applied, " +
    "then the lines of indimail.schema with higher numbers, in their order; each is recorded when it is done, so that a " +
    "run that was interrupted goes on where it ended. A line is ID:sql or cmd:YES or NO (ignore errors):comment:statement.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  files: { [`etc/indimail/${SCHEMA_FILE}`]: "steps of the site" },
  exits: { 0: "done", 100: "wrong usage", 111: "the database cannot be reached, or a step failed" },
  seeAlso: ["install_tables(8)"],
  source: ["[man ischema.9]", "[spec tables, schema history]"],
  async run(proc) {
    const text = await withCommand(proc, {}, async (command) => {
      const { database } = command.accounts;
      if (!proc.options.upgrade) return `${await schemaId(database)}\n`;
      await upgradeSchema(database);
      const lines: string[] = [];
      for (const step of await stepsOf(command)) {
        if (step.id <= await schemaId(database)) continue;
        const done = await apply(proc, command, step);
        await database.run("INSERT INTO ischema (id, comment) VALUES (?, ?)", [step.id, step.comment]);
        lines.push(`${step.id} ${step.comment}${done}\n`);
      }
      return lines.join("") + `${await schemaId(database)}\n`;
    });
    await proc.stdout.write(new TextEncoder().encode(text));
  },
});

async function stepsOf({ paths }: Command): Promise<readonly SchemaLine[]> {
  const path = `${paths.control.slice(0, paths.control.lastIndexOf("/"))}/${SCHEMA_FILE}`;
  try {
    return parseSchemaFile(await Deno.readTextFile(path), path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** What happened to a step that failed and may; empty for one that worked. */
async function apply(proc: Proc, command: Command, step: SchemaLine): Promise<string> {
  try {
    if (step.kind === "sql") await command.accounts.database.run(step.statement);
    else await runCommand(proc, step);
    return "";
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!step.ignoreErrors) throw new Temporary(`step ${step.id} of ${SCHEMA_FILE} failed: ${reason}`);
    return ` (failed: ${reason})`;
  }
}

async function runCommand(proc: Proc, step: SchemaLine): Promise<void> {
  const child = await proc.spawn({ program: "/bin/sh", args: ["-c", step.statement], fds: { 0: "null", 1: 1, 2: 2 } });
  const { code, signal } = await child.ended;
  if (code !== 0 || signal !== 0) throw new Permanent(signal === 0 ? `exit code ${code}` : `signal ${signal}`);
}
