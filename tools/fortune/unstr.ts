/** unstr: prints the texts of a file in the order of its index. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, Temporary } from "../../core/errors.ts";
import { concatBytes } from "../../core/bytes.ts";
import { delimiterOf } from "./strfile.ts";
import { TextFile } from "./text_file.ts";

const LF = 10;

export const applet = defineApplet({
  names: ["unstr"],
  section: 8,
  summary: "print texts in the order of their index",
  role: "tool",
  dialect: "admin",
  options: { delimiter: { flag: "c", value: "char", default: "that of the index", help: "the line between texts" } },
  operands: [
    { name: "index", help: "FILE.dat of FILE, or FILE itself" },
    { name: "output", help: "file to be written, by default standard output", optional: true },
  ],
  description:
    `unstr prints the texts of a file in the order in which its index, made by strfile, has them, with delimiter lines
between: after strfile -o, sorted.`,
  exits: { "1": "a file cannot be read or written, or is no index" },
  seeAlso: ["strfile(8)", "fortune(6)"],
  source: ["[man unstr.1]", "[man strfile.8]"],
  async run(proc) {
    const [name = "", output] = proc.args;
    const extension = /\.[^./]+$/.exec(name)?.[0];
    const path = extension === undefined ? name : name.slice(0, -extension.length);
    const file = TextFile.open(path, `${path}${extension ?? ".dat"}`);
    const chosen = proc.options.delimiter;
    const between = Uint8Array.of(chosen === undefined ? file.index.delimiter : delimiterOf(chosen), LF);
    const raw = file.raw();
    const parts = file.index.offsets.flatMap((_, at) => at === 0 ? [raw(at)] : [between, raw(at)]);
    const bytes = concatBytes(...parts);
    if (output === undefined) return await proc.stdout.write(bytes);
    try {
      await Deno.writeFile(output, bytes);
    } catch (error) {
      throw new Temporary(`unable to write ${output}: ${errorText(error)}`);
    }
  },
});
