import { assertEquals, assertRejects } from "../../../tests/support/assert.ts";
import { makeSite, type Site } from "../../../tests/support/site.ts";
import { Permanent } from "../../../core/errors.ts";
import { realDisk } from "../../disk.ts";
import { readLineFile } from "../line_file.ts";
import { removeDomain } from "./remove_domain.ts";
import { renameDomain } from "./rename_domain.ts";

const none = () => undefined;

function rename(site: Site, from: string, to: string): Promise<void> {
  return renameDomain(site.command, { from, to, told: none, sleep: () => Promise.resolve() });
}

/** The lines of users/assign in short: local part, user, folder. */
async function assigned(site: Site): Promise<string[]> {
  const lines = await readLineFile(realDisk, `${site.paths.users}/assign`) ?? [];
  return lines.filter((line) => line.startsWith("+")).map((line) => {
    const [local, user, , , home] = line.split(":");
    return `${local} ${user} ${home?.split("/").at(-1)}`;
  }).sort();
}

async function names(site: Site): Promise<string[]> {
  const entries = await site.command.domains.list();
  return entries.map(({ domain, aliasOf }) => aliasOf === undefined ? domain : `${domain} > ${aliasOf}`).sort();
}

Deno.test("mail in the queue under former names reaches the domain, which alone is listed", async () => {
  await using site = await makeSite();
  await site.addDomain("a.example");
  await rename(site, "a.example", "b.example");
  assertEquals(await assigned(site), ["+a.example- b.example b.example", "+b.example- b.example b.example"]);
  await rename(site, "b.example", "c.example");
  assertEquals(await assigned(site), [
    "+a.example- c.example c.example",
    "+b.example- c.example c.example",
    "+c.example- c.example c.example",
  ]);
  assertEquals(await names(site), ["c.example"]);
  assertEquals(await readLineFile(realDisk, `${site.paths.control}/rcpthosts`), ["c.example"]);
  await site.command.domains.locked(() => removeDomain(site.command, "c.example", none));
  assertEquals(await assigned(site), []);
});

Deno.test("a former name may be taken again: by the domain itself, as its alias, or by another domain", async () => {
  await using site = await makeSite();
  await site.addDomain("a.example");
  await rename(site, "a.example", "b.example");
  await rename(site, "b.example", "a.example");
  assertEquals(await names(site), ["a.example"]);
  assertEquals(await assigned(site), ["+a.example- a.example a.example", "+b.example- a.example a.example"]);
  await site.command.domains.addAlias("b.example", "a.example");
  assertEquals(await names(site), ["a.example", "b.example > a.example"]);
  await rename(site, "a.example", "c.example");
  assertEquals(await names(site), ["b.example > c.example", "c.example"]);
  await site.addDomain("a.example");
  assertEquals(await names(site), ["a.example", "b.example > c.example", "c.example"]);
  await site.command.domains.locked(() => removeDomain(site.command, "c.example", none));
  assertEquals(await names(site), ["a.example"]);
  assertEquals(await assigned(site), ["+a.example- a.example a.example"]);
});

Deno.test("a name that is taken, or whose folders are, is refused before anything is changed", async () => {
  await using site = await makeSite();
  await site.addDomain("a.example");
  await site.addDomain("b.example");
  await assertRejects(() => rename(site, "a.example", "b.example"), Permanent, "exists already");
  await assertRejects(() => rename(site, "x.example", "y.example"), Permanent, "does not exist");
  await Deno.mkdir(`${site.paths.mail}/L2P/c.example`);
  await assertRejects(() => rename(site, "a.example", "c.example"), Permanent, "is there already");
  await assertRejects(() => rename(site, "a.example", `${"x".repeat(150)}.example`), Permanent, "too long");
  assertEquals(await names(site), ["a.example", "b.example"]);
  assertEquals(
    (await Array.fromAsync(Deno.readDir(site.paths.domains))).map(({ name }) => name).sort(),
    await names(site),
  );
});

Deno.test("files that name a home or the domain name the new one", async () => {
  await using site = await makeSite();
  await site.addDomain("a.example", { fallback: "postmaster@a.example" });
  await site.addUser("ann@a.example", "secret");
  const before = `${site.paths.mail}/A2E/a.example/ann`;
  await Deno.writeTextFile(`${before}/.qmail`, `| autoresponder -q ${before}/.vacation.msg\n./Maildir/\n`);
  await Deno.writeTextFile(`${before}/Maildir/domain`, "a.example\n");
  await rename(site, "a.example", "b.example");
  const home = `${site.paths.mail}/A2E/b.example/ann`;
  assertEquals(await Deno.readTextFile(`${home}/.qmail`), `| autoresponder -q ${home}/.vacation.msg\n./Maildir/\n`);
  assertEquals(await Deno.readTextFile(`${home}/Maildir/domain`), "b.example\n");
  const line = await Deno.readTextFile(`${site.paths.domains}/b.example/.qmail-default`);
  assertEquals(line, "| /usr/sbin/vdelivermail '' postmaster@b.example\n");
  assertEquals((await Array.fromAsync(Deno.readDir(`${site.paths.mail}/A2E`))).map(({ name }) => name), ["b.example"]);
});
