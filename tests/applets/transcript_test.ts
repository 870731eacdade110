/** Unit tests of transcripts: their format, and what counts as the same output. */
import { assert, assertEquals, assertThrows } from "../support/assert.ts";
import { matchesOutput, outputLines, parseTranscript, peersOf } from "./transcript.ts";

Deno.test("a transcript is commands with output and exit code", () => {
  const steps = parseTranscript("# why\n\n$ a b\none\n\ntwo\n[111]\n\n# next\n$ c\n");
  assertEquals(steps, [
    { line: 3, command: "a b", output: ["one", "", "two"], code: 111 },
    { line: 10, command: "c", output: [], code: 0 },
  ]);
});

Deno.test("a command goes on over continued lines and here-documents", () => {
  const steps = parseTranscript("$ cat >a <<END && cat >b <<'X'\n$ no command\nEND\n[7]\nX\nout\n$ a \\\n  b\n");
  assertEquals(steps.map(({ command }) => command), [
    "cat >a <<END && cat >b <<'X'\n$ no command\nEND\n[7]\nX",
    "a \\\n  b",
  ]);
  assertEquals(steps[0]?.output, ["out"]);
});

Deno.test("a transcript may name peers, and steps that are meant to differ from theirs", () => {
  assertEquals(peersOf("# why\n# peer: tai64n  multilog\n\n$ a\n"), ["tai64n", "multilog"]);
  assertEquals(peersOf("# why\n$ a\n# peer: b\n"), []);
  assertEquals(peersOf("$ a\n# peer: b\n"), []);
  const steps = parseTranscript(
    "# peer: a\n$ a\nout\n\n# differs: ours says more\n$ b\n# differs: not this\n# c\n$ d\n",
  );
  assertEquals(steps, [
    { line: 2, command: "a", output: ["out"], code: 0 },
    { line: 6, command: "b", output: [], code: 0, differs: "ours says more" },
    { line: 9, command: "d", output: [], code: 0 },
  ]);
});

Deno.test("text before the first command is refused", () => {
  assertThrows(() => parseTranscript("output\n"), Error, /begins with a command/);
});

Deno.test("three dots stand for any lines", () => {
  assert(matchesOutput(["a", "...", "c"], ["a", "b", "b", "c"]));
  assert(matchesOutput(["...", "c", "..."], ["c"]));
  assert(matchesOutput(["..."], []));
  assert(!matchesOutput(["a", "..."], ["b"]));
  assert(!matchesOutput(["a"], ["a", "b"]));
  assertEquals(outputLines("a\n\nb\n\n"), ["a", "", "b"]);
});
