/**
 * The manual page of a program in roff (man macros), made of its declaration. `deno task man` writes them all; they
 * render without a warning of groff.
 */
import type { Applet, OptionSpec } from "./applet.ts";
import { EXIT_DIALECTS, type ExitDialect } from "./exits.ts";
import { optionHelp, optionTerm, paragraphs, synopsisOf } from "./help.ts";

const CHARACTERS: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "^": "\\(ha",
  "~": "\\(ti",
  "`": "\\(ga",
  "'": "\\(aq",
  '"': "\\(dq",
};

/** Text that roff shows as it is, in a line of text or in a macro's quoted argument. */
function roff(text: string): string {
  return text.replace(/[\\\-^~`'"]|[^ -~\n\t]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return CHARACTERS[character] ?? `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** A line of text: one that would begin with a request is held off. */
function textLine(text: string): string {
  return `${roff(text.replace(/\s+/g, " ").trim()).replace(/^\./, "\\&.")}\n`;
}

function section(title: string, body: string): string {
  return body === "" ? "" : `.SH ${title}\n${body}`;
}

function tagged(rows: readonly (readonly [term: string, text: string])[]): string {
  return rows.map(([term, text]) => `.TP\n.B ${roff(term).replace(/^\./, "\\&.")}\n${textLine(text)}`).join("");
}

function description(applet: Applet): string {
  return paragraphs(applet.description).map((text) =>
    /^\s/.test(text)
      ? `.PP\n.EX\n${text.split("\n").map((line) => roff(line).replace(/^\./, "\\&.")).join("\n")}\n.EE\n`
      : `.PP\n${textLine(text)}`
  ).join("").replace(/^\.PP\n/, "");
}

/** Meanings of a dialect's codes where the program does not name them itself. */
const ENDINGS: Readonly<Record<keyof ExitDialect, string>> = {
  ok: "success",
  usage: "wrong usage",
  denied: "not permitted",
  permanent: "failed for good",
  temporary: "failed for now; trying again may succeed",
  surprise: "failed unexpectedly; trying again may succeed",
};

/** The codes of a program's dialect, each with all that it means. */
function dialectRows(dialect: ExitDialect): [string, string][] {
  const meanings = new Map<number, string[]>();
  const keys = ["ok", "usage", "denied", "permanent", "temporary", "surprise"] as const;
  for (const key of keys) {
    if (key === "surprise" && dialect.surprise === dialect.temporary) continue;
    meanings.set(dialect[key], [...meanings.get(dialect[key]) ?? [], ENDINGS[key]]);
  }
  return [...meanings].sort(([a], [b]) => a - b).map(([code, texts]) => [String(code), texts.join(", ")]);
}

function exits(applet: Applet): readonly (readonly [string, string])[] {
  return applet.exits === undefined ? dialectRows(EXIT_DIALECTS[applet.dialect]) : Object.entries(applet.exits);
}

function synopsis(applet: Applet): string {
  return applet.names.map((name) => {
    const text = synopsisOf(applet, name);
    return text.startsWith(name)
      ? `.B ${roff(name)}\n${text === name ? "" : textLine(text.slice(name.length))}`
      : textLine(text);
  }).join(".br\n");
}

function seeAlso(applet: Applet): string {
  const pages = (applet.seeAlso ?? []).map((page) => {
    const parts = /^(.*)\((\w+)\)$/.exec(page);
    return parts === null ? [page, ""] : [parts[1] ?? "", `(${parts[2]})`];
  });
  return pages.map(([name = "", number], index) =>
    `.BR ${roff(name)} "${number}${index + 1 < pages.length ? "," : ""}"\n`
  ).join("");
}

/** The manual page of a program. */
export function manualPage(applet: Applet): string {
  const options: OptionSpec[] = Object.values(applet.options);
  const control = applet.control ?? [];
  const examples = (applet.examples ?? []).map(({ command, help }) => [command, help] as const);
  return [
    `.\\" Generated from the program's declaration by "deno task man"; do not edit.\n`,
    `.TH "${roff(applet.names[0].toUpperCase())}" "${applet.section}" "" "IndiMail" "IndiMail manual"\n`,
    section("NAME", `${applet.names.map(roff).join(", ")} \\- ${textLine(applet.summary)}`),
    section("SYNOPSIS", synopsis(applet)),
    section("DESCRIPTION", description(applet)),
    section("OPTIONS", tagged(options.map((spec) => [optionTerm(spec), optionHelp(spec)]))),
    section("OPERANDS", tagged((applet.operands ?? []).map(({ name, help }) => [name, help]))),
    section("ENVIRONMENT", tagged(Object.entries(applet.env ?? {}))),
    section("CONTROL FILES", control.length === 0 ? "" : textLine(`${control.join(", ")}.`)),
    section("FILES", tagged(Object.entries(applet.files ?? {}))),
    section("EXIT STATUS", tagged(exits(applet))),
    section("EXAMPLES", tagged(examples)),
    section("SEE ALSO", seeAlso(applet)),
  ].join("");
}

/**
 * The pages of a program by path below the manual's folder, one for each of its names. They are whole pages: `man -l`
 * does not follow a reference (`.so`) from any folder but the manual's own.
 */
export function manualPages(applet: Applet): ReadonlyMap<string, string> {
  const page = manualPage(applet);
  return new Map(applet.names.map((name) => [`man${applet.section}/${name}.${applet.section}`, page]));
}
