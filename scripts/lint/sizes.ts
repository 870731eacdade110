/**
 * Limits of size: lines of a file, lines of a function, files of a room. A function is found by the indentation that
 * `deno fmt` gives it.
 */
import { type Finding, isTest, type SourceFile } from "./source.ts";

const FILE_LINES_MAX = 500;
const FUNCTION_LINES_MAX = 70;
const ROOM_FILES_MAX = 40;
const README_LINES_MAX = 8;

const EXEMPT = /(?:_test|_table)\.ts$|^applets\.ts$|^tests\//;
const ROOMS = /^(?:core|mail|storage|servers|admin|tools)\//;
const CONTROL_WORD = /^(?:\} )?(?:if|else|for|while|switch|catch|try|finally|do|return|throw|await|case|new|with)\b/;
const METHOD =
  /^(?:(?:static|async|override|get|set|private|protected|public) )*\*?(?:#?[\w$]+|\[[^\]]+\]|constructor)(?:<.*>)?\(/;

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** The line where the statement begins whose block opens at `at`: above it while lines close a bracket. */
function headOf(code: readonly string[], at: number): number {
  const indent = indentOf(code[at] ?? "");
  let head = at;
  while (head > 0 && /^[)}\]>]/.test((code[head] ?? "").trimStart())) {
    do head--; while (head > 0 && ((code[head] ?? "").trim() === "" || indentOf(code[head] ?? "") > indent));
  }
  return head;
}

/** True when the block that opens at `at` is a function's body. */
function opensFunction(code: readonly string[], at: number, head: number): boolean {
  const line = (code[at] ?? "").trimEnd();
  if (line.endsWith("=> {")) return true;
  const text = (code[head] ?? "").trim();
  if (/(?:^|\s)function\b/.test(text)) return true;
  return !CONTROL_WORD.test(text) && METHOD.test(text) && /\)(?:: .*)? \{$/.test(line);
}

/** Functions longer than the limit. */
export function checkFunctions({ path, code }: SourceFile): Finding[] {
  if (isTest(path)) return [];
  const findings: Finding[] = [];
  for (let at = 0; at < code.length; at++) {
    const line = (code[at] ?? "").trimEnd();
    if (!line.endsWith("{")) continue;
    const head = headOf(code, at);
    if (!opensFunction(code, at, head)) continue;
    const indent = indentOf(line);
    let end = at + 1;
    while (end < code.length && !(indentOf(code[end] ?? "") === indent && (code[end] ?? "").trimStart()[0] === "}")) {
      end++;
    }
    const length = end - head + 1;
    if (length > FUNCTION_LINES_MAX) {
      findings.push({ path, line: head + 1, message: `a function of ${length} lines, at most ${FUNCTION_LINES_MAX}` });
    }
  }
  return findings;
}

/** A file longer than the limit. */
export function checkFileSize({ path, lines }: SourceFile): Finding[] {
  const count = lines.length - 1;
  if (EXEMPT.test(path) || count <= FILE_LINES_MAX) return [];
  return [{ path, line: 0, message: `${count} lines, at most ${FILE_LINES_MAX}` }];
}

/** Rooms with too many files, or without a short README.md. */
export function checkRooms(files: readonly SourceFile[], readme: (path: string) => string | undefined): Finding[] {
  const rooms = Map.groupBy(
    files.filter(({ path }) => ROOMS.test(path) && !isTest(path)),
    ({ path }) => path.slice(0, path.lastIndexOf("/")),
  );
  return [...rooms].flatMap(([room, members]) => {
    const findings: Finding[] = [];
    if (members.length > ROOM_FILES_MAX) {
      findings.push({ path: room, line: 0, message: `${members.length} files, at most ${ROOM_FILES_MAX}` });
    }
    const text = readme(`${room}/README.md`);
    const lines = text?.split("\n").filter((line) => line.trim() !== "").length ?? 0;
    if (lines === 0) {
      findings.push({ path: room, line: 0, message: "no README.md: what lives here, role, manual pages" });
    }
    if (lines > README_LINES_MAX) {
      findings.push({ path: `${room}/README.md`, line: 0, message: `${lines} lines, at most ${README_LINES_MAX}` });
    }
    return findings;
  });
}
