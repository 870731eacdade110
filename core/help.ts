/**
 * What `--help`, `indimail help NAME` and `indimail --list` print, made of the programs' declarations. Plain text for a
 * terminal of 80 columns; core/manpage.ts says the same at length.
 */
import type { Applet, AppletEntry, OperandSpec, OptionSpec } from "./applet.ts";

const COLUMNS = 80;
/** Column at which the explanation of an option begins, unless the option itself is longer. */
const HELP_COLUMN = 24;

/** How the program is called, in one line: `vmoddomain [-v] [-f 0/1] domain`. */
export function synopsisOf(applet: Applet, name: string = applet.names[0]): string {
  if (applet.synopsis !== undefined) {
    const own = applet.names.find((known) => applet.synopsis === known || applet.synopsis?.startsWith(`${known} `));
    return own === undefined ? applet.synopsis : name + applet.synopsis.slice(own.length);
  }
  const specs: OptionSpec[] = Object.values(applet.options);
  const letters = specs.filter((spec) => spec.flag !== undefined && spec.value === undefined);
  const words = specs.filter((spec) => !letters.includes(spec)).map((spec) => {
    return `[${spellingOf(spec)}${argumentOf(spec)}]${spec.repeat ? "..." : ""}`;
  });
  if (letters.length > 0) words.unshift(`[-${letters.map(({ flag }) => flag).join("")}]`);
  return [name, ...words, ...(applet.operands ?? []).map(operandSynopsis)].join(" ");
}

function spellingOf(spec: OptionSpec): string {
  return spec.flag === undefined ? `--${spec.long}` : `-${spec.flag}`;
}

/** What follows the name of an option: ` file`, or `[=file]` where it may be left out. */
function argumentOf({ value, bare }: OptionSpec): string {
  if (value === undefined) return "";
  return bare === undefined ? ` ${value}` : `[=${value}]`;
}

function operandSynopsis(operand: OperandSpec): string {
  const word = operand.repeat ? `${operand.name}...` : operand.name;
  return operand.optional ? `[${word}]` : word;
}

/** All spellings of an option with its argument: `-j, --json`, `--root folder`. */
export function optionTerm(spec: OptionSpec): string {
  const spellings = [];
  if (spec.flag !== undefined) spellings.push(`-${spec.flag}`);
  if (spec.long !== undefined) spellings.push(`--${spec.long}`);
  return spellings.join(", ") + argumentOf(spec);
}

/** What an option does, with its default. */
export function optionHelp(spec: OptionSpec): string {
  return spec.default === undefined ? spec.help : `${spec.help} (default: ${spec.default})`;
}

/** Paragraphs of a description: blocks between empty lines, each in one line; indented blocks stay as they are. */
export function paragraphs(text: string): readonly string[] {
  return text.split(/\n[ \t]*\n/).filter((block) => block.trim() !== "").map((block) =>
    /^(?:[ \t]+.*\n?)+$/.test(block) ? block.replace(/\s+$/, "") : block.replace(/\s+/g, " ").trim()
  );
}

/** Breaks text at blanks so that no line passes the last column; each line begins with `indent` blanks. */
function wrapped(text: string, indent: number): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && indent + line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return lines.concat(line).map((text) => " ".repeat(indent) + text).join("\n");
}

/** `usage: ` and the synopsis, whose further lines begin below its first; options stay with their arguments. */
export function usageText(applet: Applet, name: string): string {
  const label = "usage: ";
  const grouped = synopsisOf(applet, name).replace(/\[[^\]]*\]/g, (group) => group.replaceAll(" ", "\u00a0"));
  return label + wrapped(grouped, label.length).slice(label.length).replaceAll("\u00a0", " ");
}

function definition(term: string, text: string): string {
  const body = wrapped(text.replace(/\s+/g, " "), HELP_COLUMN);
  const head = `  ${term}`;
  return head.length < HELP_COLUMN - 1 ? head + body.slice(head.length) : `${head}\n${body}`;
}

function definitions(title: string, rows: readonly (readonly [term: string, text: string])[]): string {
  return rows.length === 0 ? "" : `\n${title}:\n${rows.map(([term, text]) => definition(term, text)).join("\n")}\n`;
}

/** What `NAME --help` prints. */
export function helpText(applet: Applet, name: string = applet.names[0]): string {
  const specs: OptionSpec[] = Object.values(applet.options);
  const others = applet.names.filter((known) => known !== name);
  const controlFiles = applet.control ?? [];
  const parts = [
    `${name} - ${applet.summary}\n\n${usageText(applet, name)}\n`,
    ...paragraphs(applet.description).map((text) => `\n${/^\s/.test(text) ? text : wrapped(text, 0)}\n`),
    definitions("options", specs.map((spec) => [optionTerm(spec), optionHelp(spec)])),
    definitions("operands", (applet.operands ?? []).map(({ name, help }) => [name, help])),
    definitions("environment", Object.entries(applet.env ?? {})),
    controlFiles.length === 0 ? "" : `\ncontrol files:\n${wrapped(controlFiles.join(", "), 2)}\n`,
    definitions("files", Object.entries(applet.files ?? {})),
    definitions("exit codes", Object.entries(applet.exits ?? {})),
    definitions("examples", (applet.examples ?? []).map(({ command, help }) => [command, help])),
    others.length === 0 ? "" : `\nalso called: ${others.join(", ")}\n`,
  ];
  return parts.join("").replace(/[ \t]+$/gm, "");
}

/** What `indimail --list` prints: every name with room, role and summary; or the same as JSON, one object a program. */
export function listText(entries: readonly AppletEntry[], options: { readonly json: boolean }): string {
  if (options.json) {
    const rows = entries.map(({ names, room, role, section, summary, daemon }) => {
      return JSON.stringify({ name: names[0], names, room, role, section, summary, daemon });
    });
    return `[\n${rows.join(",\n")}\n]\n`;
  }
  const rows = entries.flatMap(({ names, room, role, summary }) => names.map((name) => [name, room, role, summary]));
  rows.sort(([a = ""], [b = ""]) => a < b ? -1 : 1);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ") + "\n").join("");
}

/** What `indimail` and `indimail --help` print: how programs are called, and their names, room by room. */
export function overviewText(entries: readonly AppletEntry[]): string {
  const rooms = Map.groupBy(entries, ({ room }) => room);
  const blocks = [...rooms.keys()].sort().map((room) => {
    const names = (rooms.get(room) ?? []).flatMap(({ names }) => names).sort();
    return `\n${room}:\n${wrapped(names.join(" "), 2)}\n`;
  });
  return `indimail - a mail server in one executable

usage: indimail NAME [arguments]     run the program NAME
       indimail help NAME            how NAME is called
       indimail serve [--root DIR]   run the whole mail server
       indimail link DIR             make a link to each program in DIR
       indimail completion SHELL     completion for bash, zsh or fish
       indimail --list [--json]      all programs with room, role and summary
       indimail --version            version of this executable
${blocks.join("")}`;
}
