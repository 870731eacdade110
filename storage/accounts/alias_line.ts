/** What a line of an alias may be [man valias.1] [spec formats 6]. */
import { Permanent } from "../../core/errors.ts";
import { shown } from "./names.ts";

/** Widths of the columns alias and valias_line [spec tables]. */
const ALIAS_MAX = 40;
const LINE_MAX = 190;

/**
 * The name of an alias in lower case: what stands before the @ without quotes, but no slash, since aliases become file
 * names (.qmail-NAME). Throws Permanent [rfc5322 3.2.3].
 */
export function checkAliasName(text: string): string {
  const name = text.toLowerCase();
  if (!/^[a-z0-9!#$%&'*+=?^_`{|}~.-]+$/.test(name) || name === "." || name === "..") {
    throw new Permanent(`${shown(text)} is not the name of an alias: letters, digits and !#$%&'*+-=?^_\`{|}~. only`);
  }
  if (name.length > ALIAS_MAX) throw new Permanent(`alias ${name}: longer than ${ALIAS_MAX} characters`);
  return name;
}

/** The line as it was given. Throws Permanent when it is neither an address nor a file nor a program. */
export function checkAliasLine(line: string): string {
  const command = /^\|\s*\S/.test(line) || /^[/.]\S/.test(line);
  const address = /^&?[^\s|&/@][^\s@]*(?:@[^\s@]+)?$/.test(line);
  if (!command && !address || /\p{Cc}/u.test(line)) {
    throw new Permanent(`${JSON.stringify(line)} is not an alias line: an address, /file or |program`);
  }
  if (line.length > LINE_MAX) {
    throw new Permanent(`alias line ${line.slice(0, 40)}…: longer than ${LINE_MAX} characters`);
  }
  return line;
}
