/**
 * What comments must say: each file what it is, each export of core, mail and storage its contract; and what they must
 * not hold: notes to self.
 */
import { type Finding, isTest, type SourceFile } from "./source.ts";

const OPENING_LINES_MAX = 16;
const DOCUMENTED = /^(?:core|mail|storage)\//;
const EXPORT =
  /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|const|let|class|interface|type|enum) ([\w$]+)/;
/** Spelled so that this file does not find itself. */
const NOTE_TO_SELF = new RegExp(`\\b(?:${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);

/** A file must open with a comment that says what it is; a unit test is said by the file that it tests. */
export function checkOpening({ path, lines }: SourceFile): Finding[] {
  if (path.endsWith("_test.ts") && !path.startsWith("tests/")) return [];
  const first = lines[0]?.startsWith("#!") ? 1 : 0;
  const found = (message: string) => [{ path, line: 1, message }];
  if (!lines[first]?.startsWith("/**")) return found("does not open with a comment that says what it is");
  const length = lines.slice(first).findIndex((line) => line.includes("*/")) + 1;
  return length > OPENING_LINES_MAX ? found(`opens with ${length} lines of comment, at most ${OPENING_LINES_MAX}`) : [];
}

/** Exports without a contract. An overload shares the comment of the first. */
export function checkExports({ path, lines }: SourceFile): Finding[] {
  if (!DOCUMENTED.test(path) || isTest(path)) return [];
  const findings: Finding[] = [];
  const documented = new Set<string>();
  lines.forEach((line, index) => {
    const name = EXPORT.exec(line)?.[1];
    if (name === undefined || name === "applet" || documented.has(name)) return;
    documented.add(name);
    let above = index - 1;
    while (lines[above]?.trimStart().startsWith("//")) above--;
    if (!lines[above]?.trimEnd().endsWith("*/")) {
      findings.push({ path, line: index + 1, message: `export ${name} has no doc comment` });
    }
  });
  return findings;
}

/** Notes to self, which belong into an issue. */
export function checkNotes({ path, lines, code }: SourceFile): Finding[] {
  return lines.flatMap((line, index) =>
    NOTE_TO_SELF.test(line) && !NOTE_TO_SELF.test(code[index] ?? "") && /\/\/|\*/.test(line)
      ? [{ path, line: index + 1, message: "a note to self: do it or drop it" }]
      : []
  );
}
