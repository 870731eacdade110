import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { utf8Bytes } from "../../core/bytes.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly log: string;
}

/** Runs qmail-smtpd in an installation with these control files, `input` on its standard input. */
async function run(
  control: Readonly<Record<string, string>>,
  input: string,
  options: { readonly args?: readonly string[]; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Outcome> {
  const root = Deno.makeTempDirSync({ prefix: "qmail-smtpd-" });
  try {
    const folder = `${root}/etc/indimail/control`;
    Deno.mkdirSync(folder, { recursive: true });
    for (const [name, text] of Object.entries(control)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", MAIN, "qmail-smtpd"],
        ...options.args ?? [],
      ],
      env: { ...options.env, INDIMAIL_ROOT: root },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(utf8Bytes(input));
    await writer.close();
    const { code, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), log: decoder.decode(stderr) };
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
}

const CONTROL = { me: "mail.test\n", rcpthosts: "local.test\n", locals: "local.test\n" };

Deno.test("qmail-smtpd serves one session on standard input and output", async () => {
  const input =
    "EHLO client.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@far.test>\r\nRCPT TO:<b@local.test>\r\nDATA\r\nQUIT\r\n";
  const { code, out, log } = await run(CONTROL, input, { env: { TCPREMOTEIP: "192.0.2.9" } });
  assertEquals(code, 0);
  const lines = out.split("\r\n");
  assertEquals(lines[0], "220 mail.test ESMTP");
  assert(!out.includes("STARTTLS") && !out.includes("AUTH"));
  assertMatch(lines.at(-6)!, /^250 2\.1\.0 /);
  assertMatch(lines.at(-5)!, /^553 5\.7\.1 domain far\.test/);
  assertMatch(lines.at(-4)!, /^250 2\.1\.5 /);
  assertMatch(lines.at(-3)!, /^451 4\.3\.0 nothing answers on .*queue1\.socket/);
  assertMatch(lines.at(-2)!, /^221 2\.0\.0 /);
  assertMatch(log, /^qmail-smtpd: pid \d+ from 192\.0\.2\.9 HELO <client\.test> MAIL from <a@far\.test> refused: 553 /);
});

Deno.test("RELAYCLIENT in the environment lets qmail-smtpd relay", async () => {
  const input = "HELO client.test\r\nMAIL FROM:<a@far.test>\r\nRCPT TO:<b@far.test>\r\nQUIT\r\n";
  const { out } = await run(CONTROL, input, { env: { RELAYCLIENT: "" } });
  assertMatch(out, /250 2\.1\.5 recipient accepted\r\n221 /);
});

Deno.test("qmail-smtpd without control/me says what is missing and exits 100", async () => {
  const { code, out, log } = await run({}, "");
  assertEquals([code, out], [100, ""]);
  assertMatch(log, /^qmail-smtpd: fatal: control file .*\/me is missing/);
});

Deno.test("an unknown option of qmail-smtpd is a usage error, -v prints features", async () => {
  const usage = await run(CONTROL, "", { args: ["-z"] });
  assertEquals(usage.code, 100);
  assertMatch(usage.log, /usage: qmail-smtpd /);
  const features = await run(CONTROL, "", { args: ["-v"] });
  assertEquals(features.code, 0);
  assertMatch(features.out, /PIPELINING[^]*rcpthosts/);
});
