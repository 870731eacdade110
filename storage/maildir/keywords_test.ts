import { assert, assertEquals } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { createMaildir } from "./deliver.ts";
import {
  formatKeywordList,
  KEYWORDS_DIRECTORY,
  keywordStamp,
  parseKeywordList,
  readKeywords,
  writeKeywordList,
  writeKeywords,
} from "./keywords.ts";

Deno.test("a list as Courier writes it is read and written back", () => {
  const text = "$Junk\nwork\n\n1.a.h,S=5:0 1\n2.b.h:1\n";
  const byBase = parseKeywordList(text);
  assertEquals([...byBase], [["1.a.h,S=5", ["$Junk", "work"]], ["2.b.h", ["work"]]]);
  assertEquals(formatKeywordList(byBase), text);
  assertEquals([...parseKeywordList("x\n\nno colon\n1.a:7 0 0\n")], [["1.a", ["x"]]]);
  assertEquals(parseKeywordList("").size, 0);
  assertEquals(parseKeywordList(formatKeywordList(new Map())).size, 0);
});

Deno.test("updates count above the list, the newest of one base wins, and a rewrite takes them in", async () => {
  const root = await Deno.makeTempDir();
  await createMaildir(realDisk, root);
  assertEquals([keywordStamp(root), readKeywords(root)], ["", undefined]);
  await writeKeywords(realDisk, root, { base: "1.a", keywords: ["one"] });
  const directory = `${root}/${KEYWORDS_DIRECTORY}`;
  Deno.writeTextFileSync(`${directory}/:list`, "old\n\n1.a:0\n2.b:0\n3.c:0\n");
  Deno.writeTextFileSync(`${directory}/.5.2.b`, "five\n");
  Deno.writeTextFileSync(`${directory}/.12.2.b`, "twelve\n");
  Deno.writeTextFileSync(`${directory}/3.c`, "");
  const read = readKeywords(root)!;
  assertEquals([...read.byBase], [["1.a", ["one"]], ["2.b", ["twelve"]]]);
  const stamp = keywordStamp(root);
  await new Promise((resolve) => setTimeout(resolve, 5));
  await writeKeywordList(realDisk, root, read);
  assert(stamp !== keywordStamp(root));
  assertEquals([...Deno.readDirSync(directory)].map((entry) => entry.name), [":list"]);
  assertEquals([...readKeywords(root)!.byBase], [...read.byBase]);
  await Deno.remove(root, { recursive: true });
});
