/**
 * Programs of .qmail lines in a whole installation: mail comes by SMTP, the lines of the domain's .qmail files run our
 * programs, and what they forward, answer, refuse and store is looked for. Under `deno run`, or the compiled binary when
 * INDIMAIL_BIN is set.
 */
import { APPLETS } from "../../applets.ts";
import { linkPrograms, ownLauncher } from "../../admin/shell/link.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { eventually, Installation, isCompiledRun } from "../support/installation.ts";
import { sendMessage } from "../support/smtp_client.ts";

const DOMAIN = "example.test";
let counter = 0;

/** An installation with users ann and bob and our programs in a folder. */
class Site {
  readonly installation: Installation;
  /** The domain's folder, where its .qmail files are. */
  readonly domainFolder: string;
  readonly programs: string;

  constructor(installation: Installation) {
    this.installation = installation;
    this.domainFolder = `${installation.root}/var/indimail/domains/${DOMAIN}`;
    this.programs = isCompiledRun ? `${installation.folder}/bin` : `${installation.folder}/programs`;
  }

  /** Writes the .qmail file of an address; its commands find our programs. */
  async dotQmail(name: string, lines: readonly string[]): Promise<void> {
    const path = `PATH=${this.programs}:$PATH`;
    const text = lines.map((line) => line.startsWith("|") ? `|${path}; export PATH; ${line.slice(1)}\n` : `${line}\n`);
    await Deno.writeTextFile(`${this.domainFolder}/.qmail-${name}`, text.join(""), { mode: 0o600 });
  }

  /** Sends a message from bob; its subject. `to` is the header field's, where that is not the recipient. */
  async send(name: string, options: { readonly to?: string; readonly body?: string } = {}): Promise<string> {
    const subject = `number ${++counter}.`;
    const recipient = `${name}@${DOMAIN}`;
    const to = options.to ?? recipient;
    const text =
      `From: Bob <bob@${DOMAIN}>\r\nTo: ${to}\r\nSubject: ${subject}\r\nMessage-ID: <${counter}@test>\r\n\r\n${
        options.body ?? "body"
      }\r\n`;
    const port = this.installation.ports.smtp;
    const end = await sendMessage({ port, sender: `bob@${DOMAIN}`, recipient, text });
    assertEquals(end.kind, "accepted");
    return subject;
  }

