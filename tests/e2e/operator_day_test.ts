/**
 * A day of an operator: two domains, an alias, users, a group, forwards, filters, renaming, moving, removing; every step
 * checked by mail that is sent by SMTP and read by IMAP. Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { command, eventually, Installation } from "../support/installation.ts";

let counter = 0;

/** Sends a message with a subject of its own; that, and what the server said last. */
async function send(
  installation: Installation,
  to: string,
  header = "",
): Promise<{ subject: string; code: number; said: string }> {
  const subject = `number ${++counter}`;
  const data = `From: sender@elsewhere.example\\nTo: ${to}\\nSubject: ${subject}\\n${header}\\n\\nbody\\n`;
  const server = ["--server", "127.0.0.1", "--port", String(installation.ports.smtp)];
  const sent = await command("swaks", [...server, "--from", "sender@elsewhere.example", "--to", to, "--data", data]);
  return { subject, code: sent.code, said: sent.stdout };
}

async function fetch(installation: Installation, user: string, folder: string): Promise<string> {
  const url = `imaps://127.0.0.1:${installation.ports.imaps}/${folder}`;
  const ask = ["-X", "FETCH 1:* BODY.PEEK[HEADER.FIELDS (SUBJECT X-FILTER)]"];
  return (await command("curl", ["-sSk", "--user", `${user}:secret`, url, ...ask, "-v"])).stderr;
}

/** Waits until the message lies in the user's folder. */
async function arrives(
  installation: Installation,
  subject: string,
  place: { user: string; folder?: string },
): Promise<string> {
  return await eventually(`"${subject}" in ${place.folder ?? "INBOX"} of ${place.user}`, async () => {
    const headers = await fetch(installation, place.user, place.folder ?? "INBOX");
    return new RegExp(`Subject: ${subject}\\b`).test(headers) ? headers : undefined;
  });
}

async function takes(installation: Installation, to: string, place: { user: string; folder?: string }): Promise<void> {
  const { subject, code, said } = await send(installation, to);
  assertEquals(code, 0, said);
  await arrives(installation, subject, place);
}

