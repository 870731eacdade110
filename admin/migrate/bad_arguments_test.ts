/** Names that are none, in every place of the commands of this room: refused with a word of why, and nothing is changed. */
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { callApplet } from "../../tests/support/applet_call.ts";
import { makeSite } from "../../tests/support/site.ts";

const LONG = "x".repeat(300);
const HOSTILE = [
  "",
  "a'b",
  '"',
  "../x",
  "a/b",
  "a\nb",
  "a\0b",
  "ä",
  "a b",
  LONG,
  "*",
  ".",
  "'; DROP TABLE indimail; --",
];
const FOLDERS = ["", "relative", "../x", "/a/../b", "/a\nb", "/a\0b", "/a:b", `/${LONG}`, "/a//b"];
const FILES = ["", "a\0b", "/nowhere/x", `/tmp/${LONG}`, "/"];

function calls(): [string, ...string[]][] {
  return [
    ...HOSTILE.flatMap((name): [string, ...string[]][] => [
      ["indimail-export", name],
      ["indimail-export", "one.test", name],
      ["indimail-adopt", "-y", "--domain", name],
      ["indimail-adopt", "-y", name],
    ]),
    ...FOLDERS.flatMap((name): [string, ...string[]][] => [
      ["indimail-adopt", "-y", "--vpopmail", name, "vpopmail"],
      ["indimail-adopt", "-y", "--qmail", name],
    ]),
    ...FILES.flatMap((name): [string, ...string[]][] => [["indimail-export", "-o", name], ["indimail-import", name]]),
  ];
}

/** All that is on disk below a folder, with times of change. */
function treeOf(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    return isDirectory ? treeOf(path) : [`${path} ${Deno.statSync(path).size}`];
  }).filter((line) => !/sqlite-(?:wal|shm) |accounts\.lock /.test(line)).sort();
}

Deno.test("bad names are refused by export, import and adopt, and nothing is written", async () => {
  await using site = await makeSite();
  await site.addDomain("one.test");
  await Deno.writeTextFile(`${site.paths.lib}/accounts.lock`, "");
  const before = treeOf(site.paths.root);
  for (const args of calls()) {
    const { code, stdout, error } = await callApplet(args, { root: site.paths.root });
    const shown = JSON.stringify(args);
    assertEquals(code, 1, `${shown}: ${stdout}`);
    assert(error !== undefined && ["Permanent", "Temporary", "Usage"].includes(error.name), `${shown}: ${error}`);
    assert(
      !/TypeError|undefined|\0/.test(error.message) && error.message.split("\n").length === 1,
      `${shown}: ${error.message}`,
    );
    assertEquals(stdout, "", shown);
    assertEquals(treeOf(site.paths.root), before, shown);
  }
});
