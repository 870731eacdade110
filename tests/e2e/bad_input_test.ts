/**
 * Bad input on a running installation: each refusal of the SMTP, IMAP and POP3 servers names what and why, the session or
 * at least the server goes on; programs with bad arguments say so and end with the code of their dialect.
 * Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Installation } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";

/** One conversation: what is sent, and what must come back, after EHLO. */
interface BadSmtp {
  readonly what: string;
  readonly steps: readonly (readonly [send: string, answer: RegExp])[];
}

const ENVELOPE = [
  ["MAIL FROM:<a@bar.test>", /^250 2\.1\.0 /],
  ["RCPT TO:<joe@example.test>", /^250 2\.1\.5 /],
  ["DATA", /^354 /],
] as const;

const BAD_SMTP: readonly BadSmtp[] = [
  { what: "an unknown command", steps: [["FROBNICATE now", /^50[02] 5\.5\.[12] .*\r\n$/]] },
  { what: "bytes that are no command", steps: [["\x16\x03\x01\x02\xff\xfe\x80", /^50[02] 5\.5\.[12] .*\r\n$/]] },
  { what: "NUL in a command", steps: [["MAIL FROM:<a\0@bar.test>", /^5\d\d 5\.\d\.\d .*\r\n$/]] },
  { what: "a command line without end", steps: [["NOOP " + "x".repeat(100_000), /^500 5\.5\.[26] .*\r\n/]] },
  { what: "commands out of order", steps: [["DATA", /^503 5\.5\.1 .*\r\n$/], ["RCPT TO:<a@b.test>", /^503 5\.5\.1 /]] },
  { what: "an address without end", steps: [["MAIL FROM:<a@bar.test", /^5\d\d 5\.1\.7 .*\r\n$/]] },
  {
    what: "an address that is too long",
    steps: [[`MAIL FROM:<${"a".repeat(2000)}@bar.test>`, /^5\d\d 5\.1\.7 .*\r\n$/]],
  },
  { what: "a size that is no number", steps: [["MAIL FROM:<a@bar.test> SIZE=huge", /^501 5\.5\.4 .*SIZE.*\r\n$/]] },
  {
    what: "a size beyond databytes",
    steps: [["MAIL FROM:<a@bar.test> SIZE=99999999999", /^552 5\.3\.4 .*databytes.*\r\n$/]],
  },
  { what: "a parameter that is not offered", steps: [["MAIL FROM:<a@bar.test> FOO=BAR", /^555 5\.5\.4 .*FOO.*\r\n$/]] },
  {
    what: "an unknown user",
    steps: [ENVELOPE[0], ["RCPT TO:<nobody@example.test>", /^550 5\.1\.1 .*nobody@example\.test.*\r\n$/]],
  },
  {
    what: "a foreign domain",
    steps: [ENVELOPE[0], ["RCPT TO:<x@elsewhere.example>", /^55[03] 5\.7\.1 .*rcpthosts.*\r\n$/]],
  },
  {
    what: "more recipients than maxrecipients",
    steps: [
      ENVELOPE[0],
      ENVELOPE[1],
      ENVELOPE[1],
      ENVELOPE[1],
      ["RCPT TO:<joe@example.test>", /^452 4\.5\.3 more than 3 recipients.*\r\n$/],
    ],
  },
  {
    what: "a bare LF",
    steps: [...ENVELOPE, ["Subject: x\r\n\r\none\ntwo\r\n.", /^451 4\.6\.0 message has a bare LF.*\[closed\]$/s]],
  },
  {
    what: "a bare CR",
    steps: [...ENVELOPE, ["Subject: x\r\n\r\none\rtwo\r\n.", /^451 4\.6\.0 message has a bare CR.*\[closed\]$/s]],
  },
  {
    what: "more bytes than databytes",
    steps: [...ENVELOPE, [`${"0123456789\r\n".repeat(12_000)}.`, /^552 5\.3\.4 .*databytes.*\r\n$/], ["NOOP", /^250 /]],
  },
  { what: "a login that is no base64", steps: [["AUTH PLAIN !!!", /^501 5\.5\.2 .*\r\n$/]] },
  { what: "an unknown mechanism", steps: [["AUTH FANCY", /^504 5\.5\.4 .*\r\n$/]] },
  {
    what: "too many bad commands",
    steps: [["X\r\n".repeat(40) + "X", /^(?:5\d\d .*\r\n)+421 4\.7\.0 .*\r\n\[closed\]$/]],
  },
];

