/**
 * Rules about single lines: powers that only core has, code that hides a failure or leaves the ground of `deno compile`,
 * tests that are switched off, names of one machine.
 */
import { type Finding, isTest, type SourceFile } from "./source.ts";

/** One rule: files it is for, what it forbids in which view of the file, and what is said. */
interface WordRule {
  readonly where: (path: string) => boolean;
  readonly view: "code" | "uncommented" | "lines";
  readonly pattern: RegExp;
  readonly message: string;
}

const isProgram = (path: string) => /^(?:core|mail|storage|servers|admin|tools)\//.test(path) && !isTest(path);
const outsideCore = (path: string) => isProgram(path) && !path.startsWith("core/");
const isMail = (path: string) => path.startsWith("mail/") && !isTest(path);

const RULES: readonly WordRule[] = [
  {
    where: outsideCore,
    view: "code",
    pattern: /\bDeno\.(?:env|args)\b|\bprocess\.(?:env|argv)\b/,
    message: "environment and arguments come by proc",
  },
  {
    where: outsideCore,
    view: "code",
    pattern: /\bDeno\.exit\b|\bprocess\.exit\b|\breturn (?:99|100|111);|\bexitCode\b/,
    message: "exit codes come from the dialect: throw, or return its field",
  },
  {
    where: (path) => isProgram(path) && !path.startsWith("core/libc/"),
    view: "code",
    pattern: /\bDeno\.dlopen\b/,
    message: "libc is called in core/libc/ only",
  },
  {
    where: isMail,
    view: "code",
    pattern:
      /\bDeno\.|\bDate\.now\(|\bnew Date\(\)|(?<!\.)\bsetTimeout\(|\bMath\.random\(|\bgetRandomValues\b|\bperformance\./,
    message: "mail/ is pure: no files, sockets, clock or chance",
  },
  {
    where: isMail,
    view: "uncommented",
    pattern: /from "node:(?:fs|net|tls|dns|http|https|os|process|child_process|dgram)/,
    message: "mail/ is pure: no files, sockets, clock or chance",
  },
  {
    where: isProgram,
    view: "lines",
    pattern: /^(?!.*\/\/ \w).*(?:\bcatch\s*(?:\([^)]*\)\s*)?\{\s*\}|\.catch\(\(\w*\) => (?:\{\s*\}|undefined)\))/,
    message: "an empty catch: say in a comment behind it what is expected",
  },
  {
    where: isProgram,
    view: "code",
    pattern: /\bimport\((?!")/,
    message: "only literal import specifiers: another would be looked for on disk by the compiled program",
  },
  { where: isProgram, view: "code", pattern: /\bconsole\./, message: "programs write to proc.stdout and proc.log" },
  {
    where: isTest,
    view: "code",
    pattern: /\bDeno\.test\.(?:ignore|only)\b|\b(?:ignore|only): true\b|\bsanitize\w+: false\b/,
    message: "tests run whole, with their sanitizers",
  },
  {
    where: (path) => !path.startsWith("scripts/lint/"),
    view: "lines",
    pattern: /(?<![\w.])\/(?:work|root)\/|\bnpmjs\.|\bpythonhosted\b/,
    message: "names one machine or registry",
  },
];

/** All lines of a file that a word rule forbids. */
export function checkWords(file: SourceFile): Finding[] {
  return RULES.filter(({ where }) => where(file.path)).flatMap(({ view, pattern, message }) =>
    file[view].flatMap((text, index) => pattern.test(text) ? [{ path: file.path, line: index + 1, message }] : [])
  );
}
