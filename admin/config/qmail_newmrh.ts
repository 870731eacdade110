/**
 * qmail-newmrh, qmail-cdb: compile a control list into a cdb for look-up by the SMTP server.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { writeCdb } from "../../storage/cdb/writer.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";

export const applet = defineApplet({
  names: ["qmail-newmrh", "qmail-cdb"],
  section: 8,
  summary: "prepare control lists such as morercpthosts for qmail-smtpd",
  role: "admin",
  dialect: "qmail",
  options: {
    recipients: { flag: "r", help: "records as recipients.cdb has them: a colon before each address" },
    directory: { flag: "d", value: "directory", help: "the folder of the list", default: "the control folder" },
  },
  operands: [{ name: "file", help: "name of the list; morercpthosts for qmail-newmrh", optional: true }],
  description:
    `qmail-newmrh reads control/morercpthosts and writes control/morercpthosts.cdb: each line in lower case is
a key with empty data. qmail-cdb does the same for any list of the control folder, so that file becomes file.cdb.
Comments and empty lines are left out.`,
  env: { CONTROLDIR: "the control folder; /etc/indimail/control unless set" },
  control: ["morercpthosts"],
  seeAlso: ["qmail-smtpd(8)", "qmail-control(5)"],
  source: ["[man qmail-cdb.9]", "[spec formats 7]"],
  async run(proc) {
    const name = proc.args[0] ?? (proc.name === "qmail-newmrh" ? "morercpthosts" : undefined);
    if (name === undefined) throw new Usage("the name of a list is needed");
    if (name.includes("/") || name.startsWith(".")) throw new Usage(`${name} is not the name of a control file`);
    const control = new ControlFiles(proc.options.directory ?? proc.paths.control);
    const lines = control.lines(name);
    if (!lines) throw new Permanent(`there is no ${control.directory}/${name}`);
    const empty = new Uint8Array(0);
    const keys = new Set(lines.map((line) => line.trim().toLowerCase()));
    const prefix = proc.options.recipients ? ":" : "";
    await writeCdb(
      realDisk,
      `${control.directory}/${name}.cdb`,
      [...keys].map((key) => [latin1Bytes(prefix + key), empty] as const),
    );
  },
});
