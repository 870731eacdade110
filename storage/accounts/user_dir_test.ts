import { assert, assertEquals } from "../../tests/support/assert.ts";
import { DIR_CONTROL_START } from "./tables/dir_control.ts";
import { addedUser, dirControlSuffix, letterRange, nextDirectory, parseMounts } from "./user_dir.ts";

Deno.test("the first letter chooses the range, in either case", () => {
  const expected = {
    alice: "A2E",
    Eve: "A2E",
    frank: "F2K",
    k: "F2K",
    lars: "L2P",
    quinn: "Q2S",
    tom: "T2Zsym",
    "0x": "T2Zsym",
  };
  for (const [name, range] of Object.entries(expected)) assertEquals(letterRange(name), range, name);
});

Deno.test("directories count through one, two and three levels, each once", () => {
  const seen = new Set<string>();
  let directory = "";
  for (let count = 0; count < 62 + 62 ** 2 + 62 ** 3; count++) {
    directory = nextDirectory(directory);
    seen.add(directory);
  }
  assertEquals(seen.size, 62 + 62 ** 2 + 62 ** 3);
  assertEquals(directory, "z/z/z");
  assertEquals([nextDirectory(""), nextDirectory("9"), nextDirectory("Z")], ["0", "A", "a"]);
  assertEquals([nextDirectory("z"), nextDirectory("0/z"), nextDirectory("z/z")], ["0/0", "1/0", "0/0/0"]);
  assertEquals(nextDirectory("z/z/z"), "0/0/0");
});

Deno.test("ninety-nine users have no directory, the hundredth begins 0", () => {
  let state = DIR_CONTROL_START;
  const directories: string[] = [];
  for (let user = 1; user <= 300; user++) {
    state = addedUser(state, 100);
    directories.push(state.directory);
  }
  assert(directories.slice(0, 99).every((one) => one === ""));
  assert(directories.slice(99, 199).every((one) => one === "0"));
  assertEquals([directories[199], directories[299]], ["1", "2"]);
  assertEquals([state.users, state.levelCurrent, state.index], [300, 0, [2, 0, 0]]);
});

Deno.test("the deepest mount point names the table", () => {
  const mounts = parseMounts("a / ext4 rw 0 0\nb /home ext4 rw 0 0\nc /home/my\\040mail ext4 rw 0 0\n");
  assertEquals(dirControlSuffix("/home/mail", "A2E", mounts), "_home_A2E");
  assertEquals(dirControlSuffix("/homes", "A2E", mounts), "root_A2E");
  assertEquals(dirControlSuffix("/home/my mail/x", "F2K", mounts), "_home_my mail_F2K");
});