Deno.test("a day of an operator of two domains", async (t) => {
  await using installation = await Installation.start({});
  const must = (name: string, args: string[]) => installation.must(name, args);
  await t.step("two domains with fifty users, the second filtered", async () => {
    await must("vadddomain", ["one.test", "secret"]);
    await must("vadddomain", ["-f", "two.test", "secret"]);
    for (const name of ["ann", "bob", "carol"]) await must("vadduser", [`${name}@one.test`, "secret"]);
    for (const name of ["dora", "emil"]) await must("vadduser", [`${name}@two.test`, "secret"]);
    for (let number = 1; number <= 45; number++) await must("vadduser", [`u${number}@one.test`, "secret"]);
    await takes(installation, "ann@one.test", { user: "ann@one.test" });
    await takes(installation, "u45@one.test", { user: "u45@one.test" });
  });
  await t.step("an alias and a group reach their members, once each", async () => {
    await must("valias", ["-i", "&ann@one.test", "info@one.test"]);
    await takes(installation, "info@one.test", { user: "ann@one.test" });
    await must("vgroup", ["-a", "team@one.test", "secret"]);
    for (const member of ["bob@one.test", "dora@two.test"]) await must("vgroup", ["-i", `&${member}`, "team@one.test"]);
    const { subject } = await send(installation, "team@one.test");
    await arrives(installation, subject, { user: "bob@one.test" });
    await arrives(installation, subject, { user: "dora@two.test" });
    await must("vgroup", ["-d", "&bob@one.test", "team@one.test"]);
    await eventually("mail for the others only", async () => {
      const after = await send(installation, "team@one.test");
      await arrives(installation, after.subject, { user: "dora@two.test" });
      return !(await fetch(installation, "bob@one.test", "INBOX")).includes(`Subject: ${after.subject}`);
    });
  });
  await t.step("filters sort mail, forward it, and bounce it", async () => {
    const filter = (args: string[]) => must("vcfilter", ["-i", ...args]);
    await filter(["-h", "List-Id", "-c", "Contains", "-k", "deno", "-f", "Lists.deno", "dora@two.test"]);
    await filter([
      "-h",
      "Subject",
      "-c",
      "RegExp",
      "-k",
      "^number [0-9]+ urgent",
      "-f",
      "Inbox",
      "-b",
      "2&ann@one.test",
      "dora@two.test",
    ]);
    await filter(["-h", "X-Priority", "-c", "6", "-k", "%p > 4", "-f", "/NoDeliver", "prefilt@two.test"]);
    const listed = await send(installation, "dora@two.test", "List-Id: <deno.lists.example>");
    assertMatch(
      await arrives(installation, listed.subject, { user: "dora@two.test", folder: "INBOX.Lists.deno" }),
      /X-Filter: xFilter/,
    );
    const dropped = await send(installation, "dora@two.test", "X-Priority: 5");
    await takes(installation, "dora@two.test", { user: "dora@two.test" });
    assert(!(await fetch(installation, "dora@two.test", "INBOX")).includes(`Subject: ${dropped.subject}`));
    const urgent = await send(installation, "dora@two.test", "Subject: number 0 urgent");
    await arrives(installation, urgent.subject, { user: "ann@one.test" });
    const tested = await installation.run("vfilter", ["-v", "dora@two.test"], "List-Id: deno\nSubject: x\n\n");
    assertMatch(tested.stdout, /^rule 0 of dora@two\.test \(filter\), kept in Lists\.deno$/m, tested.stderr);
  });
  await t.step("a user who gets another address keeps mail and password, and the old address is unknown", async () => {
    await must("vrenameuser", ["carol@one.test", "caroline@two.test"]);
    await takes(installation, "caroline@two.test", { user: "caroline@two.test" });
    assertMatch((await send(installation, "carol@one.test")).said, /<\*\* 550/);
  });
  await t.step("a home moves while mail comes", async () => {
    const sending = (async () => {
      const subjects: string[] = [];
      for (let count = 0; count < 40; count++) {
        const { subject, code } = await send(installation, "emil@two.test");
        if (code === 0) subjects.push(subject); // while roles are started again some get 451
      }
      return subjects;
    })();
    await must("vmoveuserdir", ["emil@two.test", `${installation.root}/home/moved`]);
    for (const subject of await sending) await arrives(installation, subject, { user: "emil@two.test" });
    assertEquals(await must("vuserinfo", ["-d", "emil@two.test"]), `${installation.root}/home/moved/emil\n`);
  });
  await t.step("a bulletin is with everybody at once, or at the next login, and never twice", async () => {
    const file = `${installation.folder}/notice`;
    await Deno.writeTextFile(file, "Subject: notice one\n\nto all\n");
    for (let twice = 0; twice < 2; twice++) await must("vbulletin", ["-f", file, "two.test"]);
    await Deno.writeTextFile(`${file}2`, "Subject: notice two\n\nto some\n");
    await Deno.writeTextFile(`${file}.list`, "dora@two.test\nnobody@two.test\n");
    assertEquals(await must("vbulletin", ["-V", "-f", `${file}2`, "-S", `${file}.list`]), "dora@two.test\n");
    await Deno.writeTextFile(`${file}3`, "Subject: notice three\n\nto all\n");
    await must("vbulletin", ["-f", `${file}3`, "-a", "two.test"]);
    for (let twice = 0; twice < 2; twice++) {
      const headers = await fetch(installation, "dora@two.test", "INBOX");
      assertEquals(
        [...headers.matchAll(/Subject: notice \w+/g)].map(([one]) => one).sort(),
        ["one", "three", "two"].map((one) => `Subject: notice ${one}`),
      );
    }
    assertEquals((await fetch(installation, "emil@two.test", "INBOX")).match(/Subject: notice \w+/g)?.length, 2);
  });
  await t.step("a removed user and a removed domain get no more mail", async () => {
    await must("vdeluser", ["bob@one.test"]);
    assertMatch((await send(installation, "bob@one.test")).said, /<\*\* 550/);
    await must("vdeldomain", ["one.test"]);
    await eventually(
      "refusal of a removed domain",
      async () => /<\*\* 5/.test((await send(installation, "ann@one.test")).said),
    );
    await takes(installation, "dora@two.test", { user: "dora@two.test" });
  });
});
