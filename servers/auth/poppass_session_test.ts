/** Tests of the poppassd dialogue with programs and a clock that are plain functions. */
import { Temporary } from "../../core/errors.ts";
import { assert, assertEquals } from "../../tests/support/assert.ts";
import { MemoryConnection } from "../../tests/support/memory_connection.ts";
import { COMMAND_BYTES_MAX, FAILURE_WAIT_MS, FAILURES_MAX, PoppassSession } from "./poppass_session.ts";

/** Runs a dialogue to the client's end; replies, waits and log lines. */
async function converse(text: string, options: { readonly tls?: boolean } = {}) {
  const connection = new MemoryConnection();
  const [waits, lines, changes]: [number[], string[], string[]] = [[], [], []];
  connection.feed(text);
  connection.end();
  await new PoppassSession(connection, {
    hostName: "mx.example.org",
    tls: options.tls ? { certificate: () => ({ cert: "", key: "" }) } : undefined,
    check(user, password) {
      if (user === "later") return Promise.reject(new Temporary("database is away"));
      return Promise.resolve(user === "ann" && password === "old one");
    },
    change(user, passwords) {
      changes.push(`${user} ${passwords.old} ${passwords.new}`);
      return Promise.resolve(passwords.new !== "weak");
    },
    sleep(durationMs) {
      waits.push(durationMs);
      return Promise.resolve();
    },
    log: (line) => void lines.push(line),
  }).run();
  return { replies: connection.written.split("\r\n").slice(1, -1), waits, lines, changes };
}

const codes = (replies: readonly string[]) => replies.map((reply) => reply.slice(0, 3));

Deno.test("a user gives both passwords, and may change the next one after that", async () => {
  const dialogue = "user ann\r\npass old one\r\nnewpass new one\r\nuser ann\r\nquit\r\nuser ann\r\n";
  const { replies, changes, waits } = await converse(dialogue);
  assertEquals(codes(replies), ["300", "300", "200", "300", "200"]);
  assertEquals(changes, ["ann old one new one"]);
  assertEquals(waits, []);
});

Deno.test("a failure waits and begins anew; the last one ends the session", async () => {
  const { replies, waits, changes } = await converse("user ann\npass wrong\n".repeat(FAILURES_MAX + 2));
  assertEquals(codes(replies), Array.from({ length: FAILURES_MAX }, () => ["300", "500"]).flat());
  assertEquals(waits, Array.from({ length: FAILURES_MAX }, () => FAILURE_WAIT_MS));
  assertEquals(changes, []);
});

Deno.test("a new password that is refused waits, and needs the old one again", async () => {
  const { replies, waits } = await converse("user ann\npass old one\nnewpass weak\nnewpass strong\nquit\n");
  assertEquals(codes(replies), ["300", "300", "500", "500", "200"]);
  assertEquals(waits, [FAILURE_WAIT_MS]);
});

Deno.test("every command out of its turn is refused, and none of the texts is logged", async () => {
  for (const before of ["", "user ann\n", "user ann\npass old one\n"]) {
    for (const command of ["user", "pass old one", "newpass s3cret", "help", "", "USER"]) {
      const { replies, lines } = await converse(`${before}${command}\nquit\n`);
      assertEquals(replies.at(-1), "200 Bye-bye", `${before}${command}`);
      assert(!lines.join("\n").includes("old one") && !lines.join("\n").includes("s3cret"));
    }
  }
});

Deno.test("trouble is told as such, and is no failure of the user", async () => {
  const { replies, waits, lines } = await converse("user later\npass x\nquit\n");
  assertEquals(codes(replies), ["300", "400", "200"]);
  assertEquals([waits, lines], [[], ['"later": database is away']]);
});

Deno.test("TLS begins on request where there is a certificate, and the dialogue with it", async () => {
  assertEquals(codes((await converse("starttls\nquit\n")).replies), ["500", "200"]);
  assertEquals(codes((await converse("user ann\nstls\npass old one\n", { tls: true })).replies), ["300", "200"]);
});

Deno.test("a line of 512 bytes is taken and a longer one is not", async () => {
  const long = (bytes: number) => `user ${"u".repeat(bytes - 6)}`; // with its line end
  const { replies } = await converse(`${long(COMMAND_BYTES_MAX)}\n${long(COMMAND_BYTES_MAX + 1)}\nquit\n`);
  assertEquals(codes(replies), ["300", "500", "200"]);
});
