/**
 * vtable: makes database tables from text templates.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { COMMAND_CONTROL, COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import type { Database } from "../../storage/accounts/database.ts";
import { inputFile } from "../../storage/accounts/input_file.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { parseTemplate, templateStatements } from "../../storage/accounts/tables/table_template.ts";

export const applet = defineApplet({
  names: ["vtable"],
  section: 1,
  summary: "make database tables from text templates",
  role: "admin",
  dialect: "admin",
  options: {
    verbose: { flag: "v", help: "tell each table" },
    server: { flag: "S", value: "host", help: "host of the MySQL server" },
    port: { flag: "p", value: "port", help: "its TCP port" },
    socket: { flag: "s", value: "path", help: "its Unix socket" },
    database: { flag: "D", value: "database", help: "the database", default: "indimail" },
    user: { flag: "U", value: "user", help: "user of the database" },
    password: { flag: "P", value: "password", help: "password of that user" },
  },
  operands: [{ name: "template", help: "a file; its first line is the table's name", repeat: true }],
  description:
    "A template has the name of a table in its first line (after an interpreter line #!…, if it has one) and the list of " +
    "columns and indexes in parentheses after that, as CREATE TABLE of MySQL has them. Without -S and -s the tables go into " +
    "the accounts' database, the embedded one included. A table that is there stays as it is.",
  env: COMMAND_ENV,
  control: COMMAND_CONTROL,
  exits: { 0: "all tables are there", 1: "a template is wrong, or a table could not be made" },
  examples: [{ command: "vtable -v dbinfo.tab", help: "makes one table" }],
  seeAlso: ["install_tables(8)"],
  source: ["[man vtable.1]"],
  async run(proc) {
    const { options } = proc;
    if (options.port !== undefined && !/^\d{1,5}$/.test(options.port)) {
      throw new Usage(`-p ${options.port}: not a port`);
    }
    const templates = await Promise.all(
      proc.args.map(async (path) => ({ path, ...parseTemplate(await readTemplate(path), path) })),
    );
    const make = async (database: Database) => {
      for (const template of templates) {
        for (const sql of templateStatements(template, database.kind)) {
          await database.run(sql).catch((error) => {
            throw new Permanent(`${template.path}: ${error instanceof Error ? error.message : String(error)}`);
          });
        }
        if (options.verbose) await proc.stdout.write(new TextEncoder().encode(`table ${template.name}\n`));
      }
    };
    if (options.server === undefined && options.socket === undefined) {
      return await withCommand(proc, { create: true }, ({ accounts }) => make(accounts.database));
    }
    const place = options.socket ?? options.port ?? "";
    const line = [options.server ?? "localhost", options.user ?? "", options.password ?? "", place].join(":");
    const settings = { ...parseMysqlHost(line, () => undefined), database: options.database ?? "indimail" };
    const database = await openMysql(settings);
    try {
      await make(database);
    } finally {
      await database.close();
    }
  },
});

function readTemplate(path: string): Promise<string> {
  return inputFile(path, (name) => Deno.readTextFile(name));
}
