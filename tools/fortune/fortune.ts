/** fortune: prints a text by chance, or all that match. */
import { defineApplet, type Proc } from "../../core/applet.ts";
import { concatBytes, utf8Bytes } from "../../core/bytes.ts";
import { Permanent, Usage } from "../../core/errors.ts";
import { basicRegExp } from "./basic_regexp.ts";
import { drawFile, type FileChoice, filesOf, type Share, shareOut, sharesInside } from "./choice.ts";
import { FORTUNE_FOLDERS, wantedFiles } from "./fortune_files.ts";
import { randomBelow } from "./order_texts.ts";

/** What is short, where -n does not say: characters. */
const SHORT_CHARS = "160";
/** How fast texts are read with -w, and the least time: characters a second, seconds. */
const READ_CHARS_PER_SECOND = 20;
const READ_SECONDS_MIN = 6;
/** Texts that are drawn to find one of the right length before all are looked at. */
const DRAWS_MAX = 100;
/** Codes of -m. */
const EXIT = { nothing: 0, matches: 1 } as const;

/** Whether a text may be chosen by its length. */
type LengthTest = (bytes: Uint8Array) => boolean;

function listing(shares: readonly Share[], options: { readonly even: boolean }, indent = ""): string {
  return shares.map(({ choice, share }) => {
    const line = `${indent}${(share * 100).toFixed(2).padStart(5)}% ${choice.name}\n`;
    return choice.kind === "file" ? line : line + listing(sharesInside(choice, options), options, `${indent}    `);
  }).join("");
}

function lengthTest(chosen: { short: boolean; long: boolean; limit: string | undefined }): LengthTest {
  const text = chosen.limit ?? SHORT_CHARS;
  if (!/^\d{1,9}$/.test(text)) throw new Usage(`${text} is not a number of characters`);
  const limit = Number(text);
  if (chosen.short === chosen.long) return () => true;
  return (bytes) => (bytes.length <= limit) === chosen.short;
}

/** A text of the right length and its file. */
function draw(shares: readonly Share[], even: boolean, fits: LengthTest): [FileChoice, Uint8Array] {
  for (let tries = 0; tries < DRAWS_MAX; tries++) {
    const choice = drawFile(shares, { even });
    const bytes = choice.file.text(randomBelow(choice.file.index.offsets.length));
    if (fits(bytes)) return [choice, bytes];
  }
  const all = shares.filter(({ share }) => share > 0).flatMap(({ choice }) => filesOf(choice))
    .flatMap((choice) =>
      choice.file.index.offsets.map((_, at): [FileChoice, Uint8Array] => [choice, choice.file.text(at)])
    )
    .filter(([, bytes]) => fits(bytes));
  const one = all[randomBelow(all.length)];
  if (!one) throw new Permanent("no fortune has such a length");
  return one;
}

async function printMatches(
  proc: Pick<Proc, "stdout" | "stderr">,
  files: readonly FileChoice[],
  test: (bytes: Uint8Array) => boolean,
) {
  let found = 0;
  for (const { file } of files) {
    const parts: Uint8Array[] = [];
    for (const at of file.index.offsets.keys()) {
      const bytes = file.text(at);
      if (test(bytes)) parts.push(bytes, Uint8Array.of(file.index.delimiter, 10));
    }
    if (parts.length === 0) continue;
    found++;
    await proc.stderr.write(utf8Bytes(`(${file.path})\n${String.fromCharCode(file.index.delimiter)}\n`));
    await proc.stdout.write(concatBytes(...parts));
  }
  return found > 0 ? EXIT.matches : EXIT.nothing;
}

export const applet = defineApplet({
  names: ["fortune"],
  section: 1,
  summary: "print a saying by chance",
  role: "text",
  dialect: "admin",
  options: {
    all: { flag: "a", help: "choose from all texts, offensive ones too" },
    show: { flag: "c", help: "print the text's file first" },
    even: { flag: "e", help: "each file is as likely as the others, however many texts it has" },
    list: { flag: "f", help: "list the files and how likely they are (on standard error), print no text" },
    ignoreCase: { flag: "i", help: "with -m: capital letters are as small ones" },
    long: { flag: "l", help: "only long texts" },
    match: { flag: "m", value: "pattern", help: "print all texts that this basic regular expression matches" },
    limit: { flag: "n", value: "characters", default: SHORT_CHARS, help: "longest text that is short" },
    offensive: { flag: "o", help: "choose only from offensive texts" },
    short: { flag: "s", help: "only short texts" },
    untranslated: { flag: "u", help: "texts are not converted to the locale (they never are)" },
    wait: { flag: "w", help: "wait at the end for as long as it takes to read the text" },
  },
  operands: [{ name: "choice", help: "[N%] file, folder or all", optional: true, repeat: true }],
  description:
    `fortune prints one text of the files, each of which has an index made by strfile: of the standard files, or of
those named. A name without a path that is not in the current folder is one of the standard files; all are the standard files.

N% before a file or folder is how likely it is. Those without share what is left by the number of their texts, with -e evenly.

With -m the texts go to standard output, each followed by a line of %, and the names of their files to standard error.`,
  exits: {
    "0": "a text was printed; with -m: nothing matches",
    "1": "with -m: something matches; or there is no fortune",
  },
  files: Object.fromEntries(FORTUNE_FOLDERS.map((folder) => [folder, "the standard files; offensive ones in off/"])),
  examples: [{ command: "fortune 90% funny 10% sad", help: "two files of the standard folder" }],
  seeAlso: ["strfile(8)", "randstr(1)"],
  source: ["[man fortune.6]"],
  async run(proc) {
    const { all, offensive, even, list, match, ignoreCase, short, long, limit, show, wait } = proc.options;
    const fits = lengthTest({ short, long, limit });
    const wanted = wantedFiles(proc.args, all ? "both" : offensive ? "offensive" : "inoffensive");
    const shares = shareOut(wanted, { even });
    if (list) {
      await proc.stderr.write(utf8Bytes(listing(shares, { even })));
      return;
    }
    if (match !== undefined) {
      const pattern = basicRegExp(match, { ignoreCase });
      const decoder = new TextDecoder();
      const test = (bytes: Uint8Array) => fits(bytes) && pattern.test(decoder.decode(bytes));
      return await printMatches(proc, wanted.flatMap(({ choice }) => filesOf(choice)), test);
    }
    const [choice, bytes] = draw(shares, even, fits);
    const head = show
      ? utf8Bytes(`(${choice.file.path})\n${String.fromCharCode(choice.file.index.delimiter)}\n`)
      : new Uint8Array(0);
    await proc.stdout.write(concatBytes(head, bytes));
    const seconds = Math.max(bytes.length / READ_CHARS_PER_SECOND, READ_SECONDS_MIN);
    if (wait) await proc.clock.sleep(seconds * 1000);
    return;
  },
});
