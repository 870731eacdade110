import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { MemoryConnection, type MemoryConnectionOptions } from "../../tests/support/memory_connection.ts";
import { TEST_CERTIFICATE } from "../../tests/support/certificates.ts";
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { Temporary } from "../../core/errors.ts";
import type { SmtpBackend, SmtpEnd, SmtpFeatures, SmtpMessage } from "./backend.ts";
import { AUTH_FAILURES_MAX, BAD_COMMANDS_MAX, COMMAND_BYTES_MAX } from "./limits.ts";
import { REPLIES, type SmtpReply } from "./replies.ts";
import { SmtpSession } from "./session.ts";
import { SMTP_STATES, SMTP_VERBS, type SmtpState } from "./verbs.ts";

/** A backend that takes all but what its address says: `refuse…`, `later…`, `down…`, `bug…`. */
class TestBackend implements SmtpBackend {
  readonly hostName = "mail.test";
  readonly timeoutMs = 5000;
  readonly hopsMax = 3;
  features_: SmtpFeatures = {
    sizeBytesMax: 100_000,
    mechanisms: ["PLAIN"],
    tls: { certificate: () => ({ cert: TEST_CERTIFICATE, key: "" }) },
  };
  readonly messages: string[] = [];
  readonly refusals: string[] = [];
  readonly surprises: unknown[] = [];
  aborts = 0;
  end: SmtpEnd | undefined;
  onCommit: SmtpReply | Error = { code: 250, enhanced: "2.0.0", text: "queued" };
  #envelope: string[] = [];

  features(): SmtpFeatures {
    return this.features_;
  }

  connected(): SmtpReply {
    return { code: 220, text: "mail.test ESMTP" };
  }

  hello(): SmtpReply {
    return { code: 250, text: "mail.test" };
  }

  tlsStarted(): void {
    this.#envelope = [];
  }

  authenticate(mechanism: string) {
    if (mechanism !== "PLAIN") return REPLIES.authMechanism;
    return {
      step: (response: Uint8Array | undefined) => {
        if (!response) return Promise.resolve({ kind: "challenge", bytes: new Uint8Array() } as const);
        if (latin1Text(response) === "down") return Promise.reject(new Temporary("lookup is down"));
        const good = latin1Text(response) === "\0user\0secret";
        const reply = good
          ? { code: 235, enhanced: "2.7.0", text: "welcome" }
          : { code: 535, enhanced: "5.7.8", text: "no" };
        return Promise.resolve({ kind: "finished", reply } as const);
      },
    };
  }

  mail({ sender }: { sender: string }) {
    return this.#answer(sender, REPLIES.senderOk);
  }

  recipient(address: string) {
    return this.#answer(address, REPLIES.recipientOk);
  }

  #answer(address: string, accepted: SmtpReply): SmtpReply | Promise<SmtpReply> {
    if (address.startsWith("refuse")) return { code: 550, enhanced: "5.1.1", text: `no ${address} here` };
    if (address.startsWith("down")) return Promise.reject(new Temporary("lookup is down"));
    if (address.startsWith("bug")) throw new Error("a bug");
    this.#envelope.push(address);
    return address.startsWith("later") ? Promise.resolve(accepted) : accepted;
  }

  message(): SmtpMessage | SmtpReply {
    if (this.#envelope[0] === "closed@a.test") return { code: 451, enhanced: "4.3.0", text: "queue is down" };
    const envelope = this.#envelope;
    let text = "";
    return {
      head: utf8Bytes("Received: here\n"),
      write: (bytes) => {
        text += latin1Text(bytes);
        return Promise.resolve();
      },
      commit: (sizeBytes) => {
        if (this.onCommit instanceof Error) return Promise.reject(this.onCommit);
        assertEquals(text.length, sizeBytes + "Received: here\n".length);
        this.messages.push(`${envelope.join(" ")}|${text}`);
        return Promise.resolve(this.onCommit);
      },
      abort: () => {
        this.aborts++;
      },
    };
  }

  reset(): void {
    this.#envelope = [];
  }

  refused(reply: SmtpReply, command: string): void {
    this.refusals.push(`${reply.code} ${command}`);
  }

  surprise(error: unknown): void {
    this.surprises.push(error);
  }

  ended(how: SmtpEnd): void {
    this.end = how;
  }
}

