/**
 * The folder of manual pages: man/manN/NAME.N of every program.
 */
import { manualPages } from "../../core/manpage.ts";
import { type GeneratedFiles } from "../lib/generated.ts";
import { walkFiles } from "../lib/walk.ts";
import type { Program } from "./programs.ts";

/** Folder of the manual in the checkout. */
export const MANUAL = "man";

/** The pages of all programs by path below the checkout. */
export function manualFiles(programs: readonly Program[]): GeneratedFiles {
  const files = new Map<string, string>();
  for (const { applet } of programs) {
    for (const [path, text] of manualPages(applet)) files.set(`${MANUAL}/${path}`, text);
  }
  return files;
}

/** Pages that stand in the folder and belong to no program any more. */
export function forsakenPages(root: string, files: GeneratedFiles): string[] {
  return walkFiles(root, [MANUAL]).filter((path) => !files.has(path));
}
