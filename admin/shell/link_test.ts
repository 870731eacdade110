import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { type Launcher, linkPrograms, linkReport, ownLauncher } from "./link.ts";

const script = (version: string): Launcher => ({
  kind: "script",
  text: (name) => `#!/bin/sh\n# made by indimail link\nexec deno ${version} ${name}\n`,
});

async function withFolder(run: (folder: string) => void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "indimail-link." });
  try {
    run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("links are made once, and point at the executable", async () => {
  await withFolder((folder) => {
    const executable = `${folder}/dist/indimail`;
    const options = { names: ["a", "b"], launcher: { kind: "link", executable }, force: false } as const;
    Deno.mkdirSync(`${folder}/dist`);
    Deno.writeTextFileSync(executable, "");
    assertEquals(linkPrograms(`${folder}/bin/deep`, options), { made: ["a", "b"], present: [], foreign: [] });
    assertEquals(Deno.readLinkSync(`${folder}/bin/deep/a`), executable);
    assertEquals(linkPrograms(`${folder}/bin/deep`, options).present, ["a", "b"]);
    assertEquals([...Deno.readDirSync(`${folder}/bin/deep`)].length, 2);
  });
});

Deno.test("a link to another indimail is replaced, in the executable's own folder it stays itself", async () => {
  await withFolder((folder) => {
    const executable = `${folder}/indimail`;
    Deno.writeTextFileSync(executable, "the executable");
    Deno.symlinkSync("/opt/old/indimail", `${folder}/a`);
    Deno.symlinkSync("/usr/bin/something", `${folder}/b`);
    const launcher = { kind: "link", executable } as const;
    assertEquals(linkPrograms(folder, { names: ["a", "b", "indimail"], launcher, force: false }), {
      made: ["a"],
      present: ["indimail"],
      foreign: ["b"],
    });
    assertEquals(linkPrograms(folder, { names: ["b", "indimail"], launcher, force: true }).made, ["b"]);
    assertEquals(Deno.readTextFileSync(executable), "the executable");
  });
});

Deno.test("scripts of another checkout are replaced, other files only when forced, folders never", async () => {
  await withFolder((folder) => {
    const names = ["a", "b", "c"];
    linkPrograms(folder, { names: ["a"], launcher: script("1"), force: false });
    Deno.writeTextFileSync(`${folder}/b`, "mine\n");
    Deno.mkdirSync(`${folder}/c`);
    const kept = linkPrograms(folder, { names, launcher: script("2"), force: false });
    assertEquals(kept, { made: ["a"], present: [], foreign: ["b", "c"] });
    const forced = linkPrograms(folder, { names, launcher: script("2"), force: true });
    assertEquals(forced, { made: ["b"], present: ["a"], foreign: ["c"] });
    assertEquals((Deno.statSync(`${folder}/b`).mode ?? 0) & 0o777, 0o755);
    assertMatch(linkReport("bin", kept), /^bin: 1 made, 0 already there\nmade: a\nnot replaced: bin\/b is not a link/);
  });
});

Deno.test("the report names a few links, and of many only the number", () => {
  const made = Array.from({ length: 21 }, (_, index) => `n${index}`);
  assertEquals(linkReport("bin", { made, present: [], foreign: [] }), "bin: 21 made, 0 already there\n");
  const few = made.slice(1);
  assertMatch(linkReport("bin", { made: few, present: [], foreign: [] }), /\nmade: n1 .* n20\n$/);
});

Deno.test("from a checkout the launcher is a script that runs main.ts", () => {
  const launcher = ownLauncher();
  assertMatch(
    launcher.kind === "script" ? launcher.text("a-b") : "",
    /^#!\/bin\/sh\n# made by indimail link\nexec \S+deno run -A .*\/main\.ts a-b "\$@"\n$/,
  );
});
