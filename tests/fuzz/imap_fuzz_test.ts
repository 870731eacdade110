/**
 * Random commands to the IMAP session in every state: it never crashes, its replies stay in the grammar, each command gets its
 * completion, and however the bytes are cut the replies are the same. FUZZ_ROUNDS and FUZZ_SEED choose more and others.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { addMessages, MemoryAccount } from "../support/imap_memory.ts";
import { endSession, startSession, type TestSession } from "../support/imap_wire.ts";

const ROUNDS = Number(Deno.env.get("FUZZ_ROUNDS") ?? 300);
const SEED = Number(Deno.env.get("FUZZ_SEED") ?? 20260101);
const COMMANDS_A_ROUND = 15;

/** Random numbers from a seed. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const PIECES = [
  "NOOP",
  "UID",
  "FETCH",
  "STORE",
  "SEARCH",
  "COPY",
  "MOVE",
  "EXPUNGE",
  "CLOSE",
  "SELECT",
  "EXAMINE",
  "LIST",
  "LSUB",
  "STATUS",
  "CREATE",
  "DELETE",
  "RENAME",
  "APPEND",
  "LOGIN",
  "AUTHENTICATE",
  "ENABLE",
  "ID",
  "CAPABILITY",
  "CHECK",
  "1",
  "1:*",
  "*",
  "2,1",
  "0",
  "99999999999",
  "INBOX",
  "x.y",
  "&APw-",
  '"a b"',
  '""',
  '"',
  "(",
  ")",
  "()",
  "NIL",
  "FLAGS",
  "+FLAGS",
  "-FLAGS.SILENT",
  "(\\Seen",
  "\\Deleted)",
  "\\*",
  "BODY[]",
  "BODY.PEEK[1.2.HEADER]",
  "BODY[TEXT]<0.5>",
  "(UID",
  "ENVELOPE)",
  "BODYSTRUCTURE",
  "ALL",
  "OR",
  "NOT",
  "SUBJECT",
  "TEXT",
  "hello",
  "ON",
  "1-Jan-2020",
  "UNSEEN",
  "RETURN",
  "(SPECIAL-USE)",
  "%",
  "{3+}\r\nabc",
  "{0+}\r\n",
  "\xff\xfe",
  "\0",
  "PLAIN",
  "=",
  "MESSAGES",
  "CHARSET",
  "utf-8",
];

function randomCommand(random: (below: number) => number): string {
  let command = PIECES[random(24)]!;
  for (let count = random(7); count > 0; count--) {
    command += (random(12) === 0 ? "" : " ") + PIECES[random(PIECES.length)]!;
  }
  return command;
}

const REPLY = /^(?:\* .*|\+ ?.*|f\d+ (?:OK|NO|BAD) .*)$/;

/** Checks that a server's text is made of replies; literals are passed over. */
function checkGrammar(text: string): void {
  let rest = text;
  while (rest !== "") {
    const end = rest.indexOf("\r\n");
    assert(end >= 0, `no line end: ${JSON.stringify(rest)}`);
    let line = rest.slice(0, end);
    rest = rest.slice(end + 2);
    for (let literal = /\{(\d+)\}$/.exec(line); literal; literal = /\{(\d+)\}$/.exec(line)) {
      rest = rest.slice(Number(literal[1]));
      const next = rest.indexOf("\r\n");
      line = `${line.slice(0, literal.index)}""${rest.slice(0, next)}`;
      rest = rest.slice(next + 2);
    }
    assert(REPLY.test(line), `no reply: ${JSON.stringify(line)}`);
    assert(!/[\r\n\0]/.test(line), JSON.stringify(line));
  }
}

function accountWithMail(): MemoryAccount {
  const account = new MemoryAccount();
  account.create("x");
  addMessages(
    account.folder("INBOX"),
    "Subject: hello\nFrom: a@b\n\nbody\n",
    "\n",
    "From: \xff\n\n\xfe\0",
    "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n",
  );
  return account;
}

async function bring(session: TestSession, state: number): Promise<void> {
  if (state > 0) await session.run("LOGIN alice secret");
  if (state > 1) await session.run(state === 2 ? "SELECT INBOX" : "EXAMINE INBOX");
  session.wire.take();
}

for (const [state, name] of ["not authenticated", "authenticated", "selected", "examining"].entries()) {
  Deno.test(`random commands are answered in the state ${name}`, async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const random = randomFrom(SEED + round * 7919 + state);
      const commands: string[] = [];
      for (let count = 0; count < COMMANDS_A_ROUND; count++) commands.push(`f${count} ${randomCommand(random)}\r\n`);
      const input = commands.join("");
      const whole = await replay(input, state, [input.length]);
      checkGrammar(whole);
      const cuts: number[] = [];
      for (let at = 0; at < input.length;) cuts.push(at += 1 + random(round % 10 === 0 ? 1 : 30));
      assertEquals(await replay(input, state, cuts), whole, `seed ${SEED}, round ${round}: ${JSON.stringify(input)}`);
    }
  });
}

async function replay(input: string, state: number, cuts: readonly number[]): Promise<string> {
  const session = startSession({ account: accountWithMail() });
  await bring(session, state);
  let from = 0;
  for (const cut of cuts) {
    session.wire.send(input.slice(from, cut));
    from = cut;
  }
  await endSession(session);
  for (const event of session.events) {
    assert(event.kind !== "error", `seed ${SEED}: ${JSON.stringify(event)} after ${JSON.stringify(input)}`);
  }
  return session.wire.take();
}

Deno.test("random bytes end in a refusal, never in a crash", async () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < ROUNDS; round++) {
    const session = startSession({ account: accountWithMail() });
    await bring(session, round % 3);
    let bytes = "";
    for (let length = random(3000); length > 0; length--) {
      bytes += String.fromCharCode(random(8) === 0 ? 10 : random(256));
    }
    session.wire.send(bytes);
    await endSession(session);
    assert(session.events.every((event) => event.kind !== "error"), `seed ${SEED}, round ${round}`);
  }
});
