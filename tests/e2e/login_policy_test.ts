/**
 * The login policy of a whole server: guessed passwords ban the client's address, not others, until that is lifted; POP before
 * SMTP; passwords stored anew. Clients come from several loopback addresses, of which one is trusted. Under `deno run`, or
 * the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { eventually, Installation } from "../support/installation.ts";
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { connectTcp } from "../../core/net/connect.ts";

const TRUSTED = "127.0.0.1";
const GUESSER = "127.0.0.2";
const OTHER = "127.0.0.3";
const ABROAD = "someone@elsewhere.example";

const CONTROL: Readonly<Record<string, string>> = {
  trustednets: `${TRUSTED}\n`,
  loginguard: "addressfailures:6\naccountfailures:4\nslowafter:2\nslowdelay:10\nslowdelaymax:50\n",
  passwordscheme: "SHA-512\n",
};

/** Says lines to a port from a local address; the last line of each answer, the greeting first. */
async function dialogue(port: number, from: string, lines: readonly string[]): Promise<string[]> {
  const connection = await connectTcp({ host: "127.0.0.1", port, localHost: from, timeoutMs: 10_000 });
  connection.setTimeout(60_000);
  const buffer = new Uint8Array(4096);
  const answers: string[] = [];
  try {
    for (const line of ["", ...lines]) {
      if (line !== "") await connection.write(latin1Bytes(`${line}\r\n`));
      let text = "";
      while (!/(?:^|\n)(?:\d{3} |\+OK|-ERR)[^\n]*\n$/.test(text)) {
        const count = await connection.read(buffer);
        if (count === null) throw new Error(`closed after ${line}: ${text}`);
        text += latin1Text(buffer.subarray(0, count));
      }
      answers.push(text.trimEnd().split("\r\n").at(-1)!);
    }
    return answers;
  } finally {
    connection.close();
  }
}

class Site {
  readonly installation: Installation;

  constructor(installation: Installation) {
    this.installation = installation;
  }

  /** A login by POP3: `+OK` or `-ERR`. */
  async pop(user: string, password: string, from: string): Promise<string> {
    const address = `${user}@${this.installation.domain}`;
    const answers = await dialogue(this.installation.ports.pop3, from, [`USER ${address}`, `PASS ${password}`]);
    return answers.at(-1)!.slice(0, answers.at(-1)!.startsWith("+") ? 3 : 4);
  }

  /** The code of RCPT for somebody elsewhere, from a sender and an address. */
  async relay(sender: string, from: string): Promise<string> {
    const lines = ["EHLO client.example", `MAIL FROM:<${sender}>`, `RCPT TO:<${ABROAD}>`];
    return (await dialogue(this.installation.ports.smtp, from, lines)).at(-1)!.slice(0, 3);
  }

  /** The log lines of the guard about bans. */
  async banLines(): Promise<string[]> {
    const log = await this.installation.log();
    return [...log.matchAll(/inlookup: guard ((?:un)?banned .*)$/gm)].map(([, line]) => line!);
  }
}

