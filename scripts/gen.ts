/**
 * Writes what follows from the programs' declarations: applets.ts, the tables in docs/guide, the manual pages. With
 * --check nothing is written; stale files end with an error. Safe to run while others edit: a program that cannot be
 * loaded keeps its row and its page.
 */
import { KNOWN_CONTROLS } from "../storage/control/known_table.ts";
import { forsakenPages, manualFiles } from "./gen/manual.ts";
import { findPrograms, type Programs } from "./gen/programs.ts";
import { keptRows, registryText } from "./gen/registry.ts";
import { controlFilesText, environmentText, programsText, unknownControls } from "./gen/tables.ts";
import { committedText, formatted, type GeneratedFiles, staleFiles, writeStaleFiles } from "./lib/generated.ts";
import { checkoutFolder } from "./lib/walk.ts";

const REGISTRY = "applets.ts";

async function generatedFiles(root: string, { programs, broken }: Programs): Promise<GeneratedFiles> {
  const keep = keptRows(committedText(`${root}/${REGISTRY}`) ?? "", broken.map(({ file }) => file));
  const texts = [
    [REGISTRY, registryText(programs, keep), "ts"],
    ["docs/guide/programs.md", programsText(programs), "md"],
    ["docs/guide/environment.md", environmentText(programs), "md"],
    ["docs/guide/control-files.md", controlFilesText(programs, KNOWN_CONTROLS), "md"],
  ] as const;
  const files = await Promise.all(
    texts.map(async ([path, text, kind]) => [path, await formatted(text, kind)] as const),
  );
  return new Map([...files, ...manualFiles(programs)]);
}

async function main(check: boolean): Promise<number> {
  const root = checkoutFolder();
  const found = await findPrograms(root);
  for (const { file, reason } of found.broken) console.error(`gen: ${file} cannot be loaded: ${reason}`);
  const mistakes = [...found.mistakes, ...unknownControls(found.programs, KNOWN_CONTROLS)];
  for (const mistake of mistakes) console.error(`gen: ${mistake}`);
  const files = await generatedFiles(root, found);
  const forsaken = found.broken.length > 0 ? [] : forsakenPages(root, files);
  const stale = check ? staleFiles(root, files) : writeStaleFiles(root, files);
  for (const path of [...stale, ...forsaken]) {
    console.error(check ? `gen: ${path} is stale: run deno task gen` : `gen: ${path}`);
  }
  if (!check) { for (const path of forsaken) Deno.removeSync(`${root}/${path}`); }
  const wrong = found.broken.length + mistakes.length + (check ? stale.length + forsaken.length : 0);
  console.error(`gen: ${found.programs.length} programs, ${wrong === 0 ? "all is fresh" : `${wrong} wrong`}`);
  return wrong === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args.includes("--check")));
