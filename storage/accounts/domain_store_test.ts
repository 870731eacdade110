import { assert, assertEquals, assertRejects } from "../../tests/support/assert.ts";
import { makeSite } from "../../tests/support/site.ts";
import { Permanent } from "../../core/errors.ts";
import { Cdb } from "../cdb/reader.ts";
import { type Disk, realDisk } from "../disk.ts";
import { Accounts } from "./accounts.ts";
import { addDomain } from "./add_domain.ts";
import { Command } from "./command.ts";
import { DomainStore } from "./domain_store.ts";
import { addLine, readLineFile, removeLines, writeLineFile } from "./line_file.ts";
import { openSqlite } from "./sqlite.ts";

const OWNER = { uid: Deno.uid() ?? 0, gid: Deno.gid() ?? 0 };
const FILES = { ...OWNER, fallback: "bounce-no-mailbox" };
const none = () => undefined;

/** A disk whose operation number `failing` (counted from 1), and all after it, fail: the program was killed there. */
function dyingDisk(failing: number): { disk: Disk; operations: () => number } {
  let operations = 0;
  const disk = new Proxy(realDisk, {
    get(target, name) {
      const operation: unknown = Reflect.get(target, name);
      if (typeof operation !== "function") return operation;
      return (...args: unknown[]) => {
        if (++operations >= failing) return Promise.reject(new Error("killed"));
        return Reflect.apply(operation, target, args);
      };
    },
  });
  return { disk, operations: () => operations };
}

Deno.test("a domain that was half made when its program died is finished by the next call", async () => {
  let total = Infinity;
  for (let failing = 1; failing <= total; failing += 3) {
    await using site = await makeSite();
    const { paths } = site;
    const clock = { nowMs: () => 0, sleep: () => Promise.resolve() };
    const proc = { paths, clock, env: { get: none } };
    const added = { domain: "example.org", password: "$1$x", scram: "", files: FILES };
    {
      const accounts = new Accounts(openSqlite(paths.database));
      const { disk, operations } = dyingDisk(failing);
      const half = new Command(proc, accounts, disk);
      const result = await addDomain(half, added, none).catch((error: Error) => error.message);
      if (typeof result === "object") total = operations();
      else assertEquals(result.includes("killed"), true, String(result));
      await accounts.close();
    }
    const listed = await readLineFile(realDisk, `${paths.control}/rcpthosts`) ?? [];
    const finished = await addDomain(site.command, added, none);
    assertEquals(finished === "exists", listed.includes("example.org"), `after operation ${failing}`);
    assertEquals(await readLineFile(realDisk, `${paths.control}/rcpthosts`), ["example.org"]);
    assertEquals(await readLineFile(realDisk, `${paths.control}/virtualdomains`), ["example.org:example.org"]);
    assertEquals((await site.command.domains.list()).map((entry) => entry.domain), ["example.org"]);
    assertEquals(await site.command.accounts.users.count("example.org"), { active: 1, inactive: 0 });
    assertEquals((await site.command.accounts.aliases.list("example.org")).length, 2);
  }
});

Deno.test("alias domains come and go without touching the real one", async () => {
  await using site = await makeSite();
  const { domains } = site.command;
  await site.addDomain("example.org");
  await domains.addAlias("example.net", "example.org");
  assertEquals((await domains.find("example.net"))?.aliasOf, "example.org");
  assertEquals(await domains.aliasesOf("example.org"), ["example.net"]);
  assertEquals((await site.command.realDomain("example.net")).domain, "example.org");
  assertEquals(await readLineFile(realDisk, `${site.paths.domains}/example.org/.aliasdomains`), ["example.net"]);
  await assertRejects(() => domains.addAlias("example.net", "example.org"), Permanent);
  await assertRejects(() => domains.addAlias("x.example", "example.net"), Permanent);
  await assertRejects(() => domains.addAlias("x.example", "none.example"), Permanent);
  await domains.removeAlias("example.net");
  assertEquals((await domains.list()).map((entry) => entry.domain), ["example.org"]);
  assertEquals(await readLineFile(realDisk, `${site.paths.domains}/example.org/.aliasdomains`), []);
  assert((await Deno.stat(`${site.paths.domains}/example.org/.qmail-default`)).isFile);
});

