/** randstr: prints one text of a file, by chance. */
import { defineApplet } from "../../core/applet.ts";
import { Permanent } from "../../core/errors.ts";
import { randomBelow } from "./order_texts.ts";
import { TextFile } from "./text_file.ts";

export const applet = defineApplet({
  names: ["randstr"],
  section: 1,
  summary: "print one text of a file, by chance",
  role: "text",
  dialect: "admin",
  options: {},
  operands: [{ name: "file", help: "texts with an index FILE.dat made by strfile" }],
  description: `randstr prints one of the texts in the file, each as likely as the others.`,
  exits: { "1": "the file or its index cannot be read, or holds no text" },
  examples: [{ command: "randstr signatures >.signature", help: "another signature each time" }],
  seeAlso: ["fortune(6)", "strfile(8)"],
  source: ["[man randstr.1]"],
  async run(proc) {
    const file = TextFile.open(proc.args[0] ?? "");
    const count = file.index.offsets.length;
    if (count === 0) throw new Permanent(`${file.path} holds no text`);
    await proc.stdout.write(file.text(randomBelow(count)));
  },
});
