/** Users added in batches are what users added one by one are: rows, trees, lastauth and files. */
import { assertEquals } from "../../tests/support/assert.ts";
import { makeSite, type Site } from "../../tests/support/site.ts";
import type { SqlValue } from "./database.ts";
import type { BatchUser } from "./user_batch.ts";

/** The numbers of the property tests; the seed is in the message of a failure. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
}

function userOf(name: string, inactive: boolean): BatchUser {
  return { name, password: `$1$abcdefgh$${name}`, uid: 0, flags: 0, gecos: name, quota: "5000S", scram: "", inactive };
}

/** All rows without times, and the domain's own files; paths without the site's root. */
async function stateOf(site: Site): Promise<string> {
  const { database } = site.command.accounts;
  const lines: string[] = [];
  const tables = await database.query(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'",
  );
  for (const { name } of tables) {
    for (const row of await database.query(`SELECT * FROM ${name}`)) {
      const { timestamp: _, ...rest } = row as Readonly<Record<string, SqlValue>>;
      // what postmaster's password is made with differs
      if (rest["pw_name"] === "postmaster") continue;
      lines.push(`${name} ${JSON.stringify(rest)}`);
    }
  }
  const folder = `${site.paths.domains}/example.org`;
  for (const { name, isFile } of Deno.readDirSync(folder)) {
    if (isFile) lines.push(`${name} ${Deno.readTextFileSync(`${folder}/${name}`)}`);
  }
  return lines.sort().join("\n").replaceAll(site.paths.root, "ROOT");
}

async function addOneByOne(site: Site, users: readonly BatchUser[], usersPerDirectory: number): Promise<string[]> {
  const { address: _, domain } = await site.command.locate("postmaster@example.org");
  const results: string[] = [];
  for (const user of users) {
    const { name } = user;
    const asked = { ...user, usersPerDirectory, makeDirectory: false };
    const added = await site.command.users.add({ name, domain: domain.domain }, domain, asked);
    results.push(added === "exists" ? added : added.home.replace(site.paths.root, "ROOT"));
  }
  return results;
}

async function addAtOnce(site: Site, users: readonly BatchUser[], usersPerDirectory: number): Promise<string[]> {
  const { domain } = await site.command.locate("postmaster@example.org");
  const [added] = await site.command.users.addBatch([{ domain, users }], { usersPerDirectory });
  return added!.map((row) => row === "exists" ? row : row.home.replace(site.paths.root, "ROOT"));
}

Deno.test("a batch has the result of single additions, with users removed in between", async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const random = randomOf(seed);
    await using single = await makeSite();
    await using bulk = await makeSite();
    for (const site of [single, bulk]) await site.addDomain("example.org");
    const names = Array.from({ length: 60 }, () => `${"aflqt"[random(5)]}${random(80)}`);
    const inactive = random(2) === 1;
    const perDirectory = 2 + random(4);
    for (const part of [names.slice(0, 30), names.slice(30)]) {
      const users = part.map((name) => userOf(name, inactive));
      const expected = await addOneByOne(single, users, perDirectory);
      assertEquals(await addAtOnce(bulk, users, perDirectory), expected, `seed ${seed}`);
      assertEquals(await stateOf(bulk), await stateOf(single), `seed ${seed}`);
      for (const name of new Set(part.slice(0, 8))) {
        for (const site of [single, bulk]) {
          const { address, domain } = await site.command.locate(`${name}@example.org`);
          await site.command.users.remove(address, domain);
        }
      }
    }
  }
});

Deno.test("one value that does not fit leaves nothing of its batch", async () => {
  await using site = await makeSite();
  await site.addDomain("example.org");
  const before = await stateOf(site);
  const { domain } = await site.command.locate("postmaster@example.org");
  const users = [userOf("ann", false), { ...userOf("bob", false), gecos: "x".repeat(60) }];
  let message = "";
  try {
    await site.command.users.addBatch([{ domain, users }], {});
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message.startsWith("value does not fit its column"), true, message);
  assertEquals(await stateOf(site), before);
});

Deno.test("homes of many users are made, and made whole where a part is there", async () => {
  await using site = await makeSite();
  await site.addDomain("example.org");
  const { domain } = await site.command.locate("postmaster@example.org");
  const homes = ["A2E/example.org/ann", "A2E/example.org/0/abe", "T2Zsym/example.org/z"].map((one) =>
    `${site.paths.mail}/${one}`
  );
  await Deno.mkdir(`${homes[0]}/Maildir/tmp`, { recursive: true });
  for (let again = 0; again < 2; again++) await site.command.users.makeHomes(homes.map((home) => ({ home })), domain);
  for (const home of homes) {
    const names = [...Deno.readDirSync(`${home}/Maildir`)].map(({ name }) => name).sort();
    assertEquals(names, ["cur", "new", "tmp"]);
    assertEquals((Deno.statSync(`${home}/Maildir/cur`).mode ?? 0) & 0o777, 0o700);
    assertEquals(Deno.statSync(`${home}/Maildir/cur`).uid, Deno.uid() === 0 ? domain.uid : Deno.uid());
  }
});