  /** The texts of a Maildir's new messages. */
  texts(maildir: string): string[] {
    try {
      return [...Deno.readDirSync(`${maildir}/new`)].map(({ name }) => Deno.readTextFileSync(`${maildir}/new/${name}`));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /** Waits until the queue has nothing to do. */
  async idle(): Promise<void> {
    await eventually("an empty queue", async () => {
      const lines = (await this.installation.log()).split("\n").filter((line) => line.includes(" queue: "));
      const ids = (what: RegExp) => lines.flatMap((line) => what.exec(line)?.[1] ?? []);
      const ended = new Set(ids(/ end msg (\d+)/));
      return ids(/ new msg (\d+)/).every((id) => ended.has(id));
    });
  }

  async mailbox(user: string): Promise<string> {
    return (await this.installation.must("vuserinfo", ["-d", `${user}@${DOMAIN}`])).replace(/ *\(missing\)/, "").trim()
      .replace(/^.*?: */s, "") +
      "/Maildir";
  }

  /** Waits for a message with that text in the mailbox of a user. */
  async arrives(user: string, part: string): Promise<string> {
    const maildir = await this.mailbox(user);
    return await eventually(
      `"${part}" in the mailbox of ${user}`,
      () => this.texts(maildir).find((text) => text.includes(part)),
    );
  }
}

/**
 * Started by root, the domain belongs to the account indimail, which under `deno run` cannot read the sources. Then it is
 * given to root, so that its programs run as what the installation runs as.
 */
async function ownDomain(installation: Installation): Promise<void> {
  const path = `${installation.root}/etc/indimail/users/assign`;
  const text = await Deno.readTextFile(path);
  const owner = `:${Deno.uid()}:${Deno.gid()}:`;
  await Deno.writeTextFile(path, text.replace(/^(\+example\.test-:example\.test):\d+:\d+:/m, `$1${owner}`));
  await installation.must("qmail-newu", []);
}

/** Our programs as scripts that find the modules of whoever runs the tests, whatever their HOME is. */
function linkCheckout(folder: string): void {
  const own = ownLauncher();
  if (own.kind !== "script") return;
  const cache = Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`;
  const names = APPLETS.flatMap((entry) => entry.names);
  const text = (name: string) => own.text(name).replace(/^exec /m, `DENO_DIR='${cache}'; export DENO_DIR; exec `);
  linkPrograms(folder, { names, launcher: { kind: "script", text }, force: false });
}

Deno.test("programs of .qmail lines forward, answer, refuse and store mail", async (t) => {
  await using installation = await Installation.start({ domain: DOMAIN });
  const site = new Site(installation);
  if (!isCompiledRun) linkCheckout(site.programs);
  for (const user of ["ann", "bob"]) await installation.addUser(user, "secret");
  await ownDomain(installation);

  await t.step("forward sends on, with lines that say so", async () => {
    await site.dotQmail("fwd", [`|forward ann@${DOMAIN}`]);
    const text = await site.arrives("ann", await site.send("fwd"));
    assertMatch(text, /^Delivered-To: example\.test-fwd@example\.test$/m);
    assertMatch(text, /^X-Forwarded-To: ann@example\.test$/m);
  });

  await t.step("condredirect takes what its program wants, bouncesaying refuses the rest", async () => {
    await site.dotQmail("cond", [`|condredirect ann@${DOMAIN} grep -q wanted`, "|bouncesaying 'Not wanted here.'"]);
    await site.arrives("ann", await site.send("cond", { body: "this is wanted" }));
    const refused = await site.send("cond", { body: "this is not" });
    const bounce = await site.arrives("bob", refused);
    assertMatch(bounce, /Not wanted here\./);
    assert(!site.texts(await site.mailbox("ann")).some((text) => text.includes(refused)));
  });

  await t.step("except and iftocc refuse blind copies, also in a virtual domain", async () => {
    await site.dotQmail("open", ["|bouncesaying 'No blind copies.' except iftocc", `&ann@${DOMAIN}`]);
    await site.arrives("ann", await site.send("open"));
    const bounce = await site.arrives("bob", await site.send("open", { to: "undisclosed recipients:;" }));
    assertMatch(bounce, /No blind copies\./);
  });

  await t.step("autoresponder answers the sender once", async () => {
    await Deno.mkdir(`${site.domainFolder}/away`);
    await Deno.writeTextFile(`${site.domainFolder}/away.txt`, "I am away; about %S I write later.\n");
    await site.dotQmail("away", ["|autoresponder -q away.txt away", `&ann@${DOMAIN}`]);
    const first = await site.send("away");
    const answer = await site.arrives("bob", `I am away; about ${first} I write later.`);
    assertMatch(answer, /^Return-Path: <>$/m);
    assertMatch(answer, /^Auto-Submitted: auto-replied$/m);
    assertMatch(answer, /^From: away@example\.test$/m);
    const second = await site.send("away");
    await site.arrives("ann", second);
    await site.idle();
    const answers = site.texts(await site.mailbox("bob")).filter((text) => text.includes("I am away"));
    assertEquals(answers.length, 1);
    assertEquals([...Deno.readDirSync(`${site.domainFolder}/away`)].length, 1);
  });

  await t.step("condtomaildir stores, and skips what follows", async () => {
    const folder = `${site.domainFolder}/sorted`;
    for (const part of ["", "/tmp", "/new", "/cur"]) await Deno.mkdir(`${folder}${part}`);
    await site.dotQmail("sort", ["|condtomaildir ./sorted grep -q keep", `&ann@${DOMAIN}`]);
    const kept = await site.send("sort", { body: "keep this" });
    const stored = await eventually("the stored message", () => site.texts(folder).find((text) => text.includes(kept)));
    assertMatch(stored, /^Return-Path: <bob@example\.test>\nDelivered-To: example\.test-sort@example\.test\n/);
    await site.arrives("ann", await site.send("sort", { body: "pass this" }));
    await site.idle();
    assert(!site.texts(await site.mailbox("ann")).some((text) => text.includes(kept)));
  });

  await t.step("preline puts the lines of the delivery in front", async () => {
    await site.dotQmail("line", ["|preline sh -c 'cat >lined.part && mv lined.part lined'"]);
    const subject = await site.send("line");
    const text = await eventually("the program's output", () => fileText(`${site.domainFolder}/lined`));
    assertMatch(
      text,
      /^From bob@example\.test .*\nReturn-Path: <bob@example\.test>\nDelivered-To: example\.test-line@/,
    );
    assert(text.includes(`Subject: ${subject}`));
  });

  await t.step("fastforward follows a table; what it does not know is refused", async () => {
    const table = `team@${DOMAIN}: ann@${DOMAIN}, members@${DOMAIN}; members@${DOMAIN}: bob@${DOMAIN}, ann@${DOMAIN};` +
      `round@${DOMAIN}: about@${DOMAIN}; about@${DOMAIN}: round@${DOMAIN};`;
    const cdb = `${site.domainFolder}/table.cdb`;
    await installation.must("setforward", [cdb, `${cdb}.tmp`], table);
    for (const name of ["team", "round", "other"]) await site.dotQmail(name, ["|fastforward -d table.cdb"]);
    const subject = await site.send("team");
    await site.arrives("bob", subject);
    await site.arrives("ann", subject);
    await site.idle();
    const copies = site.texts(await site.mailbox("ann")).filter((text) => text.includes(`Subject: ${subject}`));
    assertEquals(copies.length, 1);
    assertMatch(await site.arrives("bob", await site.send("other")), /no mailbox here by that name/);
    assertMatch(await site.arrives("bob", await site.send("round")), /alias loop/);
  });

  await t.step("a user who forwards to himself by a program gets no endless loop", async () => {
    await installation.addUser("eve", "secret");
    const home = (await site.mailbox("eve")).replace(/\/Maildir$/, "");
    await Deno.mkdir(home, { recursive: true });
    await Deno.writeTextFile(`${home}/.qmail`, `|PATH=${site.programs}:$PATH; export PATH; forward eve@${DOMAIN}\n`);
    const bounce = await site.arrives("bob", await site.send("eve"));
    assertMatch(bounce, /looping/);
    assertEquals(bounce.match(/^Delivered-To: example\.test-eve@example\.test$/mg)?.length, 1);
  });
});

function fileText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
