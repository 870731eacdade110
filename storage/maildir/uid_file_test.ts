import { assert, assertEquals } from "../../tests/support/assert.ts";
import { realDisk } from "../disk.ts";
import { createMaildir } from "./deliver.ts";
import {
  appendUids,
  formatUidFile,
  parseUidFile,
  readUidFile,
  UID_FILE_NAME,
  uidFileStamp,
  writeUidFile,
} from "./uid_file.ts";

Deno.test("a file as Courier writes it is read, and formatting gives it back", () => {
  const text = "1 1700000000 4\n1 17.a.h,S=5\n3 18.b.h,S=6\n";
  const list = parseUidFile(text)!;
  assertEquals([list.uidValidity, list.uidNext, list.torn, list.lagging], [1700000000, 4, false, false]);
  assertEquals([...list.uids], [["17.a.h,S=5", 1], ["18.b.h,S=6", 3]]);
  assertEquals(formatUidFile(1700000000, 4, [[1, "17.a.h,S=5"], [3, "18.b.h,S=6"]]), text);
});

Deno.test("appended lines count: the next UID is above them, and the later of two lines for a base wins", () => {
  const list = parseUidFile("1 5 2\n1 a\n2 b\n3 a\n")!;
  assertEquals([list.uidNext, list.lagging, list.uids.get("a")], [4, true, 3]);
});

Deno.test("a torn last line is told, what is broken is refused", () => {
  const torn = parseUidFile("1 5 3\n1 a\n2 b")!;
  assertEquals([torn.torn, torn.uids.size], [true, 1]);
  for (
    const text of [
      "",
      "1 5\n",
      "2 5 1\n",
      "1 0 1\n",
      "1 5 1\nx a\n",
      "1 5 1\n1\n",
      "1 5 1\n0 a\n",
      "1 5 1\n1 \n",
      "1 99999999999 1\n",
    ]
  ) {
    assertEquals(parseUidFile(text), undefined, JSON.stringify(text));
  }
});

Deno.test("writing and appending change the stamp", async () => {
  const root = await Deno.makeTempDir();
  await createMaildir(realDisk, root);
  assertEquals([uidFileStamp(root), readUidFile(root)], ["", undefined]);
  await writeUidFile(realDisk, root, formatUidFile(9, 1, []));
  const stamp = uidFileStamp(root);
  await appendUids(realDisk, root, [[1, "a"], [2, "b"]]);
  assert(stamp !== "" && stamp !== uidFileStamp(root));
  assertEquals([...readUidFile(root)!.uids.values()], [1, 2]);
  Deno.writeTextFileSync(`${root}/${UID_FILE_NAME}`, "nonsense");
  assertEquals(readUidFile(root), undefined);
  await Deno.remove(root, { recursive: true });
});
