/** What is wrong in the header of a part, as ripmime --verbose-defects tells: tricks that readers understand differently. */
import type { Header } from "../../mail/header/header.ts";

const ONCE = ["content-type", "content-disposition", "content-transfer-encoding", "mime-version"];

/** The defects of a header, each once. */
export function headerDefects(header: Header): readonly string[] {
  const found = new Set<string>();
  for (const name of ONCE) if (header.all(name).length > 1) found.add("a field occurs several times");
  for (const name of ["content-type", "content-disposition"]) {
    for (const field of header.all(name)) {
      const text = header.text.slice(field.valueStart, field.end);
      if (countOf(text, /\bboundary\s*=/gi) > 1) found.add("several boundaries");
      if (countOf(text, /[;\s]name\s*=/gi) > 1) found.add("several names");
      if (countOf(text, /[;\s]filename\s*=/gi) > 1) found.add("several file names");
      if (countOf(text.replace(/\\[^]/g, ""), /"/g) % 2 === 1) found.add("a quote is not closed");
      if (/"{3,}/.test(text)) found.add("several quotes in a row");
      if (/={2,}/.test(text)) found.add("several equals signs in a row");
      if (/"[ \t\r\n]*[A-Za-z]+[ \t]*=/.test(text)) found.add("a semicolon is missing");
    }
  }
  return [...found];
}

function countOf(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
