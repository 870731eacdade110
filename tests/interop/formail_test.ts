/**
 * Programs of .qmail lines beside procmail's formail, where both answer the same question: whom an answer goes to and
 * what it refers to, which addresses a field holds, whether a message has been here, what begins a message in an mbox.
 */
import { assertEquals } from "../support/assert.ts";
import { command, type CommandResult } from "../support/installation.ts";

const FORMAIL = "/usr/bin/formail";
const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const FLAGS = ["run", "-A", "--no-prompt", "--unstable-net", "--unstable-worker-options", MAIN];
const BINARY = Deno.env.get("INDIMAIL_BIN");

function isInstalled(): boolean {
  try {
    return Deno.statSync(FORMAIL).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

const ignore = !isInstalled();
if (ignore) console.error("SKIPPED: comparison with formail, which is not installed");

const DELIVERY = {
  SENDER: "ann@out.test",
  RECIPIENT: "joe@in.test",
  HOST: "in.test",
  DTLINE: "Delivered-To: joe@in.test\n",
  RPLINE: "Return-Path: <ann@out.test>\n",
  UFLINE: "From ann@out.test Mon Nov 23 04:00:00 2026\n",
};

async function ours(name: string, args: readonly string[], message: string): Promise<CommandResult> {
  const [program, before] = BINARY === undefined ? [Deno.execPath(), [...FLAGS, name]] : [BINARY, [name]];
  return await command(program, [...before, ...args], { env: DELIVERY, stdin: message });
}

async function formail(args: readonly string[], message: string): Promise<string> {
  return (await command(FORMAIL, args, { stdin: message })).stdout;
}

const MESSAGES = {
  plain: "Return-Path: <ann@out.test>\nFrom: Ann <ann@out.test>\nTo: Joe <joe@in.test>\nSubject: hello\n" +
    "Message-ID: <1.2@out.test>\n\nbody\n",
  folded:
    "Return-Path: <ann@out.test>\nFrom: ann@out.test (Ann)\nTo: a@b.test,\n\tjoe@in.test\nSubject: a long\n one\n" +
    "Message-ID:\n <3@out.test>\n\nbody\n",
  copied: 'Return-Path: <ann@out.test>\nFrom: ann@out.test\nTo: list: x@y.test, z@y.test;\nCc: "Joe" <joe@in.test>\n' +
    "Subject: =?utf-8?q?caf=C3=A9?=\nMessage-ID: <4@out.test>\n\nbody\n",
  blind:
    "Return-Path: <ann@out.test>\nFrom: joe@in.test\nTo: x@y.test\nSubject: joe@in.test\nMessage-ID: <5@x>\n\nbody\n",
} as const;

Deno.test({ name: "an automatic answer goes to whom formail -r answers, and refers to the same", ignore }, async () => {
  for (const [what, message] of Object.entries(MESSAGES)) {
    const folder = await Deno.makeTempDir({ prefix: "formail-test." });
    try {
      await Deno.writeTextFile(`${folder}/text`, "away\n");
      const answer = await ours("autoresponder", ["-N", "-l", "-s", "Re: ", `${folder}/text`, folder], message);
      assertEquals(answer.code, 0, answer.stderr);
      const fields = ["-c", "-X", "To:", "-X", "Subject:", "-X", "In-Reply-To:", "-X", "References:"];
      const sorted = (text: string) => text.replace(/ +/g, " ").split("\n").filter((line) => line !== "").toSorted();
      const theirs = await formail(fields, await formail(["-r"], message));
      assertEquals(sorted(await formail(fields, answer.stdout)), sorted(theirs), what);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test({ name: "an address is in To and Cc where formail finds it", ignore }, async () => {
  for (const [what, message] of Object.entries(MESSAGES)) {
    const theirs = (await formail(["-x", "To:", "-x", "Cc:"], message)).includes("joe@in.test");
    assertEquals((await ours("iftocc", [], message)).code, theirs ? 0 : 100, what);
    const from = (await formail(["-x", "From:"], message)).includes("ann@out.test");
    assertEquals((await ours("ifaddr", ["from", ":", "ann@out.test"], message)).code, from ? 0 : 100, what);
  }
});

Deno.test(
  { name: "a message that has been here is one in which formail finds the Delivered-To line", ignore },
  async () => {
    for (const line of ["Delivered-To: joe@in.test", "Delivered-To: jim@in.test", "X-Delivered-To: joe@in.test"]) {
      const message = `${line}\n${MESSAGES.plain}`;
      const loops = (await formail(["-x", "Delivered-To:"], message)).trim() === "joe@in.test";
      const { code } = await ours("autoresponder", ["-N", "/dev/null", "/tmp"], message);
      assertEquals(code, loops ? 100 : 0, line);
    }
  },
);

Deno.test({ name: "preline makes of a message one that formail takes out of an mbox again", ignore }, async () => {
  const { stdout } = await ours("preline", ["cat"], MESSAGES.plain);
  assertEquals(await formail(["-X", "From "], stdout), DELIVERY.UFLINE);
  assertEquals(
    await formail(["-s", "formail", "-x", "Delivered-To:"], `${stdout}\n${stdout}`),
    " joe@in.test\n joe@in.test\n",
  );
});
