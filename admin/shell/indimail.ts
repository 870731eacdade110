/**
 * indimail: the executable under its own name. Runs any other program by its first argument (core/main.ts does that); by
 * itself it links the programs into a folder, prints completion scripts and says its version.
 */
import { APPLETS } from "../../applets.ts";
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { COMPLETION_SHELLS, completionScript } from "../../core/completion.ts";
import { Usage } from "../../core/errors.ts";
import { EXIT_DIALECTS } from "../../core/exits.ts";
import { overviewText } from "../../core/help.ts";
import { unknownProgramText } from "../../core/nearest.ts";
import { VERSION } from "../../core/version.ts";
import { linkPrograms, linkReport, ownLauncher } from "./link.ts";

export const applet = defineApplet({
  names: ["indimail"],
  section: 1,
  summary: "run a program of the mail server, or link all of them into a folder",
  role: "admin",
  dialect: "admin",
  options: {
    force: { flag: "f", long: "force", help: "with link: replace what stands in the way, folders excepted" },
    list: { long: "list", help: "print every program with its room, role and summary" },
    json: { long: "json", help: "with --list: as JSON" },
    root: { long: "root", value: "folder", help: "before a program's name: the installation that it works on" },
    version: { long: "version", help: "print the version of this executable and of its runtime" },
  },
  operands: [
    { name: "program", help: "a program's name, or help, link, completion", optional: true },
    { name: "argument", help: "the program's own arguments", optional: true, repeat: true },
  ],
  synopsis: "indimail [--root folder] program [argument...]",
  description:
    `indimail runs the program that its first argument names, as if it had been called by that name. A link to
it that has a program's name runs that program.

help program shows how a program is called. link folder makes a link for every program in the folder, says what it
made, and leaves alone files that are not its own links. completion bash, zsh or fish prints a script to be read by
that shell.`,
  env: { INDIMAIL_ROOT: "root of the installation; / for root or where /etc/indimail/control exists, else below HOME" },
  exits: { 0: "success", 1: "wrong usage, or files stand in the way of links" },
  examples: [
    { command: "indimail link /usr/local/bin", help: "install the programs" },
    { command: 'eval "$(indimail completion bash)"', help: "completion in this shell" },
  ],
  source: ["[decision 0007]"],
  async run(proc) {
    const [command, operand, ...more] = proc.args;
    const print = (text: string) => proc.stdout.write(utf8Bytes(text));
    if (proc.options.version) return await print(`indimail ${VERSION}, Deno ${Deno.version.deno}\n`);
    if (command === undefined) return await print(overviewText(APPLETS));
    if (command !== "link" && command !== "completion") {
      throw new Usage(unknownProgramText(command, APPLETS.flatMap(({ names }) => names)));
    }
    if (more.length > 0) throw new Usage(`unexpected argument ${more[0]}`);
    if (command === "completion") {
      const shell = COMPLETION_SHELLS.find((known) => known === operand);
      if (shell === undefined) throw new Usage(`completion is for one of ${COMPLETION_SHELLS.join(", ")}`);
      const loaded = await Promise.all(APPLETS.map((entry) => entry.load()));
      return await print(completionScript(shell, loaded.map(({ applet }) => applet)));
    }
    if (operand === undefined) throw new Usage("link needs a folder");
    const names = APPLETS.flatMap((entry) => entry.names);
    const result = linkPrograms(operand, { names, launcher: ownLauncher(), force: proc.options.force });
    await print(linkReport(operand, result));
    return result.foreign.length > 0 ? EXIT_DIALECTS.admin.permanent : EXIT_DIALECTS.admin.ok;
  },
});
