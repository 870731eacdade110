/** The operands of fortune: files, folders, `all`, and percentages before them. */
import { Permanent, Usage } from "../../core/errors.ts";
import { pathExists } from "../../core/path_exists.ts";
import { type FileChoice, type FolderChoice, folderChoice, type Wanted } from "./choice.ts";
import { TextFile } from "./text_file.ts";

/** Where texts lie that are named without a path; the first that is there counts. */
export const FORTUNE_FOLDERS = ["/var/indimail/share/fortunes", "/usr/share/games/fortunes"] as const;
const PERCENT_MAX = 100;

/** Which of the standard texts are meant. */
export type Taste = "inoffensive" | "offensive" | "both";

/** A percentage in front of a name: `20%`, or `20%name` at once. */
interface Named {
  readonly name: string;
  readonly percent: number | undefined;
}

/** Names with their percentages. Throws Usage for a percentage without name or that is none. */
export function parseOperands(operands: readonly string[]): Named[] {
  const named: Named[] = [];
  let percent: number | undefined;
  for (const operand of operands) {
    const [, number, name = operand] = /^(\d+(?:\.\d*)?)%(.*)$/s.exec(operand) ?? [];
    if (number !== undefined) {
      if (!/^\d+$/.test(number)) throw new Usage("percentages must be integers");
      percent = Number(number);
      if (percent > PERCENT_MAX) throw new Usage(`percentages must be <= ${PERCENT_MAX}`);
      if (name === "") continue;
    }
    named.push({ name, percent });
    percent = undefined;
  }
  if (percent !== undefined) throw new Usage(`${percent}% needs a file or folder after it`);
  return named;
}

function absolute(path: string): string {
  return path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
}

function standardFolders(taste: Taste): string[] {
  const base = FORTUNE_FOLDERS.find((folder) => pathExists(folder));
  if (base === undefined) return [];
  const folders = taste === "inoffensive" ? [base] : taste === "offensive" ? [`${base}/off`] : [base, `${base}/off`];
  return folders.filter((folder) => pathExists(folder));
}

function choiceAt(path: string): FileChoice | FolderChoice | undefined {
  if (!pathExists(path)) return undefined;
  if (Deno.statSync(path).isDirectory) return folderChoice(path);
  if (!pathExists(`${path}.dat`)) {
    throw new Permanent(`${path} is not a fortune file or directory: strfile makes its index`);
  }
  return { kind: "file", name: path, file: TextFile.open(path) };
}

function standardChoices(taste: Taste): (FileChoice | FolderChoice)[] {
  return standardFolders(taste).flatMap((folder) => folderChoice(folder) ?? []);
}

function choicesOf(name: string, taste: Taste): (FileChoice | FolderChoice)[] {
  if (name === "all") return standardChoices(taste);
  const own = choiceAt(absolute(name));
  if (own) return [own];
  return name.includes("/") ? [] : standardFolders(taste).flatMap((folder) => choiceAt(`${folder}/${name}`) ?? []);
}

/** What the operands ask for; without any the standard texts. Throws Permanent when there is nothing. */
export function wantedFiles(operands: readonly string[], taste: Taste): Wanted[] {
  const named = parseOperands(operands);
  if (named.length === 0) named.push({ name: "all", percent: undefined });
  const wanted = named.flatMap(({ name, percent }) => {
    const choices = choicesOf(name, taste);
    if (choices.length === 0) {
      throw new Permanent(operands.length > 0 ? `no fortunes found: ${name}` : "no fortunes found");
    }
    return choices.map((choice, at) => ({
      choice,
      percent: percent === undefined || at === 0 ? percent : 0,
    }));
  });
  return wanted;
}
