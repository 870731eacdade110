import { assertEquals } from "../tests/support/assert.ts";
import { homeWithout } from "./fence.ts";
import { findProgram, selfCommand } from "./self.ts";

Deno.test("a program is looked for in PATH as execvp does; a name with a slash is its own file", () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(`${folder}/tool`, "#!/bin/sh\n", { mode: 0o755 });
  Deno.writeTextFileSync(`${folder}/text`, "", { mode: 0o644 });
  Deno.mkdirSync(`${folder}/sub`);
  try {
    assertEquals(findProgram("tool", `/nonexistent:${folder}`), `${folder}/tool`);
    assertEquals(findProgram("text", folder), undefined);
    assertEquals(findProgram("sub", folder), undefined);
    assertEquals(findProgram("tool", `${folder}/text:/nonexistent`), undefined);
    assertEquals(findProgram("./tool", "/nonexistent"), "./tool");
    assertEquals(findProgram("", folder), undefined);
    assertEquals(findProgram("sh", undefined)?.endsWith("/sh"), true);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("from the sources a program of ours is deno run main.ts NAME", () => {
  const { program, argv0, args } = selfCommand({ mainUrl: "file:///srv/a%20b/main.ts" }, "qmail-send");
  assertEquals({ program, argv0, end: args.slice(-2) }, {
    program: Deno.execPath(),
    argv0: "deno",
    end: ["/srv/a b/main.ts", "qmail-send"],
  });
});

Deno.test("an installation inside a home is not in the list of the home", () => {
  const home = Deno.makeTempDirSync();
  try {
    for (const folder of ["mail/etc", "mail/var", "Maildir", ".local/share/other"]) {
      Deno.mkdirSync(`${home}/${folder}`, { recursive: true });
    }
    const within = (root: string) => homeWithout(home, root).map((path) => path.slice(home.length)).sort();
    assertEquals(within("/srv/mail"), [""]);
    assertEquals(within(`${home}/mail`), ["/.local", "/Maildir"]);
    assertEquals(within(`${home}/.local/share/mail`), ["/.local/share/other", "/Maildir", "/mail"]);
    assertEquals(within(home), []);
  } finally {
    Deno.removeSync(home, { recursive: true });
  }
});