/** What a message may have: none of these is refused, and all of it arrives. */
const ODD_BODY = `Subject: 8 bit \xfc\xff\r\n\r\n\0NUL\0\r\n${"long".repeat(20_000)}\r\n..dot\r\n\xe4\r\n`;

/** Programs with bad arguments: exit code of the dialect, and what standard error must say. */
const BAD_ARGUMENTS: readonly (readonly [name: string, args: readonly string[], code: number, says: RegExp])[] = [
  ["vadduser", [], 1, /^vadduser: .*address/m],
  ["vadduser", ["-Z"], 1, /^vadduser: .*Z/m],
  ["vadduser", ["joe@example.test", "x"], 1, /^vadduser: .*joe@example\.test exists already/m],
  ["vadduser", ["joe@nowhere.test", "x"], 1, /^vadduser: .*nowhere\.test/m],
  ["vuserinfo", ["nobody@example.test"], 1, /^vuserinfo: .*nobody@example\.test/m],
  ["vpasswd", ["nobody@example.test", "x"], 1, /^vpasswd: .*nobody@example\.test/m],
  ["vmoduser", ["-q", "many", "joe@example.test"], 1, /^vmoduser: .*many/m],
  ["vdeluser", ["nobody@example.test"], 1, /^vdeluser: .*nobody@example\.test/m],
  ["vadddomain", ["bad domain"], 1, /^vadddomain: .*bad domain/m],
  ["vdeldomain", ["nowhere.test"], 1, /^vdeldomain: .*nowhere\.test/m],
  ["valias", ["-s", "x@nowhere.test"], 1, /^valias: .*nowhere\.test/m],
  ["qmail-inject", ["-Z"], 100, /^qmail-inject: .*Z/m],
  ["qmail-local", ["only", "two"], 100, /^qmail-local: /m],
  ["maildirmake", [], 1, /^maildirmake: /m],
  ["qmail-newu", ["--nonsense"], 100, /^qmail-newu: .*nonsense/m],
  ["qmail-qread", ["--nonsense"], 1, /^qmail-qread: .*nonsense/m],
  ["qmail-showctl", ["--nonsense"], 100, /^qmail-showctl: .*nonsense/m],
  ["indimail-status", ["--nonsense"], 1, /^indimail-status: .*nonsense/m],
  ["indimail", ["no-such-program"], 1, /^indimail: .*no-such-program/m],
];

