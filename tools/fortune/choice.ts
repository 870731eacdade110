/**
 * Which files fortune picks from, and how likely each is: a list of files and folders, some with a percentage, the rest
 * sharing what is left by the number of their texts or, with -e, evenly [man fortune.6].
 */
import { Permanent } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { randomBelow } from "./order_texts.ts";
import { TextFile } from "./text_file.ts";

/** Files with these endings are never texts. */
const NOT_TEXTS = /\.(?:dat|pos|c|h|p|i|f|pas|ftn|ins\.c|ins\.pas|ins\.ftn|sml|u8)$/;
const PERCENT_ALL = 100;
/** Parts that a whole is cut into when one is drawn. */
const DRAW_PARTS = 1_000_000;

/** A file of texts. */
export interface FileChoice {
  readonly kind: "file";
  readonly name: string;
  readonly file: TextFile;
}

/** A folder of files. */
export interface FolderChoice {
  readonly kind: "folder";
  readonly name: string;
  readonly files: readonly FileChoice[];
}

/** What was asked for, its percentage where it has one. */
export interface Wanted {
  readonly choice: FileChoice | FolderChoice;
  readonly percent: number | undefined;
}

/** A file or folder, and how likely it is, from 0 to 1 of its list. */
export interface Share {
  readonly choice: FileChoice | FolderChoice;
  readonly share: number;
}

/** The text files of a folder by name: those with an index. */
export function folderChoice(path: string, name = path): FolderChoice | undefined {
  const files: FileChoice[] = [];
  for (const { name: file } of [...Deno.readDirSync(path)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (file.startsWith(".") || NOT_TEXTS.test(file) || !pathExists(`${path}/${file}.dat`)) continue;
    files.push({ kind: "file", name: file, file: TextFile.open(`${path}/${file}`) });
  }
  return files.length === 0 ? undefined : { kind: "folder", name, files };
}

/** Texts in a file or folder. */
export function countTexts(choice: FileChoice | FolderChoice): number {
  if (choice.kind === "file") return choice.file.index.offsets.length;
  return choice.files.reduce((sum, file) => sum + countTexts(file), 0);
}

/** All files below. */
export function filesOf(choice: FileChoice | FolderChoice): readonly FileChoice[] {
  return choice.kind === "file" ? [choice] : choice.files;
}

function sharesOf(choices: readonly (FileChoice | FolderChoice)[], even: boolean): number[] {
  const weights = choices.map((choice) => even ? 1 : countTexts(choice));
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => all === 0 ? 0 : weight / all);
}

/** How likely each is. Throws Permanent when the percentages cannot be. */
export function shareOut(wanted: readonly Wanted[], options: { readonly even: boolean }): Share[] {
  const given = wanted.reduce((sum, { percent }) => sum + (percent ?? 0), 0);
  const rest = wanted.filter(({ percent }) => percent === undefined);
  if (given > PERCENT_ALL) throw new Permanent(`probabilities sum to ${given}%`);
  if (given < PERCENT_ALL && rest.length === 0) {
    throw new Permanent(`the percentages sum to ${given}%, and nothing is left for the other ${PERCENT_ALL - given}%`);
  }
  if (given === PERCENT_ALL && rest.length > 0) {
    throw new Permanent("the percentages sum to 100%, and nothing is left for the files without one");
  }
  const shares = sharesOf(rest.map(({ choice }) => choice), options.even);
  let at = 0;
  return wanted.map(({ choice, percent }) => ({
    choice,
    share: percent === undefined ? (1 - given / PERCENT_ALL) * (shares[at++] ?? 0) : percent / PERCENT_ALL,
  }));
}

/** How likely each file of a folder is. */
export function sharesInside(folder: FolderChoice, options: { readonly even: boolean }): Share[] {
  const shares = sharesOf(folder.files, options.even);
  return folder.files.map((choice, at) => ({ choice, share: shares[at] ?? 0 }));
}

/** Draws a file. Throws Permanent when all have nothing. */
export function drawFile(shares: readonly Share[], options: { readonly even: boolean }): FileChoice {
  let left = randomBelow(DRAW_PARTS) / DRAW_PARTS * shares.reduce((sum, { share }) => sum + share, 0);
  for (const { choice, share } of shares) {
    left -= share;
    if (left >= 0 || share === 0) continue;
    return choice.kind === "file" ? choice : drawFile(sharesInside(choice, options), options);
  }
  throw new Permanent("the files hold no text");
}