interface Run {
  readonly connection: MemoryConnection;
  readonly backend: TestBackend;
  readonly session: SmtpSession;
  readonly done: Promise<void>;
  /** Feeds lines and gives what is answered. */
  say(text: string): Promise<string>;
}

function start(options: MemoryConnectionOptions & { readonly backend?: TestBackend } = {}): Run {
  const connection = new MemoryConnection(options);
  const backend = options.backend ?? new TestBackend();
  const session = new SmtpSession(connection, backend);
  let over = false;
  const done = session.run().then(() => {
    over = true;
    connection.close();
  });
  return {
    connection,
    backend,
    session,
    done,
    async say(text) {
      if (!over) await connection.quiet();
      const before = connection.written.length;
      connection.feed(text);
      await connection.quiet();
      return connection.written.slice(before);
    },
  };
}

async function finish(run: Run): Promise<void> {
  run.connection.end();
  await run.done;
}

/** Commands that lead to a state. */
const TO_STATE: Readonly<Record<SmtpState, string>> = {
  start: "",
  ready: "EHLO client.test\r\n",
  mail: "EHLO client.test\r\nMAIL FROM:<a@a.test>\r\n",
  rcpt: "EHLO client.test\r\nMAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\n",
};

/** A good argument for each verb, and where it leads from a state that takes it. */
const ARGUMENTS: Readonly<Record<string, string>> = {
  HELO: " client.test",
  EHLO: " client.test",
  MAIL: " FROM:<c@c.test>",
  RCPT: " TO:<d@d.test>",
  AUTH: " PLAIN AHVzZXIAc2VjcmV0",
  VRFY: " someone",
  EXPN: " list",
  ETRN: " domain.test",
};
const LEADS_TO: Readonly<Record<string, SmtpState>> = {
  HELO: "ready",
  EHLO: "ready",
  MAIL: "mail",
  RCPT: "rcpt",
  STARTTLS: "start",
};

for (const state of SMTP_STATES) {
  for (const { verb, states, otherwise } of SMTP_VERBS) {
    Deno.test(`in state ${state} ${verb} is ${states.includes(state) ? "taken" : "refused"}`, async () => {
      const run = start();
      await run.say(TO_STATE[state]);
      assertEquals(run.session.state, state);
      const reply = await run.say(`${verb}${ARGUMENTS[verb] ?? ""}\r\n`);
      if (!states.includes(state)) {
        assertMatch(reply, new RegExp(`^503 5\\.5\\.1 `));
        assert(reply.includes(otherwise[state]!.text));
        assertEquals(run.session.state, state);
      } else if (["EXPN", "ETRN", "TURN"].includes(verb)) assertMatch(reply, /^502 5\.5\.1 /);
      else if (verb === "DATA") {
        assertMatch(reply, /^354 /);
        assertMatch(await run.say("x\r\n.\r\n"), /^250 2\.0\.0 queued\r\n$/);
        assertEquals(run.session.state, "ready");
      } else {
        assertMatch(reply, /^2\d\d[ -]/);
        const after = verb === "RSET" ? (state === "start" ? "start" : "ready") : LEADS_TO[verb] ?? state;
        if (verb !== "QUIT") assertEquals(run.session.state, after);
      }
      const unknown = verb === "QUIT" && states.includes(state) ? "" : await run.say("FROBNICATE\r\n");
      if (unknown !== "") assertMatch(unknown, /^500 5\.5\.1 command not known\r\n$/);
      await finish(run);
      assertEquals(run.backend.surprises, []);
    });
  }
}

