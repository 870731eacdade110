/**
 * Transcripts of programs: `$ command`, the output that it must have, `[code]` where it is not 0. A command goes on over
 * the lines of its here-documents and after a backslash; `# text` is a comment, a line `...` stands for any lines, `...`
 * within a line for any text. `# peer: NAME…` before the first command names programs that others ship too; a command
 * with `# differs: REASON` on the line before it is not meant to do the same with theirs.
 */

/** One command and what must come of it. */
export interface Step {
  /** Line of the command in the transcript, from 1. */
  readonly line: number;
  readonly command: string;
  readonly output: readonly string[];
  readonly code: number;
  /** Why other programs of the same name are meant to do something else. */
  readonly differs?: string;
}

const PEERS = /^# peer: (.+)$/m;
const DIFFERS = /^# differs: (.+)$/;
const HERE_DOCUMENT = /<<-?\s*(["']?)(\w+)\1/g;

/** Lines that the command beginning at `at` takes: itself, continuations, here-documents. */
function commandLength(lines: readonly string[], at: number): number {
  let end = at;
  while (lines[end]?.endsWith("\\")) end++;
  for (const [, , word] of (lines[at] ?? "").matchAll(HERE_DOCUMENT)) {
    while (end < lines.length && lines[end + 1]?.trim() !== word) end++;
    end++;
  }
  return end - at + 1;
}

/** The steps of a transcript; throws when it does not begin with a command. */
export function parseTranscript(text: string): readonly Step[] {
  const lines = text.replace(/\n$/, "").split("\n");
  const steps: { line: number; command: string; output: string[]; code: number; differs?: string }[] = [];
  for (let at = 0; at < lines.length;) {
    const line = lines[at] ?? "";
    const current = steps.at(-1);
    const code = /^\[(\d+)\]$/.exec(line)?.[1];
    if (line.startsWith("$ ")) {
      const length = commandLength(lines, at);
      const command = lines.slice(at, at + length).join("\n").slice(2);
      const differs = DIFFERS.exec(lines[at - 1] ?? "")?.[1];
      steps.push({ line: at + 1, command, output: [], code: 0, ...(differs === undefined ? {} : { differs }) });
      at += length;
      continue;
    }
    if (current === undefined) {
      if (line !== "" && !line.startsWith("#")) throw new Error(`line ${at + 1}: a transcript begins with a command`);
    } else if (code !== undefined) current.code = Number(code);
    else if (line !== "#" && !line.startsWith("# ")) current.output.push(line);
    at++;
  }
  for (const step of steps) while (step.output.at(-1) === "") step.output.pop();
  return steps;
}

/** The programs of the header line `# peer: NAME…`, which must stand before the first command; mostly none. */
export function peersOf(text: string): readonly string[] {
  const head = text.startsWith("$ ") ? "" : text.split("\n$ ", 1)[0] ?? "";
  return PEERS.exec(head)?.[1]?.trim().split(/\s+/) ?? [];
}

/** True when the output's lines are those expected; `...` stands for any number of lines, or for text within one. */
export function matchesOutput(expected: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = expected;
  if (first === undefined) return actual.length === 0;
  if (first !== "...") return matchesLine(first, actual[0]) && matchesOutput(rest, actual.slice(1));
  return actual.some((_, index) => matchesOutput(rest, actual.slice(index))) || matchesOutput(rest, []);
}

function matchesLine(expected: string, actual: string | undefined): boolean {
  if (expected === actual || actual === undefined || !expected.includes("...")) return expected === actual;
  const parts = expected.split("...").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`).test(actual);
}

/** The least runtime that a transcript needs, by its line `# runtime: 2.8`; undefined when any will do. */
export function runtimeOf(text: string): readonly number[] | undefined {
  return /^# runtime: (\d+\.\d+)$/m.exec(text)?.[1]?.split(".").map(Number);
}

/** Lines of what a command wrote; empty lines at its end do not count. */
export function outputLines(text: string): readonly string[] {
  const lines = text.split("\n");
  while (lines.at(-1) === "") lines.pop();
  return lines;
}
