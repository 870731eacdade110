import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { checkoutFolder, walkFiles } from "../lib/walk.ts";
import { staleFiles, writeStaleFiles } from "../lib/generated.ts";
import { findPrograms, type Program } from "./programs.ts";
import { keptRows, registryText } from "./registry.ts";
import { controlFilesText, environmentText, programsText, unknownControls } from "./tables.ts";

async function withFolder(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indimail-gen." });
  try {
    await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function program(name: string, more: Partial<Program["applet"]> = {}): Program {
  const applet: Program["applet"] = {
    names: [name],
    section: 1,
    summary: `do ${name}`,
    role: "tool",
    dialect: "admin",
    options: {},
    description: "",
    source: [],
    run: () => Promise.resolve(),
    ...more,
  };
  return { file: `tools/x/${name}.ts`, room: "tools/x", applet };
}

async function writeApplet(folder: string, path: string, text: string): Promise<void> {
  await Deno.mkdir(`${folder}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
  await Deno.writeTextFile(`${folder}/${path}`, text);
}

Deno.test("programs are found by what they export, in order of their names", async () => {
  await withFolder(async (folder) => {
    await writeApplet(folder, "tools/x/b.ts", 'export const applet = { names: ["b"] };\n');
    await writeApplet(folder, "admin/x/a_1.ts", 'export const applet = { names: ["a-1", "c"] };\n');
    await writeApplet(folder, "tools/x/c_test.ts", 'export const applet = { names: ["z"] };\n');
    await writeApplet(folder, "tools/x/other.ts", "export const other = 1;\n");
    const { programs, broken, mistakes } = await findPrograms(folder);
    assertEquals(programs.map(({ file, room }) => [file, room]), [
      ["admin/x/a_1.ts", "admin/x"],
      ["tools/x/b.ts", "tools/x"],
    ]);
    assertEquals([broken, mistakes], [[], []]);
  });
});

Deno.test("a program that cannot be loaded, a name taken twice and a wrong file name are reported", async () => {
  await withFolder(async (folder) => {
    await writeApplet(folder, "tools/x/b.ts", 'export const applet = { names: ["b"] };\n');
    await writeApplet(folder, "tools/x/d.ts", 'export const applet = { names: ["d.e", "b"] };\n');
    await writeApplet(folder, "tools/x/f.ts", 'import "./missing.ts";\nexport const applet = {};\n');
    const { programs, broken, mistakes } = await findPrograms(folder);
    assertEquals(programs.length, 2);
    assertEquals(broken.map(({ file }) => file), ["tools/x/f.ts"]);
    assertEquals(mistakes, [
      "tools/x/d.ts: the name b belongs to tools/x/b.ts",
      "tools/x/d.ts: the file of d.e is called d_e.ts",
    ]);
  });
});

Deno.test("a broken program keeps its row in the table, at its place", () => {
  const standing = registryText([program("a"), program("b"), program("c")], []);
  const kept = keptRows(standing, ["tools/x/b.ts"]);
  assertEquals(kept.length, 1);
  assertEquals(registryText([program("a"), program("c")], kept), standing);
});

Deno.test("a file is written only when it differs", async () => {
  await withFolder((folder) => {
    const files = new Map([["a/b", "1"], ["c", "2"]]);
    assertEquals(staleFiles(folder, files), ["a/b", "c"]);
    assertEquals(writeStaleFiles(folder, files), ["a/b", "c"]);
    assertEquals(staleFiles(folder, files), []);
    assertEquals(writeStaleFiles(folder, new Map([["a/b", "1"], ["c", "3"]])), ["c"]);
    assertEquals(walkFiles(folder, ["."]), ["a/b", "c"]);
  });
});

Deno.test("the tables join programs that say the same and escape what Markdown would take", () => {
  const programs = [
    program("a", { env: { TRY: "how <often> | a count" }, control: ["me"] }),
    program("b", { env: { TRY: "how <often> | a count", ASK: "x" }, control: ["locals", "me"] }),
  ];
  assertMatch(
    environmentText(programs),
    /\| `ASK` \| x \| `b` \|\n\| `TRY` \| how \\<often\\> \\\| a count \| `a`, `b` \|\n/,
  );
  const known = ["me", "locals", "other"].map((name) => ({
    name,
    readBy: "",
    default: `no ${name}`,
    meaning: `the ${name}`,
  }));
  const text = controlFilesText(programs, known);
  assertMatch(text, /\| `me` \| the me \| no me \| `a`, `b` \|\n\| `locals` \| the locals \| no locals \| `b` \|\n/);
  assertMatch(text, /no program of this version: `other`\./);
  assertEquals(unknownControls(programs, known.slice(1)).length, 2);
  assertMatch(programsText(programs), /## tools\/x\n\n.*\n.*\n\| `a` \| 1 \| do a \| tool \| {2}\|\n/);
});

Deno.test("every manual page renders without a warning", async () => {
  const root = checkoutFolder();
  const pages = walkFiles(root, ["man"]);
  const programs = [
    ["man", ["--warnings", "-E", "UTF-8", "-l", ...pages]],
    ["groff", ["-ww", "-man", "-Tutf8", ...pages]],
  ] as const;
  for (const [name, args] of programs) {
    const { code, stdout, stderr } = await new Deno.Command(name, {
      args: [...args],
      cwd: root,
      env: { MANWIDTH: "80", MANPAGER: "cat" },
    }).output();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], name);
    assertMatch(new TextDecoder().decode(stdout), /INDIMAIL\(1\)/);
  }
});