const WHOLE = "EHLO client.test\r\nMAIL FROM:<a@a.test> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<later@b.test>\r\n" +
  "RCPT TO:<refuse@b.test>\r\nRCPT TO:<c@c.test>\r\nDATA\r\nSubject: x\r\n\r\n..dot\r\n.\r\n" +
  "MAIL FROM:<>\r\nRCPT TO:<later2@b.test>\r\nDATA\r\n.\r\nNOOP\r\nQUIT\r\n";

Deno.test("one byte at a time gives the same replies and messages as all at once", async () => {
  const whole = start();
  await whole.say(WHOLE);
  await whole.done;
  const slow = start();
  for (const char of WHOLE) await slow.say(char);
  await slow.done;
  assertEquals(slow.connection.written, whole.connection.written);
  assertEquals(slow.backend.messages, whole.backend.messages);
  assertEquals(whole.backend.messages, [
    "a@a.test later@b.test c@c.test|Received: here\nSubject: x\n\n.dot\n",
    " later2@b.test|Received: here\n",
  ]);
  assertEquals(whole.backend.end, "quit");
});

Deno.test("a batch of pipelined commands is answered with one write [rfc2920 3.2]", async () => {
  const run = start();
  await run.say("EHLO client.test\r\n");
  const before = run.connection.writes.length;
  await run.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nRCPT TO:<later@b.test>\r\nDATA\r\n");
  assertEquals(run.connection.writes.length, before + 1);
  assertEquals(run.connection.writes.at(-1)!.split("\r\n").map((line) => line.slice(0, 3)), [
    "250",
    "250",
    "250",
    "354",
    "",
  ]);
  await finish(run);
  assertEquals(run.backend.aborts, 1);
  assertEquals(run.backend.end, "lost");
});

Deno.test("EHLO lists what is offered, HELO does not", async () => {
  const run = start();
  assertEquals((await run.say("EHLO x\r\n")).trim().split("\r\n"), [
    "250-mail.test",
    "250-PIPELINING",
    "250-8BITMIME",
    "250-SIZE 100000",
    "250-ENHANCEDSTATUSCODES",
    "250-STARTTLS",
    "250-AUTH PLAIN",
    "250 HELP",
  ]);
  assertEquals(await run.say("HELO x\r\n"), "250 mail.test\r\n");
  await finish(run);
});

Deno.test("what is pipelined behind STARTTLS is thrown away and HELO is forgotten [rfc3207 4.2]", async () => {
  const run = start();
  await run.say("EHLO x\r\n");
  const reply = await run.say("STARTTLS\r\nMAIL FROM:<injected@a.test>\r\n");
  assertEquals(reply, "220 2.0.0 ready for TLS\r\n");
  assertEquals(run.session.state, "start");
  assertMatch(await run.say("MAIL FROM:<a@a.test>\r\n"), /^503 5\.5\.1 say HELO/);
  assert(!(await run.say("EHLO x\r\n")).includes("STARTTLS"));
  assertMatch(await run.say("STARTTLS\r\n"), /^503 5\.5\.1 TLS is already active/);
  await finish(run);
});

Deno.test("AUTH with and without initial response, cancelled, malformed, refused and out of order", async () => {
  const run = start();
  await run.say("EHLO x\r\n");
  assertMatch(await run.say("AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"), /^235 2\.7\.0 welcome/);
  assertEquals(await run.say("AUTH PLAIN\r\n"), "334 \r\n");
  assertMatch(await run.say("AHVzZXIAc2VjcmV0\r\n"), /^235 /);
  assertEquals(await run.say("auth plain\r\n"), "334 \r\n");
  assertMatch(await run.say("*\r\n"), /^501 5\.7\.0 authentication cancelled/);
  await run.say("AUTH PLAIN\r\n");
  assertMatch(await run.say("!!!\r\n"), /^501 5\.5\.2 response is not base64/);
  assertMatch(await run.say("AUTH PLAIN !!!\r\n"), /^501 5\.5\.2/);
  assertMatch(await run.say("AUTH CRAM-MD5\r\n"), /^504 5\.5\.4/);
  assertMatch(await run.say("AUTH\r\n"), /^501 5\.5\.4 syntax/);
  assertMatch(await run.say("AUTH PLAIN ZG93bg==\r\n"), /^451 4\.3\.0 lookup is down/);
  await run.say("AUTH PLAIN\r\n");
  assertMatch(await run.say(`${"A".repeat(13_000)}\r\n`), /^500 5\.5\.2 line too long/);
  await finish(run);
});

