import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { Permanent, Usage } from "../../../core/errors.ts";
import { formatVariables, parseVariables, VariableFiles } from "./variable_files.ts";

Deno.test("variables are what they were after format and parse", () => {
  const variables = [["A", "1"], ["B", undefined], ["C_D", "x = y"]] as const;
  assertEquals(parseVariables(formatVariables(variables)), variables.map((pair) => [...pair]));
});

Deno.test("comments and quotes are left out, a bad name is told with its line", () => {
  assertEquals(parseVariables('# a\n\n A="b c"\nB\n'), [["A", "b c"], ["B", undefined]]);
  assertThrows(() => parseVariables("A=1\n../x=2\n"), Usage, "line 2");
});

Deno.test("a folder of variables is set, read and restored", () => {
  const folder = Deno.makeTempDirSync();
  try {
    const files = new VariableFiles(`${folder}/variables`);
    files.write(["A", "1"]);
    files.write(["B", undefined]);
    Deno.writeTextFileSync(`${folder}/variables/.options`, "kept");
    assertEquals(files.all(), [["A", "1"], ["B", undefined]]);
    files.restore([["C", "3"]]);
    assertEquals(files.all(), [["C", "3"]]);
    assertEquals(Deno.readTextFileSync(`${folder}/variables/.options`), "kept");
    assertThrows(() => files.remove("A"), Permanent);
    assertThrows(() => files.write(["../A", "1"]), Usage);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
