/**
 * The header of a message as users give it: fields with their lines, an mbox "From " line among them, perhaps no empty
 * line before the body. Pure; text is latin1 [man qmail-header.5].
 */

/** One field with its line ends. */
export interface InjectedField {
  /** In lower case, without the colon. */
  readonly name: string;
  /** All its lines, the last LF-ended. */
  readonly raw: string;
}

/** A header split from its body. */
export interface InjectedHeader {
  readonly fields: readonly InjectedField[];
  /** Where the body begins, behind the empty line if there is one. */
  readonly bodyStart: number;
}

const LF = "\n";

/**
 * Splits the beginning of a message; undefined when the header may go on behind `text` and `atEnd` is false. The first
 * line that is no field ends the header and belongs to the body. CRLF line ends of the header become LF.
 */
export function trySplitHeader(text: string, options: { readonly atEnd: boolean }): InjectedHeader | undefined {
  const fields: InjectedField[] = [];
  let name: string | undefined;
  let raw = "";
  let start = 0;
  const close = () => {
    if (name !== undefined) fields.push({ name, raw });
    name = undefined;
  };
  while (start < text.length) {
    const end = text.indexOf(LF, start);
    if (end < 0 && !options.atEnd) return undefined;
    const next = end < 0 ? text.length : end + 1;
    const line = text.slice(start, end < 0 ? text.length : end).replace(/\r$/, "");
    if (line === "") {
      close();
      return { fields, bodyStart: next };
    }
    if (/^[ \t]/.test(line) && name !== undefined) raw += `${line}\n`;
    else {
      const field = fieldOf(line, { first: fields.length === 0 && name === undefined });
      close();
      if (!field) return { fields, bodyStart: start };
      ({ name, raw } = field);
    }
    start = next;
  }
  if (!options.atEnd) return undefined;
  close();
  return { fields, bodyStart: start };
}

function fieldOf(line: string, options: { readonly first: boolean }): InjectedField | undefined {
  if (options.first && /^>?From /.test(line)) return { name: "mbox-line", raw: `MBOX-Line: ${line}\n` };
  const match = /^([!-9;-~]+)[ \t]*:/.exec(line);
  return match ? { name: match[1]!.toLowerCase(), raw: `${line}\n` } : undefined;
}

/** The value of a field without line ends and blanks around it. */
export function fieldValue(field: InjectedField): string {
  return field.raw.slice(field.raw.indexOf(":") + 1).replaceAll("\n", "").trim();
}
