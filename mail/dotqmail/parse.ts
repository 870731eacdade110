/**
 * The instructions of a .qmail file, line by line; pure. What they do is servers/delivery's [man dot-qmail.9]
 * [spec formats 6].
 */

/** One line of a .qmail file. */
export type DotQmailInstruction =
  /** `|command`: feeds the message to a program. */
  | { readonly kind: "program"; readonly command: string }
  /** `&address`, or a line that begins with a letter or digit. */
  | { readonly kind: "forward"; readonly address: string }
  /** `/path` or `./path`, ended by a slash: a Maildir. */
  | { readonly kind: "maildir"; readonly path: string }
  /** `/path` or `./path`: an mbox. */
  | { readonly kind: "mbox"; readonly path: string }
  /** `?label command`: jumps forward to the label when the command exits 99, or always without a command. */
  | { readonly kind: "jump"; readonly label: string; readonly command: string }
  /** `:label`: where a jump goes. */
  | { readonly kind: "label"; readonly label: string }
  /** `%folder`: sets the environment from the files of a folder. */
  | { readonly kind: "environment"; readonly folder: string }
  /** `+list`: only forwards may follow. */
  | { readonly kind: "forward-only" };

/** A parsed file. */
export interface DotQmail {
  readonly instructions: readonly DotQmailInstruction[];
  /** The first line is blank: a sign of a file being edited; delivery waits. */
  readonly firstLineBlank: boolean;
}

/** Most instructions of one file; the rest of a longer file is an error of whoever wrote it. */
export const DOT_QMAIL_LINES_MAX = 100_000;

/** Parses the text (latin1) of a .qmail file. Throws RangeError when it has more than DOT_QMAIL_LINES_MAX lines. */
export function parseDotQmail(text: string): DotQmail {
  const lines = text.split("\n");
  if (lines.length > DOT_QMAIL_LINES_MAX) throw new RangeError(`more than ${DOT_QMAIL_LINES_MAX} lines`);
  const instructions: DotQmailInstruction[] = [];
  for (const line of lines) {
    const instruction = parseLine(line.replace(/[ \t]+$/, ""));
    if (instruction) instructions.push(instruction);
  }
  return { instructions, firstLineBlank: text !== "" && lines[0]!.trim() === "" };
}

function parseLine(line: string): DotQmailInstruction | undefined {
  const rest = line.slice(1);
  switch (line[0]) {
    case undefined:
    case "#":
      return undefined;
    case "|":
      return { kind: "program", command: rest };
    case "&":
      return { kind: "forward", address: rest.trimStart() };
    case ".":
    case "/":
      return { kind: line.endsWith("/") ? "maildir" : "mbox", path: line };
    case "?": {
      const [, label = "", command = ""] = /^(\S*)\s*(.*)$/s.exec(rest) ?? [];
      return { kind: "jump", label, command };
    }
    case ":":
      return { kind: "label", label: rest.trim() };
    case "%":
      return { kind: "environment", folder: rest.trim() };
    case "+":
      return rest === "list" ? { kind: "forward-only" } : undefined;
    default:
      return { kind: "forward", address: line };
  }
}

/**
 * Names of the .qmail file for an extension, most special first: `.qmail-a-b`, `.qmail-a-default`, `.qmail-default`;
 * just `.qmail` without a dash. Each with the part of the extension that `default` stands for.
 */
export function dotQmailNames(dash: string, ext: string): { readonly name: string; readonly matched?: string }[] {
  if (dash === "") return [{ name: ".qmail" }];
  const safe = ext.toLowerCase().replaceAll(".", ":");
  const names: { name: string; matched?: string }[] = [{ name: `.qmail${dash}${safe}` }];
  for (let end = safe.length; end >= 0; end--) {
    if (end > 0 && safe[end - 1] !== "-") continue;
    names.push({ name: `.qmail${dash}${safe.slice(0, end)}default`, matched: ext.slice(end) });
  }
  return names;
}

/**
 * The words of a command line of `vdelivermail`-like programs, when it is plain enough to be run without a shell:
 * words, '…' and "…" without expansions. Undefined when only a shell can tell.
 */
export function plainCommandWords(command: string): string[] | undefined {
  const words: string[] = [];
  const pattern = /\s*(?:'([^']*)'|"([^"$`\\]*)"|([^\s'"$`\\|&;<>()*?[\]#~{}!]+))(?=\s|$)/gy;
  let end = 0;
  for (let match = pattern.exec(command); match; match = pattern.exec(command)) {
    words.push(match[1] ?? match[2] ?? match[3]!);
    end = pattern.lastIndex;
  }
  return command.slice(end).trim() === "" ? words : undefined;
}
