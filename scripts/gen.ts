/**
 * Writes what follows from the programs' declarations: applets.ts and the tables in docs/guide. With --check nothing is
 * written; stale files end with an error. Safe to run while others edit: a program that cannot be loaded keeps its row.
 */
import { findPrograms } from "./gen/programs.ts";
import { keptRows, registryText } from "./gen/registry.ts";
import { controlFilesText, environmentText, programsText } from "./gen/tables.ts";
import { committedText, formatted, type GeneratedFiles, staleFiles, writeStaleFiles } from "./lib/generated.ts";
import { checkoutFolder } from "./lib/walk.ts";

const REGISTRY = "applets.ts";

async function main(check: boolean): Promise<number> {
  const root = checkoutFolder();
  const { programs, broken, mistakes } = await findPrograms(root);
  for (const { file, reason } of broken) console.error(`gen: ${file} cannot be loaded: ${reason}`);
  for (const mistake of mistakes) console.error(`gen: ${mistake}`);
  const keep = keptRows(committedText(`${root}/${REGISTRY}`) ?? "", broken.map(({ file }) => file));
  const files: GeneratedFiles = new Map(
    await Promise.all([
      formatted(registryText(programs, keep), "ts").then((text) => [REGISTRY, text] as const),
      formatted(programsText(programs), "md").then((text) => ["docs/guide/programs.md", text] as const),
      formatted(environmentText(programs), "md").then((text) => ["docs/guide/environment.md", text] as const),
      formatted(controlFilesText(programs), "md").then((text) => ["docs/guide/control-files.md", text] as const),
    ]),
  );
  const stale = check ? staleFiles(root, files) : writeStaleFiles(root, files);
  for (const path of stale) console.error(check ? `gen: ${path} is stale: run deno task gen` : `gen: wrote ${path}`);
  if (!check) console.error(`gen: ${programs.length} programs`);
  return (check && stale.length > 0) || broken.length > 0 || mistakes.length > 0 ? 1 : 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args.includes("--check")));
