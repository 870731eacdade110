/**
 * Who may import whom: core <- mail <- storage <- servers, admin; tools import core, mail and a part of storage; rooms of
 * servers, admin and tools never import a sibling; a package from npm belongs to one room.
 */
import { type Finding, isTest, type SourceFile } from "./source.ts";

/** Parts of storage that know nothing of this site, which the tool box may use. */
const STORAGE_OF_TOOLS = ["storage/cdb/", "storage/maildir/", "storage/mbox/", "storage/locks/", "storage/disk"];

/** Folders at the top that a file of a folder at the top may import from, besides its own. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  mail: ["core"],
  storage: ["core", "mail"],
  servers: ["core", "mail", "storage"],
  admin: ["core", "mail", "storage"],
  tools: ["core", "mail", "storage"],
};

/** Folders at the top whose rooms must not know each other. */
const SIBLINGS_APART = new Set(["servers", "admin", "tools"]);

/** A file that may read the table of programs. */
const READS_REGISTRY = /^admin\/shell\//;

/** An import: what it names, and where. */
interface Import {
  readonly specifier: string;
  readonly line: number;
}

function importsOf(file: SourceFile): Import[] {
  const imports: Import[] = [];
  file.uncommented.forEach((text, index) => {
    if (!/\b(?:from|import)\b/.test(file.code[index] ?? "")) return;
    for (const match of text.matchAll(/\b(?:from|import)[\s(]\s*"([^"]+)"/g)) {
      imports.push({ specifier: match[1] ?? "", line: index + 1 });
    }
  });
  return imports;
}

/** Path below the checkout that a relative specifier names. */
function resolveImport(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

function top(path: string): string {
  return path.includes("/") ? path.slice(0, path.indexOf("/")) : "";
}

/** The room: servers/smtp of servers/smtp/parse/x.ts; core for all of core. */
function roomOf(path: string): string {
  return path.split("/").slice(0, -1).slice(0, 2).join("/");
}

function refusal(from: string, to: string): string | undefined {
  const allowed = ALLOWED[top(from)];
  if (allowed === undefined) return undefined;
  if (isTest(from) && top(to) === "tests") return undefined;
  if (to === "applets.ts" && READS_REGISTRY.test(from)) return undefined;
  if (top(from) === top(to)) {
    return SIBLINGS_APART.has(top(from)) && roomOf(from) !== roomOf(to)
      ? `${roomOf(from)} must not import its sibling ${to}`
      : undefined;
  }
  if (!allowed.includes(top(to))) return `${top(from)} must not import ${to}`;
  if (top(from) === "tools" && top(to) === "storage" && !STORAGE_OF_TOOLS.some((part) => to.startsWith(part))) {
    return `tools must not import ${to}: only storage/{cdb,maildir,mbox,locks,disk}`;
  }
  return undefined;
}

/** Imports that go up or sideways. */
export function checkLayers(file: SourceFile): Finding[] {
  return importsOf(file).filter(({ specifier }) => specifier.startsWith(".")).flatMap(({ specifier, line }) => {
    const message = refusal(file.path, resolveImport(file.path, specifier));
    return message === undefined ? [] : [{ path: file.path, line, message }];
  });
}

/** Packages of npm that more than one room imports. */
export function checkPackages(files: readonly SourceFile[]): Finding[] {
  const findings: Finding[] = [];
  const owners = new Map<string, SourceFile>();
  for (const file of files) {
    if (isTest(file.path) || ALLOWED[top(file.path)] === undefined) continue;
    for (const { specifier, line } of importsOf(file)) {
      if (specifier.startsWith(".") || specifier.startsWith("node:")) continue;
      const name = specifier.split("/").slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
      const owner = owners.get(name) ?? file;
      owners.set(name, owner);
      if (roomOf(owner.path) !== roomOf(file.path)) {
        findings.push({ path: file.path, line, message: `package ${name} belongs to ${roomOf(owner.path)}` });
      }
    }
  }
  return findings;
}