async function testBans(t: Deno.TestContext, site: Site): Promise<void> {
  const { installation } = site;
  const alice = `alice@${installation.domain}`;
  await t.step("guesses ban the account from that address, and only from there", async () => {
    for (let at = 1; at <= 4; at++) assertEquals(await site.pop("alice", `guess${at}`, GUESSER), "-ERR");
    assertEquals(await site.pop("alice", "secret", GUESSER), "-ERR");
    assertEquals(await site.pop("alice", "secret", OTHER), "+OK");
    assertEquals(await site.pop("bob", "secret", GUESSER), "+OK");
    assertMatch(
      await installation.must("indimail-bans", []),
      new RegExp(`^${GUESSER}  ${alice}  4 failures  \\d+ seconds left\n$`),
    );
  });
  await t.step("status and log say so", async () => {
    assertMatch(await installation.must("indimail-status", []), /^logins: 1 bans .* 1 refused and [1-9]\d* slowed/m);
    const lines = await eventually("a ban in the log", async () => {
      const found = await site.banLines();
      return found.length > 0 && found;
    });
    assertEquals(lines, [`banned address=${GUESSER} account=${alice} seconds=600 failures=4`]);
    assertMatch(
      await installation.log(),
      /inlookup: guard slowed address=127\.0\.0\.2 account=alice@\S+ delay_ms=\d+ failures=\d/,
    );
  });
  await t.step("indimail unban lifts it", async () => {
    assertEquals(await installation.must("indimail-unban", [alice]), "1 bans lifted\n");
    assertEquals(await site.pop("alice", "secret", GUESSER), "+OK");
    await eventually(
      "its end in the log",
      async () => (await site.banLines()).some((line) => line.endsWith("reason=operator")),
    );
  });
  await t.step("guesses at many accounts ban the whole address, for every service", async () => {
    for (let at = 1; at <= 6; at++) assertEquals(await site.pop(`user${at}`, "guess", GUESSER), "-ERR");
    assertEquals(await site.pop("bob", "secret", GUESSER), "-ERR");
    const plain = btoa(`\0bob@${installation.domain}\0secret`);
    const answers = await dialogue(installation.ports.smtp, GUESSER, ["EHLO x", `AUTH PLAIN ${plain}`]);
    assertMatch(answers.at(-1)!, /^535 /);
    assertEquals(await installation.must("indimail-unban", ["--list"]).then((text) => text.split("  ").slice(0, 2)), [
      GUESSER,
      "*",
    ]);
    assertEquals(await installation.must("indimail-unban", [GUESSER]), "1 bans lifted\n");
    assertEquals(await site.pop("bob", "secret", GUESSER), "+OK");
  });
  await t.step("a trusted address is never refused", async () => {
    for (let at = 1; at <= 8; at++) assertEquals(await site.pop("alice", `guess${at}`, TRUSTED), "-ERR");
    assertEquals(await site.pop("alice", "secret", TRUSTED), "+OK");
    assertEquals(await installation.must("indimail-bans", []), "");
  });
}

async function testRelay(t: Deno.TestContext, site: Site): Promise<void> {
  const address = (user: string) => `${user}@${site.installation.domain}`;
  await t.step("who has read mail by POP3 may relay from there, and nobody else", async () => {
    const from = "127.0.0.9";
    assertEquals(await site.relay(address("carol"), from), "553");
    assertEquals(await site.pop("carol", "secret", from), "+OK");
    await eventually("the grant", async () => await site.relay(address("carol"), from) === "250");
    assertEquals(await site.relay(address("alice"), from), "553");
    assertEquals(await site.relay(address("carol"), "127.0.0.8"), "553");
    assertEquals(await site.relay("", from), "553");
  });
}

async function testRenewal(t: Deno.TestContext, site: Site): Promise<void> {
  const { installation } = site;
  await t.step("a login stores the password anew", async () => {
    const dave = `dave@${installation.domain}`;
    await installation.must("vadduser", ["-h", "MD5", dave, "secret"]);
    assertEquals(await site.pop("dave", "secret", OTHER), "+OK");
    await eventually(
      "the log line",
      async () => (await installation.log()).includes(`password of ${dave} stored anew: SHA-512`),
    );
    assertEquals(await site.pop("dave", "secret", OTHER), "+OK");
    assertEquals(await site.pop("dave", "wrong", OTHER), "-ERR");
  });
}

Deno.test("the login policy holds on a whole server", async (t) => {
  await using installation = await Installation.start({
    env: { CHECKRELAY: "" },
    async prepare(root) {
      const control = `${root}/etc/indimail/control`;
      await Deno.mkdir(control, { recursive: true });
      for (const [name, text] of Object.entries(CONTROL)) await Deno.writeTextFile(`${control}/${name}`, text);
    },
  });
  for (const user of ["alice", "bob", "carol"]) await installation.addUser(user, "secret");
  const site = new Site(installation);
  await testBans(t, site);
  await testRelay(t, site);
  await testRenewal(t, site);
  assert(!/secret|guess\d/.test(await installation.log()), "no password stands in the log");
});
