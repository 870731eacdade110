/** Unit tests of the house lint: each rule finds what it forbids and leaves the rest alone. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { checkExports, checkNotes, checkOpening } from "./comments.ts";
import { checkLayers, checkPackages } from "./layers.ts";
import { checkReferences, parseSources, referencesOf, sourceIndex } from "./references.ts";
import { checkFileSize, checkFunctions, checkRooms } from "./sizes.ts";
import { type Finding, scanSource } from "./source.ts";
import { checkWords } from "./words.ts";

function file(path: string, ...lines: string[]) {
  return scanSource(path, lines.join("\n"));
}

function lines(findings: readonly Finding[]): number[] {
  return findings.map(({ line }) => line);
}

Deno.test("the scanner tells comments, strings, templates and regular expressions from code", () => {
  const { code, uncommented } = file(
    "core/x.ts",
    'const a = "// no" + `{${b("}")}/*` + c; // yes',
    "const d = /[/\"]'/.test(e) / 2; /* f",
    " g */ const h = '\\'';",
  );
  assertEquals(code, [
    'const a = "     " + ` ${b(" ")}  ` + c;       ',
    "const d = /     /.test(e) / 2;     ",
    "      const h = '  ';",
  ]);
  assertEquals(uncommented[0], 'const a = "// no" + `{${b("}")}/*` + c;       ');
});

Deno.test("imports go down only", () => {
  const from = (path: string, specifier: string) => checkLayers(file(path, `import { a } from "${specifier}";`)).length;
  assertEquals(from("core/a.ts", "../mail/b.ts"), 1);
  assertEquals(from("core/a.ts", "./net/b.ts"), 0);
  assertEquals(from("mail/smtp/a.ts", "../../storage/disk.ts"), 1);
  assertEquals(from("storage/cdb/a.ts", "../../servers/smtp/a.ts"), 1);
  assertEquals(from("servers/smtp/a.ts", "../../storage/queue/a.ts"), 0);
  assertEquals(from("servers/smtp/a.ts", "../imap/a.ts"), 1);
  assertEquals(from("servers/smtp/deep/a.ts", "../a.ts"), 0);
  assertEquals(from("admin/users/a.ts", "../../servers/smtp/a.ts"), 1);
  assertEquals(from("tools/cdb/a.ts", "../../storage/cdb/reader.ts"), 0);
  assertEquals(from("tools/cdb/a.ts", "../../storage/queue/reader.ts"), 1);
  assertEquals(from("core/a.ts", "../tests/support/assert.ts"), 1);
  assertEquals(from("core/a_test.ts", "../tests/support/assert.ts"), 0);
  assertEquals(from("admin/shell/a.ts", "../../applets.ts"), 0);
  assertEquals(from("admin/users/a.ts", "../../applets.ts"), 1);
  assertEquals(from("tests/e2e/a.ts", "../../servers/smtp/a.ts"), 0);
});

Deno.test("dynamic imports and imports over several lines count, comments do not", () => {
  const source = file(
    "core/a.ts",
    "import {",
    "  b,",
    '} from "../mail/b.ts";',
    '// from "../mail/c.ts"',
    'await import("../mail/d.ts");',
  );
  assertEquals(lines(checkLayers(source)), [3, 5]);
});

Deno.test("a package belongs to one room", () => {
  const a = file("storage/accounts/a.ts", 'import m from "mysql2/promise";');
  const b = file("servers/lookup/b.ts", 'import m from "mysql2";', 'import n from "node:net";');
  const test = file("servers/lookup/b_test.ts", 'import m from "mysql2";');
  assertEquals(checkPackages([a, b, test]).map(({ path }) => path), ["servers/lookup/b.ts"]);
});

Deno.test("a function of more than 70 lines is found, whatever its form", () => {
  const body = (count: number) => Array.from({ length: count }, () => "  work();");
  const long = (head: string[], count = 69) => lines(checkFunctions(file("core/a.ts", ...head, ...body(count), "}")));
  assertEquals(long(["function a() {"], 68), []);
  assertEquals(long(["export async function a() {"]), [1]);
  assertEquals(long(["const a = async (b) => {"]), [1]);
  assertEquals(long(["function a(", "  b: string,", "): void {"], 66), []);
  assertEquals(long(["function a(", "  b: string,", "): void {"], 67), [1]);
  assertEquals(long(["if (a(b)) {"]), []);
  assertEquals(long(["export const a: Table = {"], 200), []);
  assertEquals(long(["class A {"], 200), []);
  const method = ["class A {", "  async #run(a: B): Promise<void> {", ...body(70), "  }", "}"];
  assertEquals(lines(checkFunctions(file("core/a.ts", ...method))), [2]);
  assertEquals(lines(checkFunctions(file("core/a_test.ts", ...method))), []);
});

Deno.test("a file has at most 500 lines, but for tests and tables", () => {
  const text = Array.from({ length: 502 }, () => "");
  assertEquals(checkFileSize(file("core/a.ts", ...text)).length, 1);
  assertEquals(checkFileSize(file("core/a.ts", ...text.slice(1))).length, 0);
  assertEquals(checkFileSize(file("core/a_table.ts", ...text)).length, 0);
  assertEquals(checkFileSize(file("core/a_test.ts", ...text)).length, 0);
});