Deno.test("the fifty-first domain goes to morercpthosts and its cdb", async () => {
  await using site = await makeSite();
  const { control } = site.paths;
  const hosts = Array.from({ length: 50 }, (_, at) => `h${at}.example`);
  await writeLineFile(realDisk, `${control}/rcpthosts`, hosts);
  await site.addDomain("example.org");
  assertEquals(await readLineFile(realDisk, `${control}/rcpthosts`), hosts);
  assertEquals(await readLineFile(realDisk, `${control}/morercpthosts`), ["example.org"]);
  assert(Cdb.open(`${control}/morercpthosts.cdb`).find(new TextEncoder().encode("example.org")));
  assert(await site.command.domains.isComplete("example.org"));
  await site.command.domains.deactivate("example.org");
  assertEquals(Cdb.open(`${control}/morercpthosts.cdb`).find(new TextEncoder().encode("example.org")), undefined);
});

Deno.test("lines of users/assign that are no domains stay and are not listed", async () => {
  await using site = await makeSite();
  const text = "=root:alias:1:1:/var/alias:::\n+bob-:bob:1000:1000:/home/bob:-::\n.\n";
  await Deno.writeTextFile(`${site.paths.users}/assign`, text);
  await site.addDomain("example.org");
  const store = new DomainStore(realDisk, site.paths);
  assertEquals((await store.list()).map((entry) => entry.domain), ["example.org"]);
  await store.remove("example.org");
  assertEquals(await Deno.readTextFile(`${site.paths.users}/assign`), text);
});

Deno.test("files of lines keep their mode and change as a whole", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/list`;
    assertEquals(await removeLines(realDisk, path, () => true), 0);
    assertEquals(await addLine(realDisk, path, "one"), true);
    assertEquals(await addLine(realDisk, path, "one"), false);
    await Deno.chmod(path, 0o600);
    assertEquals(await addLine(realDisk, path, "tw\xf6"), true);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    assertEquals(await Deno.readFile(path), new Uint8Array([111, 110, 101, 10, 116, 119, 0xf6, 10]));
    assertEquals(await removeLines(realDisk, path, (line) => line === "one"), 1);
    assertEquals(await readLineFile(realDisk, path), ["tw\xf6"]);
    const { disk } = dyingDisk(6);
    await assertRejects(() => writeLineFile(disk, path, ["new"]), Error);
    assertEquals(await readLineFile(realDisk, path), ["tw\xf6"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("commands at the same time wait for each other, and none loses another's lines", async () => {
  await using site = await makeSite();
  const names = Array.from({ length: 8 }, (_, at) => `d${at}.example`);
  const proc = { paths: site.paths, clock: { nowMs: () => 0, sleep: () => Promise.resolve() }, env: { get: none } };
  const opened = names.map(() => new Accounts(openSqlite(site.paths.database)));
  const results = await Promise.all(names.map((domain, at) => {
    const command = new Command(proc, opened[at]!, realDisk);
    return addDomain(command, { domain, password: "$1$x", scram: "", files: FILES }, none);
  }));
  for (const accounts of opened) await accounts.close();
  assert(results.every((result) => result !== "exists"));
  assertEquals((await site.command.domains.list()).map(({ domain }) => domain).sort(), names);
  assertEquals([...await readLineFile(realDisk, `${site.paths.control}/rcpthosts`) ?? []].sort(), names);
  const cdb = Cdb.open(`${site.paths.users}/cdb`);
  for (const name of names) assert(cdb.find(new TextEncoder().encode(`!${name}-`)), name);
});

Deno.test("a domain half made gets the password of the call that finishes it", async () => {
  await using site = await makeSite();
  const added = { domain: "example.org", scram: "", files: FILES };
  await addDomain(site.command, { ...added, password: "$1$first" }, none);
  await site.command.domains.deactivate("example.org");
  await addDomain(site.command, { ...added, password: "$1$second", quota: "7m" }, none);
  const user = await site.command.accounts.users.find("postmaster", "example.org");
  assertEquals([user?.password, user?.quota], ["$1$second", "7340032S"]);
});
