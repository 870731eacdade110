/** Unit tests of multilog's scripts, patterns and lines; random scripts against one line at a time. */
import { concatBytes, latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { Usage } from "../../core/errors.ts";
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { LogLines } from "./log_lines.ts";
import { matchesPattern, parseLogScript } from "./log_script.ts";

function matches(pattern: string, line: string): boolean {
  return matchesPattern(latin1Bytes(pattern), latin1Bytes(`<${line}>`), { start: 1, end: line.length + 1 });
}

Deno.test("a star matches what does not hold the next character, at the end anything", () => {
  const yes = [["hello", "hello"], ["*", ""], ["*", "any"], ["a*b", "ab"], ["a*b", "axxb"], ["", ""], ["a*", "a"]];
  const no = [["hello", "hello world"], ["hello", "hell"], ["a*b", "abb"], ["a*bc", "abxbc"], ["", "x"], ["*x", ""]];
  for (const [pattern = "", line = ""] of yes) assert(matches(pattern, line), `${pattern} ${line}`);
  for (const [pattern = "", line = ""] of no) assert(!matches(pattern, line), `${pattern} ${line}`);
  assert(matches("named[*]: Cleaned cache *", "named[135]: Cleaned cache of 3121 RRs"));
  assert(matches("**b", "x*yb")); // a star before a star ends at a star in the line, which the second one takes on
});

Deno.test("a script sets what holds for the folders behind it", () => {
  const warnings: string[] = [];
  const script = parseLogScript([
    "t",
    "s1",
    "./a",
    "s99999999",
    "n1",
    "!gzip",
    "/b",
    "!",
    "s0",
    "!r60",
    "./c",
    "q",
    "t",
  ], (text) => warnings.push(text));
  const folders = script.actions.flatMap((action) => action.kind === "folder" ? [[action.path, action.limits]] : []);
  assertEquals(folders, [
    ["./a", { sizeBytes: 4096, files: 10, processor: undefined }],
    ["/b", { sizeBytes: 16_777_215, files: 2, processor: "gzip" }],
    ["./c", { sizeBytes: 0, files: 2, processor: undefined }],
  ]);
  assertEquals([script.timestamps, script.rotateSeconds, warnings.length], [true, 60, 2]);
  for (const wrong of ["s", "n", "nx", "r"]) assertThrows(() => parseLogScript([wrong], () => {}), Usage);
});

/** Numbers that are the same in each run. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

/** What each folder gets of whole lines, by the manual page's words. */
function expected(script: readonly string[], lines: readonly string[]): string[] {
  const folders: string[] = script.filter((action) => action.startsWith(".")).map(() => "");
  for (const line of lines) {
    let selected = true;
    let folder = 0;
    for (const action of script) {
      const pattern = action.slice(1);
      if (action.startsWith("+")) selected ||= matches(pattern, line.slice(0, 1000));
      else if (action.startsWith("-")) selected &&= !matches(pattern, line.slice(0, 1000));
      else if (selected) folders[folder++] += `${line}\n`;
      else folder++;
    }
  }
  return folders;
}

Deno.test("folders get the same lines however the input is cut", () => {
  for (let seed = 1; seed <= 60; seed++) {
    const next = random(seed);
    const text = (length: number) => Array.from({ length }, () => "ab "[next(3)]).join("");
    const script = Array.from(
      { length: 1 + next(6) },
      () => ["./x", `-*${text(2)}*`, `+${text(1)}*`, "-*", "+*b"][next(5)] ?? "",
    );
    const lines = Array.from({ length: 1 + next(30) }, () => text(next(10) === 0 ? 990 + next(30) : next(12)));
    const input = latin1Bytes(lines.map((line) => `${line}\n`).join("").slice(0, next(2) === 0 ? -1 : undefined));
    const log = new LogLines(parseLogScript(script, () => {}));
    const folders = script.filter((action) => action.startsWith(".")).map(() => new Uint8Array(0));
    const take = (parts: readonly Uint8Array[]) =>
      parts.forEach((part, folder) => folders[folder] = concatBytes(folders[folder]!, part));
    for (let at = 0, size = 0; at < input.length; at += size) {
      size = 1 + next([3, 40, 3000][next(3)] ?? 1);
      take(log.push(input.slice(at, at + size)).folders);
    }
    take(log.end().folders);
    // input that ends within a line of no bytes has no such line
    const whole = input.length > 0 && lines.at(-1) === "" && input.at(-1) !== 10 ? lines.slice(0, -1) : lines;
    assertEquals(folders.map(latin1Text), expected(script, input.length === 0 ? [] : whole), `seed ${seed}`);
  }
});
