/**
 * The house lint: rules of ours that `deno lint` does not know. Prints each finding as `path:line: message`; with
 * --sources prints the index from sources to the places that follow them.
 */
import { checkExports, checkNotes, checkOpening } from "./lint/comments.ts";
import { checkLayers, checkPackages } from "./lint/layers.ts";
import { checkReferences, parseSources, referencesOf, sourceIndex } from "./lint/references.ts";
import { checkFileSize, checkFunctions, checkRooms } from "./lint/sizes.ts";
import { type Finding, scanSource, type SourceFile } from "./lint/source.ts";
import { checkWords } from "./lint/words.ts";
import { committedText } from "./lib/generated.ts";
import { checkoutFolder, walkFiles } from "./lib/walk.ts";

const root = checkoutFolder();

function readSources(): SourceFile[] {
  const folders = ["core", "mail", "storage", "servers", "admin", "tools", "tests", "scripts"];
  const files = walkFiles(root, folders).filter((path) => path.endsWith(".ts"));
  const single = ["main.ts", "worker.ts", "mod.ts"].filter((path) => committedText(`${root}/${path}`) !== undefined);
  return [...files, ...single].map((path) => scanSource(path, Deno.readTextFileSync(`${root}/${path}`)));
}

function findAll(files: readonly SourceFile[]): Finding[] {
  const decisions = [...Deno.readDirSync(`${root}/docs/decisions`)].map(({ name }) => name);
  const known = parseSources(Deno.readTextFileSync(`${root}/docs/sources.md`), decisions);
  const each = [checkLayers, checkFileSize, checkFunctions, checkOpening, checkExports, checkNotes, checkWords];
  return [
    ...files.flatMap((file) => each.flatMap((check) => check(file))),
    ...files.flatMap((file) => checkReferences(file, known)),
    ...checkPackages(files),
    ...checkRooms(files, (path) => committedText(`${root}/${path}`)),
  ];
}

const files = readSources();
if (Deno.args.includes("--sources")) {
  await Deno.stdout.write(new TextEncoder().encode(sourceIndex(files.flatMap(referencesOf))));
}
const findings = findAll(files);
for (const { path, line, message } of findings) console.error(`${path}${line === 0 ? "" : `:${line}`}: ${message}`);
console.error(`house lint: ${files.length} files, ${findings.length} findings`);
Deno.exit(findings.length === 0 ? 0 : 1);