Deno.test("a room has at most 40 files and a short README.md", () => {
  const files = Array.from({ length: 41 }, (_, index) => file(`mail/smtp/f${index}.ts`));
  const check = (count: number, readme: string | undefined) => checkRooms(files.slice(0, count), () => readme).length;
  assertEquals([check(40, "# a\n"), check(41, "# a\n"), check(1, undefined), check(1, "a\n".repeat(9))], [0, 1, 1, 1]);
});

Deno.test("a file opens with a comment, an export of core has one", () => {
  assertEquals(checkOpening(file("core/a.ts", "/** What it is. */")).length, 0);
  assertEquals(checkOpening(file("core/a.ts", "// what it is")).length, 1);
  assertEquals(checkOpening(file("core/a.ts", "/**", ...Array.from({ length: 16 }, () => " *"), " */")).length, 1);
  const source = file(
    "core/a.ts",
    "/** One. */",
    "export function one(a: string): void;",
    "export function one(a: number): void;",
    "export type Two = 1;",
    "/** Three. */",
    "// deno-lint-ignore no-explicit-any -- reason",
    "export async function three() {}",
  );
  assertEquals(lines(checkExports(source)), [4]);
  assertEquals(checkExports({ ...source, path: "servers/a.ts" }), []);
});

Deno.test("a note to self is found in a comment only", () => {
  const note = "TO" + "DO";
  assertEquals(lines(checkNotes(file("core/a.ts", `// ${note}: later`, `const ${note} = 1; // x`, "// todo folder"))), [
    1,
  ]);
});

Deno.test("the words of core stay in core", () => {
  const check = (path: string, line: string) => checkWords(file(path, line)).length;
  for (
    const line of [
      "Deno.env.get(a);",
      "Deno.args[0];",
      "Deno.exit(1);",
      "return 111;",
      "Deno.dlopen(a);",
      "console.log(a);",
    ]
  ) {
    assertEquals(check("servers/smtp/a.ts", line), 1, line);
    assertEquals(check("scripts/a.ts", line), 0, line);
  }
  assertEquals(check("servers/smtp/a.ts", "// Deno.env is for core"), 0);
  assertEquals(check("core/proc.ts", "Deno.env.get(a);"), 0);
  assertEquals([check("core/libc/fd.ts", "Deno.dlopen(a);"), check("core/proc.ts", "Deno.dlopen(a);")], [0, 1]);
});

Deno.test("mail/ has neither files nor a clock", () => {
  const check = (line: string) => checkWords(file("mail/smtp/a.ts", line)).length;
  for (const line of ["Deno.readFile(a);", "Date.now();", "setTimeout(a, 1);", 'import fs from "node:fs";']) {
    assertEquals(check(line), 1, line);
  }
  for (const line of ["wire.setTimeout(1);", "new Date(a);", 'import { createHmac } from "node:crypto";']) {
    assertEquals(check(line), 0, line);
  }
});

Deno.test("an empty catch needs a comment, an import its specifier, a test its sanitizers", () => {
  const check = (path: string, line: string) => checkWords(file(path, line)).length;
  assertEquals(check("core/a.ts", "} catch {}"), 1);
  assertEquals(check("core/a.ts", "} catch (error) { }"), 1);
  assertEquals(check("core/a.ts", "a().catch(() => {});"), 1);
  assertEquals(check("core/a.ts", "a().catch(() => undefined); // gone already"), 0);
  assertEquals([check("core/a.ts", "await import(path);"), check("core/a.ts", 'await import("./b.ts");')], [1, 0]);
  assertEquals(check("core/a_test.ts", "Deno.test.ig" + 'nore("a", () => {});'), 1);
  assertEquals(check("tests/e2e/a.ts", "sanitizeOps: fa" + "lse,"), 1);
  assertEquals(check("core/a.ts", 'const a = "/wo' + 'rk/x";'), 1);
});

Deno.test("sources are listed, or the gate refuses them", () => {
  const known = parseSources(
    "## RFCs\n\n| 5321 | SMTP |\n\n## Manual pages of the original\n\n`qmail-send` `a@`\n\n## Notes\n\n`formats`\n",
    ["0007-own-name.md"],
  );
  const check = (text: string) => checkReferences(file("core/a.ts", `// ${text}`), known).length;
  for (
    const text of ["[rfc5321 4.5.3.1]", "[man qmail-send.9]", "[man a@.1]", "[spec formats 5, 6]", "[decision 0007]"]
  ) {
    assertEquals(check(text), 0, text);
  }
  for (
    const text of [
      "[rfc5322]",
      "[man qmail-sent.9]",
      "[man qmail-send]",
      "[spec format 5]",
      "[decision 0008]",
      "[rfc5321, man b.1]",
    ]
  ) {
    assertEquals(check(text), 1, text);
  }
  assertEquals(check("[array] [mangle] [specs]"), 0);
});

Deno.test("the index goes from a source to its places", () => {
  const references = [
    ...referencesOf(file("core/b.ts", "// [rfc5321 4.10, 4.9]")),
    ...referencesOf(file("core/a.ts", "", "// [rfc5321 4.9]")),
  ];
  const index = sourceIndex(references);
  assertEquals(index, "rfc5321 4.9: core/b.ts:1 core/a.ts:2\nrfc5321 4.10: core/b.ts:1\n");
  assert(references.every(({ base }) => base === "rfc5321"));
});