async function installationForBadInput(): Promise<Installation> {
  const installation = await Installation.start({
    async prepare(root) {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/databytes`, "131072\n");
      await Deno.writeTextFile(`${root}/etc/indimail/control/maxrecipients`, "3\n");
    },
  });
  await installation.addUser("joe", "secret");
  return installation;
}

Deno.test("bad input is refused with what and why", async (t) => {
  await using installation = await installationForBadInput();
  const { ports } = installation;

  for (const { what, steps } of BAD_SMTP) {
    await t.step(`SMTP: ${what}`, async () => {
      using client = await LineClient.connect(ports.smtp);
      await client.ask("", /^220 .*\r\n$/);
      await client.ask("EHLO bar.test", /^250 .*\r\n$/m);
      for (const [send, answer] of steps) {
        const wanted = answer.source.includes("closed") ? /\[closed\]$/ : /\r\n$/;
        assertMatch(await client.ask(send, wanted), answer, `after ${JSON.stringify(send.slice(0, 80))}`);
      }
    });
  }

  await t.step("8-bit bytes, NUL and lines of any length are mail, and arrive as they are", async () => {
    using client = await LineClient.connect(ports.smtp);
    await client.ask("", /^220 /);
    await client.ask("EHLO bar.test", /^250 .*\r\n$/m);
    for (const [send, answer] of ENVELOPE) assertMatch(await client.ask(send, /\r\n$/), answer);
    assertMatch(await client.ask(`${ODD_BODY}.`, /\r\n$/), /^250 2\.0\.0 /);
    using imap = await LineClient.connect(ports.imap);
    await imap.ask("a LOGIN joe@example.test secret", /^a OK/m);
    await imap.ask("b SELECT INBOX", /^b OK/m);
    for (let tries = 0; tries < 100; tries++) {
      if (/EXISTS/.test(await imap.ask("c NOOP", /^c OK/m))) break;
    }
    const text = await imap.ask("d FETCH 1 BODY[TEXT]", /^d OK/m);
    // a literal holds no NUL [rfc3501 4.3]; the Maildir does
    const body = ODD_BODY.slice(ODD_BODY.indexOf("\r\n\r\n") + 4).replace("\r\n..", "\r\n.").replaceAll("\0", "\x80");
    assert(text.includes(`{${body.length}}\r\n${body}`), text.replaceAll("long", ""));
  });

  await t.step(
    "IMAP: what cannot be understood is BAD, a literal too long is refused, the session goes on",
    async () => {
      using client = await LineClient.connect(ports.imap);
      await client.ask("", /^\* OK /);
      assertMatch(await client.ask("nonsense", /\r\n$/), /^(?:\*|nonsense) BAD .+\r\n$/);
      assertMatch(await client.ask("a FROB", /\r\n$/), /^a BAD .+\r\n$/);
      assertMatch(await client.ask("b SELECT INBOX", /\r\n$/), /^b (?:NO|BAD) .+\r\n$/);
      assertMatch(await client.ask("c LOGIN {99999999999}", /\r\n$/), /^c (?:NO|BAD) .+\r\n$/);
      assertMatch(
        await client.ask("d LOGIN joe@example.test wrong", /^d .*\r\n$/m),
        /^d NO \[AUTHENTICATIONFAILED\] /m,
      );
      await client.ask("e LOGIN joe@example.test secret", /^e OK/m);
      assertMatch(await client.ask("f SELECT none", /\r\n$/), /^f NO \[NONEXISTENT\] /);
      assertMatch(await client.ask("g UID FETCH 0 FLAGS", /\r\n$/), /^g (?:BAD|NO) /);
      assertMatch(await client.ask(`h LIST "" "${"x".repeat(300_000)}"`, /\r\n/), /^(?:h|\*) (?:BAD|BYE) /);
    },
  );

  await t.step("POP3: what cannot be understood is -ERR, and why", async () => {
    using client = await LineClient.connect(ports.pop3);
    await client.ask("", /^\+OK /);
    assertMatch(await client.ask("FROB", /\r\n$/), /^-ERR .+\r\n$/);
    assertMatch(await client.ask("RETR 1", /\r\n$/), /^-ERR .*login.*\r\n$/);
    await client.ask("USER joe@example.test", /^\+OK/);
    assertMatch(await client.ask("PASS wrong", /\r\n$/), /^-ERR \[AUTH\] /);
    await client.ask("USER joe@example.test", /^\+OK/);
    await client.ask("PASS secret", /^\+OK/);
    assertMatch(await client.ask("RETR 99", /\r\n$/), /^-ERR .+\r\n$/);
    assertMatch(await client.ask("RETR -1", /\r\n$/), /^-ERR .+\r\n$/);
    assertMatch(await client.ask("x".repeat(10_000), /\r\n$/), /^-ERR .+\r\n/);
  });

  for (const [name, args, code, says] of BAD_ARGUMENTS) {
    await t.step(`${name} ${args.join(" ")}: exit code ${code}`, async () => {
      const result = await installation.run(name, args, "");
      assertMatch(result.stderr, says, `${result.stdout}${result.stderr}`);
      assertEquals(result.code, code, result.stderr);
    });
  }

  await t.step("after all that every role is the same process as before", async () => {
    const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
    assertEquals(roles.map(({ restarts }: { restarts: number }) => restarts).filter((count: number) => count > 0), []);
  });
});
