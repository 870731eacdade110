/**
 * qmail-newu: compiles users/assign into users/cdb.
 */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { realDisk } from "../../storage/disk.ts";
import { compileUsers } from "../../storage/users/users_cdb.ts";

export const applet = defineApplet({
  names: ["qmail-newu"],
  section: 8,
  summary: "prepare address assignments for qmail-lspawn",
  role: "admin",
  dialect: "qmail",
  options: {},
  operands: [{
    name: "directory",
    help: "folder of assign and cdb; ASSIGNDIR or the installation's unless given",
    optional: true,
  }],
  description: `qmail-newu reads the assignments in users/assign and writes them to users/cdb for quick look-up by
qmail-lspawn. A mistake in assign is told with its line, and the old cdb stays in place. The daemons take the new file
at the next delivery.`,
  env: { ASSIGNDIR: "folder of assign and cdb; /etc/indimail/users unless set" },
  files: { "users/assign": "the assignments", "users/cdb": "what is made of them" },
  exits: { 0: "users/cdb is new", 100: "assign has a mistake", 111: "could not be read or written" },
  seeAlso: ["qmail-lspawn(8)", "qmail-users(5)"],
  source: ["[man qmail-newu.9]"],
  async run(proc) {
    const directory = proc.args[0] ?? proc.paths.users;
    try {
      await compileUsers(realDisk, directory);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) throw new Permanent(`there is no ${directory}/assign`);
      throw error;
    }
  },
});
