/** users/assign, users/cdb and the rules for system users. */
import { assertEquals, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { Permanent } from "../../core/errors.ts";
import { Cdb } from "../cdb/reader.ts";
import { realDisk } from "../disk.ts";
import { domainAssignment, formatAssign, parseAssign } from "./assign.ts";
import { compileUsers, findUser } from "./users_cdb.ts";
import { findSystemUser, parsePasswd } from "./passwd.ts";

const ASSIGN = `=postmaster:alias:7790:2108:/var/alias:-:postmaster:
+example.com-:example.com:555:555:/var/indimail/domains/example.com:-::
+joe-:joe:1000:1000:/home/joe:-::
=joe:joe:1000:1000:/home/joe:::
.
`;

Deno.test("a file parsed and formatted is the same file", () => {
  assertEquals(formatAssign(parseAssign(ASSIGN, "assign")), ASSIGN);
});

Deno.test("what would end a field or a line too early is not written", () => {
  for (const home of ["/a:b", "/a\nb", "/a\0b"]) {
    const broken = domainAssignment("example.com", { uid: 1, gid: 1, home });
    assertThrows(() => formatAssign([broken]), Permanent, "cannot hold");
  }
});

Deno.test("an error names the file and the line", () => {
  assertThrows(() => parseAssign("=a:b:c:1:/::\n.\n", "assign"), Permanent, "assign line 1");
  assertThrows(() => parseAssign("=a:b:1:1:/::\n.\n", "assign"), Permanent, "assign line 1: needs seven fields");
  assertThrows(() => parseAssign("=a:b:1:1:/:::\n", "assign"), Permanent, "assign line 2: must begin");
  assertThrows(() => parseAssign("=a::1:1:/:::\n.\n", "assign"), Permanent, "the user is empty");
});

Deno.test("an exact line wins, then the longest prefix, and the rest becomes the extension", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/assign`, ASSIGN);
  assertEquals(await compileUsers(realDisk, folder), 4);
  const cdb = Cdb.open(`${folder}/cdb`);
  assertEquals(findUser(cdb, "Joe"), { user: "joe", uid: 1000, gid: 1000, home: "/home/joe", dash: "", ext: "" });
  assertEquals(findUser(cdb, "joe-Lists-a")?.ext, "Lists-a");
  assertEquals(findUser(cdb, "example.com-info")?.home, "/var/indimail/domains/example.com");
  assertEquals(findUser(cdb, "postmaster")?.ext, "postmaster");
  assertEquals(findUser(cdb, "nobody"), undefined);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a bad file leaves the old cdb", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/assign`, ASSIGN);
  await compileUsers(realDisk, folder);
  const before = await Deno.readFile(`${folder}/cdb`);
  await Deno.writeTextFile(`${folder}/assign`, ASSIGN.replace(".\n", ""));
  await assertRejects(() => compileUsers(realDisk, folder), Permanent);
  assertEquals(await Deno.readFile(`${folder}/cdb`), before);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a virtual domain is a prefix line with the domain as its user", () => {
  assertEquals(
    formatAssign([domainAssignment("example.com", { uid: 5, gid: 6, home: "/d/example.com" })]),
    "+example.com-:example.com:5:6:/d/example.com:-::\n.\n",
  );
});

Deno.test("a system user owns the home, is not root, and takes extensions after a dash", () => {
  const entries = parsePasswd(
    "root:x:0:0::/root:/bin/sh\njoe:x:1000:1000::/home/joe:\nann-lee:x:1001:7::/home/al:\nbad\n",
  );
  const owner = (home: string) =>
    home === "/home/joe" ? 1000 : home === "/home/al" ? 1001 : home === "/root" ? 0 : undefined;
  assertEquals(findSystemUser(entries, "joe-a-b", owner)?.ext, "a-b");
  assertEquals(findSystemUser(entries, "Joe", owner)?.user, "joe");
  assertEquals(findSystemUser(entries, "ann-lee-x", owner), {
    user: "ann-lee",
    uid: 1001,
    gid: 7,
    home: "/home/al",
    dash: "-",
    ext: "x",
  });
  assertEquals(findSystemUser(entries, "root", owner), undefined);
  assertEquals(findSystemUser(entries, "joe", () => 0), undefined);
});
