/** strfile: makes the index of a file of texts. */
import { defineApplet } from "../../core/applet.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import { errorText, Temporary, Usage } from "../../core/errors.ts";
import { FLAGS, formatIndex, type TextIndex, type TextRange, textsOf } from "./index_file.ts";
import { orderTexts, shuffle } from "./order_texts.ts";
import { readBytes } from "./text_file.ts";

const NO_SHORTEST = 0xffffffff;

function summary(path: string, { offsets, longest, shortest }: TextIndex): string {
  const count = offsets.length;
  const bytes = (number: number) => `${number} byte${number === 1 ? "" : "s"}`;
  if (count === 0) return `"${path}" created\nThere was no string\n`;
  return `"${path}" created\nThere ${count === 1 ? "was 1 string" : `were ${count} strings`}\n` +
    `Longest string: ${bytes(longest)}\nShortest string: ${bytes(shortest)}\n`;
}

/** The one byte that -c names. */
export function delimiterOf(text: string): number {
  const [byte = 0] = utf8Bytes(text);
  if (text.length !== 1 || byte > 127) throw new Usage("-c needs one ASCII character");
  return byte;
}

export const applet = defineApplet({
  names: ["strfile"],
  section: 8,
  summary: "make the index of a file of texts",
  role: "tool",
  dialect: "admin",
  options: {
    delimiter: { flag: "c", value: "char", default: "%", help: "a line of this alone ends a text" },
    ignoreCase: { flag: "i", help: "with -o: capital letters are as small ones" },
    order: {
      flag: "o",
      help: "the index in the order of the alphabet, from the first letter or digit of each text on",
    },
    random: { flag: "r", help: "the index in any order" },
    silent: { flag: "s", help: "print nothing" },
    rotated: { flag: "x", help: "the letters of the file are moved by 13 places; fortune moves them back" },
  },
  operands: [
    { name: "file", help: "texts between lines of %" },
    { name: "index", help: "where the index goes, by default FILE.dat", optional: true },
  ],
  description:
    `strfile writes an index of the texts in the file, so that fortune can pick one. The index has a header of 24
bytes (version, count of texts, bytes of the longest and of the shortest, flags: 1 random, 2 ordered, 4 rotated; delimiter) and
the offset of each text and of the end, all numbers of 32 bits in network order. Empty texts are left out.`,
  exits: { "1": "a file cannot be read or written" },
  examples: [{ command: "strfile -o jokes", help: "makes jokes.dat" }],
  seeAlso: ["unstr(1)", "fortune(6)"],
  source: ["[man strfile.8]"],
  async run(proc) {
    const { ignoreCase, order, random, silent, rotated } = proc.options;
    const [path = "", indexPath = `${path}.dat`] = proc.args;
    const delimiter = delimiterOf(proc.options.delimiter ?? "%");
    const bytes = readBytes(path);
    const texts: TextRange[] = [...textsOf(bytes, delimiter)];
    let [longest, shortest] = [0, NO_SHORTEST];
    for (const { start, end } of texts) {
      longest = Math.max(longest, end - start);
      shortest = Math.min(shortest, end - start);
    }
    const ordered = order ? orderTexts(bytes, texts, { ignoreCase }) : random ? shuffle(texts) : texts;
    const index: TextIndex = {
      longest,
      shortest,
      flags: (order ? FLAGS.ordered : random ? FLAGS.random : 0) | (rotated ? FLAGS.rotated : 0),
      delimiter,
      offsets: ordered.map(({ start }) => start),
      size: bytes.length,
    };
    try {
      await Deno.writeFile(indexPath, formatIndex(index));
    } catch (error) {
      throw new Temporary(`unable to write ${indexPath}: ${errorText(error)}`);
    }
    if (!silent) await proc.stdout.write(utf8Bytes(summary(indexPath, index)));
  },
});
