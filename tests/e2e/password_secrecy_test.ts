/**
 * Passwords stay where they belong: no program that is given one hands it to a child in arguments or environment, prints it,
 * or logs it, and the server logs none of those that are tried. Seen by strace; under `deno run`, or the compiled binary
 * when INDIMAIL_BIN is set.
 */
import { latin1Bytes } from "../../core/bytes.ts";
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { formatBase64 } from "../../mail/sasl/base64.ts";
import { assert, assertEquals } from "../support/assert.ts";
import { command, Installation, isCompiledRun } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const SECRET = "Xy7-secret-of-the-test";
const WRONG = "Qz9-wrong-in-the-test";

/** A program that takes a password: from standard input, by descriptor 3, or (its own affair) in its arguments. */
interface Case {
  readonly line: readonly [string, ...string[]];
  readonly stdin?: string;
  /** What descriptor 3 gives. */
  readonly descriptor3?: string;
  readonly code?: number;
}

const CASES: readonly Case[] = [
  { line: ["vadddomain", "new.test", SECRET] },
  { line: ["vadduser", "one@example.test"], stdin: `${SECRET}\n` },
  { line: ["vadduser", "two@example.test", SECRET] },
  { line: ["vadduser", "-m", "SCRAM-SHA-256", "-C", "cram@example.test"], stdin: `${SECRET}\n` },
  { line: ["vadduser", "--csv", "-"], stdin: `csv@example.test,${SECRET},1g,Carl\n` },
  { line: ["vadduser", "--csv", "-"], stdin: `bad@nowhere.test,${SECRET}\n`, code: 1 },
  { line: ["vpasswd", "one@example.test"], stdin: `${SECRET}\n` },
  { line: ["vpasswd", "nobody@example.test", SECRET], code: 1 },
  { line: ["vmoduser", "-P", SECRET, "one@example.test"] },
  { line: ["vgroup", "-a", "team@example.test"], stdin: `${SECRET}\n` },
  { line: ["vtable", "-S", "127.0.0.1", "-p", "1", "-U", "mail", "-P", SECRET, "TEMPLATE"], code: 1 },
  { line: ["vchkpass", "/usr/bin/env"], descriptor3: `one@example.test\0${SECRET}\0\0` },
  { line: ["vchkpass", "/usr/bin/env"], descriptor3: `one@example.test\0${WRONG}\0\0`, code: 1 },
];

function hides(text: string, where: string): void {
  for (const secret of [SECRET, WRONG]) {
    for (const form of [secret, formatBase64(latin1Bytes(secret))]) assert(!text.includes(form), `${where}: ${text}`);
  }
}

/** Runs a program under strace; what it told, and what its children were started with. */
async function run(installation: Installation, { line, stdin, descriptor3 }: Case) {
  const { folder, root } = installation;
  const [name, ...args] = line.map((word) => word === "TEMPLATE" ? `${folder}/template` : word);
  const program = isCompiledRun ? [`${folder}/bin/${name}`] : [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN, name!];
  const trace = `${folder}/trace`;
  const calls = ["strace", "-f", "-qq", "-v", "-s", "100000", "-e", "trace=execve", "-o", trace, ...program, ...args];
  await Deno.writeFile(`${folder}/three`, latin1Bytes(descriptor3 ?? ""));
  const env = {
    INDIMAIL_ROOT: root,
    POST_HANDLE: `${folder}/handle`,
    PATH: "/usr/bin:/bin",
    ...(descriptor3?.includes(WRONG) ? { NATIVE_CHECKPASSWORD: "1" } : {}), // else the next program is to try it
  };
  const ended = await command("sh", ["-c", 'exec "$@" 3<"$0"', `${folder}/three`, ...calls], { env, stdin });
  const [, ...children] = (await Deno.readTextFile(trace)).trimEnd().split("\n");
  return { ...ended, children: children.join("\n") };
}

async function tryLogins(installation: Installation): Promise<void> {
  const { ports } = installation;
  for (const password of [SECRET, WRONG]) {
    using imap = await LineClient.connect(ports.imap);
    await imap.ask("", /^\* OK.*\r\n/);
    await imap.ask(`a LOGIN one@example.test ${password}`, /^a .*\r\n/m);
    using pop3 = await LineClient.connect(ports.pop3);
    await pop3.ask("", /^\+OK.*\r\n/);
    await pop3.ask("USER one@example.test", /\r\n/);
    await pop3.ask(`PASS ${password}`, /\r\n/);
    using smtp = await LineClient.connect(ports.submission);
    await smtp.ask("", /^220 .*\r\n/);
    await smtp.ask("EHLO test.example", /^250 .*\r\n/m);
    await smtp.ask(`AUTH PLAIN ${formatBase64(latin1Bytes(`\0one@example.test\0${password}`))}`, /^\d{3} .*\r\n/m);
  }
}

Deno.test("no password comes into arguments or environment of a child, output or logs", async (t) => {
  await using installation = await Installation.start();
  const { folder } = installation;
  await Deno.writeTextFile(`${folder}/handle`, "#!/bin/sh\nenv\n", { mode: 0o755 });
  await Deno.writeTextFile(`${folder}/template`, "extra\nid int not null\n");
  for (const one of CASES) {
    const shown = one.line.map((word) => word === SECRET ? "PASSWORD" : word).join(" ");
    await t.step(`${shown}${one.code === undefined ? "" : ", refused"}`, async () => {
      const { code, stdout, stderr, children } = await run(installation, one);
      assertEquals(code, one.code ?? 0, stdout + stderr);
      hides(stdout + stderr, "output");
      hides(children, "children");
    });
  }
  await t.step("logins, with every question to the lookup daemon logged", async () => {
    const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
    const lookup = roles.find(({ name }: { name: string }) => name === "lookup");
    Deno.kill(lookup.pid, "SIGUSR2");
    await tryLogins(installation);
    const log = await installation.log();
    assert(/password of one@example\.test imap|password of one@example\.test/.test(log), "questions are logged");
    hides(log, "log");
    hides(installation.output, "output of serve");
  });
});