Deno.test("too many failed logins end the session with 421", async () => {
  const run = start();
  await run.say("EHLO x\r\n");
  for (let count = 1; count < AUTH_FAILURES_MAX; count++) {
    assertMatch(await run.say("AUTH PLAIN AAAA\r\n"), /^535 5\.7\.8/);
  }
  assertMatch(await run.say("AUTH PLAIN AAAA\r\n"), /^535 5\.7\.8 no\r\n421 4\.7\.0 too many failed logins\r\n$/);
  await run.done;
  assertEquals(run.backend.end, "refused");
});

Deno.test("too many bad commands end the session with 421, refused recipients do not", async () => {
  const run = start();
  await run.say(TO_STATE.mail);
  for (let count = 0; count < BAD_COMMANDS_MAX * 2; count++) {
    assertMatch(await run.say("RCPT TO:<refuse@b.test>\r\n"), /^550 5\.1\.1/);
  }
  for (let count = 0; count < BAD_COMMANDS_MAX; count++) {
    assertMatch(await run.say("XYZZY\r\n"), /^500 5\.5\.1 [^\r]*\r\n$/);
  }
  assertMatch(await run.say("XYZZY\r\nNOOP\r\n"), /^500 5\.5\.1 .*\r\n421 4\.7\.0 too many bad commands\r\n$/);
  await run.done;
});

Deno.test("a line that is too long is refused once and the next is understood", async () => {
  const run = start();
  assertEquals(await run.say("X".repeat(COMMAND_BYTES_MAX * 3)), "");
  assertMatch(await run.say("X\r\nNOOP\r\n"), /^500 5\.5\.2 line too long\r\n250 2\.0\.0 ok\r\n$/);
  assertMatch(await run.say(`NOOP ${"x".repeat(COMMAND_BYTES_MAX)}\r\n`), /^500 5\.5\.2 line too long\r\n$/);
  await run.say("EHLO client.test\r\n");
  assertMatch(await run.say(`AUTH PLAIN ${"QUFB".repeat(COMMAND_BYTES_MAX / 2)}\r\n`), /^535 5\.7\.8/);
  await finish(run);
});

Deno.test("a bare LF or CR in the message is refused with 451 and ends the session", async () => {
  for (
    const [body, text] of [["a\nb\r\n.\r\n", "bare LF"], ["a\rb\r\n.\r\n", "bare CR"], [
      "a\r\n.\nMAIL FROM:<x@y>\r\n",
      "bare LF",
    ]]
  ) {
    const run = start();
    await run.say(`${TO_STATE.rcpt}DATA\r\n`);
    assertMatch(await run.say(body!), new RegExp(`^451 4\\.6\\.0 message has a ${text}[^\r]*\r\n$`));
    await run.done;
    assertEquals(run.backend.messages, []);
    assertEquals(run.backend.aborts, 1);
  }
});

