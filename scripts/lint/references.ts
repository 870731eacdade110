/**
 * Sources that comments and declarations name in brackets, checked against docs/sources.md and docs/decisions; and the
 * index the other way round, from a source to the places that follow it.
 */
import { type Finding, isTest, type SourceFile } from "./source.ts";

/** What may be named. */
export interface KnownSources {
  readonly rfcs: ReadonlySet<string>;
  readonly pages: ReadonlySet<string>;
  readonly notes: ReadonlySet<string>;
  /** Numbers of the decision notes. */
  readonly decisions: ReadonlySet<string>;
}

/** One source named somewhere. */
export interface Reference {
  /** For example `rfc5321 4.5.3.1`. */
  readonly source: string;
  /** The same without the section: `rfc5321`. */
  readonly base: string;
  readonly path: string;
  readonly line: number;
}

const BRACKETS = /\[((?:rfc\d|man |spec |decision )[^\]]*)\]/g;

/** Reads docs/sources.md; `decisions` are the file names in docs/decisions. */
export function parseSources(text: string, decisions: readonly string[]): KnownSources {
  const sections = new Map(text.split(/^## /m).map((part) => [part.slice(0, part.indexOf("\n")), part]));
  const quoted = (title: string) => {
    return [...(sections.get(title) ?? "").matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
  };
  return {
    rfcs: new Set([...(sections.get("RFCs") ?? "").matchAll(/^\| (\d+) /gm)].map((match) => match[1] ?? "")),
    pages: new Set([...quoted("Manual pages of the original"), ...quoted("Manual pages of the system")]),
    notes: new Set(quoted("Notes")),
    decisions: new Set(decisions.map((name) => name.slice(0, 4))),
  };
}

/** All sources that a file names. A comma continues with another source or another section of the same. */
export function referencesOf({ path, lines }: SourceFile): Reference[] {
  return lines.flatMap((line, index) =>
    [...line.matchAll(BRACKETS)].flatMap((match) => {
      let base = "";
      return (match[1] ?? "").split(/,\s*/).map((part) => {
        const own = /^(?:rfc\d+|(?:man|spec|decision) [\w@.+-]+)/.exec(part);
        if (own !== null) base = own[0];
        return { source: own === null ? `${base} ${part}` : part, base, path, line: index + 1 };
      });
    })
  );
}

function isKnown(base: string, known: KnownSources): boolean {
  const [kind = "", name = ""] = base.split(" ");
  if (kind.startsWith("rfc")) return known.rfcs.has(kind.slice(3));
  if (kind === "man") return /\.\d\w*$/.test(name) && known.pages.has(name.replace(/\.\d\w*$/, ""));
  return kind === "spec" ? known.notes.has(name) : known.decisions.has(name);
}

/** Sources that are not listed; examples in tests are spared. */
export function checkReferences(file: SourceFile, known: KnownSources): Finding[] {
  if (isTest(file.path)) return [];
  return referencesOf(file).filter(({ base }) => !isKnown(base, known)).map(({ base, path, line }) => ({
    path,
    line,
    message: `unknown source ${base}: list it in docs/sources.md`,
  }));
}

/** The index from sources to places, a line each: `rfc5321 4.5.3.1: mail/smtp/limits.ts:12`. */
export function sourceIndex(references: readonly Reference[]): string {
  const groups = Map.groupBy(references, ({ source }) => source);
  const order = new Intl.Collator("en", { numeric: true });
  return [...groups.keys()].sort(order.compare).map((source) => {
    const places = (groups.get(source) ?? []).map(({ path, line }) => `${path}:${line}`);
    return `${source}: ${[...new Set(places)].join(" ")}\n`;
  }).join("");
}
