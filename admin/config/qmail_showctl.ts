/**
 * qmail-showctl: explains the installation: every control file with what it means here.
 */
import { defineApplet } from "../../core/applet.ts";
import { latin1Bytes } from "../../core/bytes.ts";
import { errorText } from "../../core/errors.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { KNOWN_CONTROLS, type KnownControl } from "../../storage/control/known_table.ts";

/** Lines of a list that are shown unless -a is given. */
const LINES_SHOWN_MAX = 100;

export const applet = defineApplet({
  names: ["qmail-showctl"],
  section: 8,
  summary: "analyze the configuration files",
  role: "admin",
  dialect: "qmail",
  options: {
    paths: { flag: "p", help: "only the paths of the installation" },
    control: { flag: "c", help: "only the control files" },
    all: { flag: "a", help: "control files that are not there, with their defaults, and lists in full" },
  },
  operands: [{ name: "file", help: "only these control files", optional: true, repeat: true }],
  description: `qmail-showctl says where this installation keeps its files and what each control file means, with the
default where there is none. Files in the control folder that are not known to any program are pointed out.`,
  env: { CONTROLDIR: "the control folder; /etc/indimail/control unless set" },
  control: KNOWN_CONTROLS.filter(({ name }) => !name.includes("/")).map(({ name }) => name),
  seeAlso: ["qmail-control(5)"],
  source: ["[man qmail-showctl.9]"],
  async run(proc) {
    const write = (text: string) => proc.stdout.write(latin1Bytes(text));
    const only = new Set(proc.args);
    if (!proc.options.control && only.size === 0) {
      for (const [name, path] of Object.entries(proc.paths)) await write(`${name}: ${path}\n`);
      await write("\n");
    }
    if (proc.options.paths) return;
    const control = new ControlFiles(proc.paths.control);
    const present = new Set(listNames(control.directory));
    for (const known of KNOWN_CONTROLS) {
      if (only.size > 0 && !only.has(known.name)) continue;
      const text = describe(control, known, { present: present.has(known.name), all: proc.options.all });
      if (text !== "" || only.has(known.name)) await write(text || `${known.name}: (Default.) ${known.default}\n\n`);
    }
    if (only.size > 0) return;
    const names = new Set(KNOWN_CONTROLS.map(({ name }) => name));
    for (const name of [...present].sort()) {
      if (!names.has(name) && !names.has(name.replace(/\.(?:cdb|sql|lock|tmp)$/, ""))) {
        await write(`${name}: I have no idea what this file does.\n`);
      }
    }
  },
});

function listNames(directory: string): string[] {
  return [...Deno.readDirSync(directory)].filter((entry) => !entry.isDirectory).map((entry) => entry.name);
}

function describe(
  control: ControlFiles,
  known: KnownControl,
  show: { readonly present: boolean; readonly all: boolean },
): string {
  if (!show.present) return show.all ? `${known.name}: (Default.) ${known.default}\n\n` : "";
  if (known.name.endsWith(".cdb")) return `${known.name}: ${known.meaning}. (cdb file)\n\n`;
  try {
    const lines = control.lines(known.name) ?? [];
    const shown = show.all ? lines : lines.slice(0, LINES_SHOWN_MAX);
    const more = lines.length - shown.length;
    return `${known.name}: ${known.meaning}.\n` + shown.map((line) => `  ${line}\n`).join("") +
      (more > 0 ? `  ... and ${more} lines more; -a shows them\n` : "") + "\n";
  } catch (error) {
    return `${known.name}: ${errorText(error)}\n\n`;
  }
}
