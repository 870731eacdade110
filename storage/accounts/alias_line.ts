/** What a line of an alias may be [man valias.1] [spec formats 6]. */
import { Permanent } from "../../core/errors.ts";

/** The line as it was given. Throws Permanent when it is neither an address nor a file nor a program. */
export function checkAliasLine(line: string): string {
  const command = /^\|\s*\S/.test(line) || /^[/.]\S/.test(line);
  const address = /^&?[^\s|&/@][^\s@]*(?:@[^\s@]+)?$/.test(line);
  if (!command && !address || /\p{Cc}/u.test(line)) {
    throw new Permanent(`${JSON.stringify(line)} is not an alias line: an address, /file or |program`);
  }
  return line;
}
