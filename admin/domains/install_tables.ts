/**
 * install_tables: creates all tables of the accounts' database (and of the central one, in a cluster).
 */
import { defineApplet } from "../../core/applet.ts";
import { COMMAND_ENV, withCommand } from "../../storage/accounts/command.ts";
import { addDomainIndexes, createCentralTables, createTables } from "../../storage/accounts/tables/ischema.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";
import { parseMysqlHost } from "../../storage/accounts/mysql_settings.ts";
import { ControlFiles } from "../../storage/control/control.ts";

export const applet = defineApplet({
  names: ["install_tables"],
  section: 8,
  summary: "create all database tables",
  role: "admin",
  dialect: "admin",
  options: {},
  description:
    `install_tables creates the tables of the local database where they are missing: in the embedded database, or
on the MySQL server of control/host.mysql, where it creates the database itself as well. Where control/host.master
exists, it creates those of the central database there. Schema steps that an older database lacks are applied. What is
there stays as it is.

Tables of users that were made by the original, or by versions before this one, get an index by domain: with many users in
other domains everything about a whole domain is found at once by it. Programs of the original do not mind it. A MySQL
server makes it while others read and write; the embedded database's writers wait, some two seconds for a million users.

It is not needed: every table is created when it is first used.`,
  env: COMMAND_ENV,
  control: ["host.mysql", "host.master"],
  exits: { 0: "all tables are there", 1: "a table could not be created" },
  seeAlso: ["vadddomain(1)"],
  source: ["[man install_tables.8]"],
  async run(proc) {
    const lines: string[] = [];
    await withCommand(proc, { create: true }, async ({ accounts: { database, tables } }) => {
      for (const name of await createTables(database)) lines.push(`table ${name} on local database\n`);
      for (const name of await addDomainIndexes(database, tables)) lines.push(`index of domains on table ${name}\n`);
    });
    const master = new ControlFiles(proc.paths.control).line("host.master");
    if (master !== undefined) {
      const settings = parseMysqlHost(master, () => undefined);
      const central = await openMysql(settings, { createDatabase: true });
      try {
        for (const name of await createCentralTables(central)) lines.push(`table ${name} on central database\n`);
      } finally {
        await central.close();
      }
    }
    await proc.stdout.write(new TextEncoder().encode(lines.join("")));
  },
});