Deno.test("a message over the size limit is refused by SIZE, and at its end when it did not tell", async () => {
  const run = start();
  await run.say("EHLO x\r\n");
  assertMatch(await run.say("MAIL FROM:<a@a.test> SIZE=100001\r\n"), /^552 5\.3\.4/);
  await run.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n");
  const line = `${"x".repeat(998)}\r\n`;
  assertMatch(await run.say(`${line.repeat(250)}.\r\nNOOP\r\n`), /^552 5\.3\.4 [^\r]*\r\n250 2\.0\.0 ok\r\n$/);
  await run.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n");
  assertMatch(await run.say(`${line.repeat(100)}.\r\n`), /^250 2\.0\.0 queued/);
  assertEquals(run.backend.messages.map((message) => message.length), [18 + 15 + 99_900]);
  await finish(run);
});

Deno.test("a message with too many hops is refused with 554", async () => {
  const run = start();
  await run.say(`${TO_STATE.rcpt}DATA\r\n`);
  assertMatch(await run.say(`${"Received: x\r\n".repeat(3)}\r\n.\r\n`), /^554 5\.4\.6 too many hops/);
  await run.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n");
  assertMatch(await run.say(`${"Received: x\r\n".repeat(2)}\r\nReceived: x\r\n.\r\n`), /^250 /);
  await finish(run);
});

Deno.test("a backend that is down is 451 with its reason, a bug is 451 and told", async () => {
  const run = start();
  await run.say(TO_STATE.mail);
  assertMatch(await run.say("RCPT TO:<down@b.test>\r\n"), /^451 4\.3\.0 lookup is down\r\n$/);
  assertMatch(await run.say("RCPT TO:<bug@b.test>\r\n"), /^451 4\.3\.0 internal error/);
  assertEquals(run.session.state, "mail");
  assertEquals(run.backend.surprises.length, 1);
  await run.say("RCPT TO:<b@b.test>\r\n");
  run.backend.onCommit = new Error("another bug");
  assertMatch(await run.say("DATA\r\n.\r\n"), /^354 .*\r\n451 4\.3\.0 internal error/);
  run.backend.onCommit = new Temporary("queue is gone");
  assertMatch(
    await run.say("MAIL FROM:<a@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n.\r\n"),
    /451 4\.3\.0 queue is gone\r\n$/,
  );
  assertMatch(
    await run.say("MAIL FROM:<closed@a.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n"),
    /451 4\.3\.0 queue is down\r\n$/,
  );
  await finish(run);
});

Deno.test("a silent client is told of the timeout", async () => {
  const run = start();
  await run.connection.quiet();
  run.connection.timeOut = true;
  run.connection.feed("NOOP\r\n");
  await run.done;
  assertMatch(run.connection.written, /250 2\.0\.0 ok\r\n421 4\.4\.2 timeout\r\n$/);
  assertEquals(run.backend.end, "timeout");
  assertEquals(run.connection.timeoutMs, 5000);
});

Deno.test("stop ends an idle session with 421 at once", async () => {
  const run = start();
  await run.say("EHLO x\r\n");
  run.session.stop();
  run.session.stop();
  await run.done;
  assertMatch(run.connection.written, /421 4\.3\.2 service is shutting down[^\r]*\r\n$/);
  assertEquals(run.backend.end, "stopped");
});

Deno.test("stop lets a message that is being received end, then says 421", async () => {
  const run = start();
  await run.say(`${TO_STATE.rcpt}DATA\r\n`);
  run.session.stop();
  assertMatch(await run.say("text\r\n.\r\n"), /^250 2\.0\.0 queued\r\n421 4\.3\.2 [^\r]*\r\n$/);
  await run.done;
  assertEquals(run.backend.messages.length, 1);
  assertEquals(run.backend.end, "stopped");
});

Deno.test("replies stay one line of printable text whatever they quote", async () => {
  const run = start();
  await run.say(TO_STATE.mail);
  assertEquals(
    await run.say('RCPT TO:<"refuse\xe4\\\t"@b.test>\r\n'),
    "553 5.1.3 control character in the address\r\n",
  );
  assertEquals(await run.say('RCPT TO:<"refuse\xe4"@b.test>\r\n'), "550 5.1.1 no refuse?@b.test here\r\n");
  await finish(run);
});
