/**
 * Random lines and bytes at the SMTP server in each state: it never crashes, its replies stay in the grammar, it accepts
 * no message that was not ended by CRLF.CRLF. Bounded; FUZZ_ROUNDS and FUZZ_SEED change that.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { MemoryConnection } from "../support/memory_connection.ts";
import { SmtpSession } from "../../mail/smtp/session.ts";
import { SMTP_VERBS } from "../../mail/smtp/verbs.ts";
import { SmtpdBackend } from "../../servers/smtp/backend.ts";
import { makeTestServer, type TestServer } from "../../servers/smtp/testing.ts";

const ROUNDS = Number(Deno.env.get("FUZZ_ROUNDS") ?? 1500);
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20_261_123);
const REPLY = /^(?:[2-5]\d\d(?:[ -][ -~]*)?\r\n)*$/;

const BEGINNINGS = [
  "",
  "EHLO a.test\r\n",
  "EHLO a.test\r\nMAIL FROM:<a@b.test>\r\n",
  "EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<user@local.test>\r\n",
  "EHLO a.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<user@local.test>\r\nDATA\r\n",
  "EHLO a.test\r\nAUTH PLAIN\r\n",
  "EHLO a.test\r\nAUTH SCRAM-SHA-256 bixhLG49dXNlcixyPWFiYw==\r\n",
];

function randomSource(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

function randomInput(random: (below: number) => number): string {
  const words = [
    ...SMTP_VERBS.map(({ verb }) => verb),
    " ",
    " ",
    "FROM:",
    "TO:",
    "<",
    ">",
    "@",
    "a@b.test",
    "<user@local.test>",
    '"',
    "\\",
    ".",
    "\r\n",
    "\r\n",
    "\r\n",
    "\n",
    "\r",
    "\0",
    "\xff",
    "=",
    "*",
    "AAAA",
    "SIZE=",
    "999999999999999999",
    "BODY=8BITMIME",
    "\r\n.\r\n",
    "[127.0.0.1]",
    ":",
    ",",
    "x".repeat(300),
  ];
  let text = "";
  for (let count = random(14); count >= 0; count--) {
    text += random(9) === 0 ? String.fromCharCode(random(256)) : words[random(words.length)];
  }
  return random(4) === 0 ? text.repeat(1 + random(40)) : text;
}

async function round(world: TestServer, random: (below: number) => number, name: string): Promise<void> {
  const connection = new MemoryConnection({ tls: random(2) === 0 });
  const backend = new SmtpdBackend(world.server, connection, { submission: false, offersAuth: true });
  let over = false;
  const done = new SmtpSession(connection, backend).run().then(() => {
    over = true;
    connection.close();
  });
  connection.feed(BEGINNINGS[random(BEGINNINGS.length)]!);
  for (let count = 1 + random(6); count > 0 && !over; count--) {
    await connection.quiet();
    connection.feed(`${randomInput(random)}${random(3) > 0 ? "\r\n" : ""}`);
  }
  await connection.quiet();
  connection.end();
  await done;
  assertMatch(connection.written, REPLY, `${name}: reply out of the grammar`);
  assertEquals(world.lines.filter((line) => line.includes(" bug: ")), [], name);
  for (const { text, envelope } of world.queue.messages.splice(0)) {
    assert(envelope.recipients.length > 0, `${name}: message without recipients`);
    assert(text.startsWith("Received: ") && text.endsWith("\n"), `${name}: message is cut off`);
    assert(!text.includes("\r"), `${name}: CR in a queued message`);
  }
  world.lines.length = 0;
}

Deno.test(`the SMTP server survives ${ROUNDS} random sessions from seed ${SEED}`, async () => {
  const world = makeTestServer();
  try {
    const random = randomSource(SEED);
    for (let at = 0; at < ROUNDS; at++) await round(world, random, `seed ${SEED} round ${at}`);
  } finally {
    world.close();
  }
});
