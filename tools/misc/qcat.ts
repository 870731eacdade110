/** qcat: copies files, and FIFOs without end, to standard output. */
import { defineApplet } from "../../core/applet.ts";
import { errorText, ReaderGone, Temporary } from "../../core/errors.ts";
import { openInputFile } from "./input_file.ts";
import { showBytes, visibleTable } from "./visible_text.ts";

const READ_BYTES = 64 * 1024;

export const applet = defineApplet({
  names: ["qcat"],
  section: 1,
  summary: "copy files to standard output",
  role: "tool",
  dialect: "admin",
  options: {
    visible: {
      flag: "v",
      help: "show control characters as ^X and bytes above 127 as M-X, but for line ends and tabs",
    },
    ends: { flag: "e", help: "show $ at the end of each line" },
    tabs: { flag: "t", help: "show tabs as ^I" },
  },
  operands: [{ name: "file", help: "a file; - is standard input, as is no file at all", optional: true, repeat: true }],
  description:
    `qcat copies the files in a row to standard output. A FIFO is copied for ever: its end never comes, whoever
writes to it may close and open it again.`,
  exits: { "1": "a file cannot be read, or the output cannot be written" },
  seeAlso: ["cat(1)"],
  source: ["[man qcat.1]"],
  async run(proc) {
    const { visible, ends, tabs } = proc.options;
    const table = visible || ends || tabs ? visibleTable({ controls: visible, ends, tabs }) : undefined;
    const buffer = new Uint8Array(READ_BYTES);
    for (const path of proc.args.length > 0 ? proc.args : ["-"]) {
      const input = openInputFile(proc, path);
      try {
        for (let count = await input.read(buffer); count !== null; count = await input.read(buffer)) {
          const bytes = buffer.subarray(0, count);
          await proc.stdout.write(table ? showBytes(bytes, table) : bytes);
        }
      } catch (error) {
        if (error instanceof ReaderGone) throw error;
        throw new Temporary(`unable to copy ${path}: ${errorText(error)}`);
      } finally {
        input.close();
      }
    }
  },
});
