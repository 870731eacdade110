/**
 * A domain renamed while mail comes for it: what was accepted waits meanwhile, and is delivered under the new name once the
 * old one leads there; nothing bounces and nothing is lost. Under `deno run`, or compiled when INDIMAIL_BIN is set.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { eventually, Installation } from "../support/installation.ts";
import { sendMessage } from "../support/smtp_client.ts";

const OLD = "second.test";
const NEW = "third.test";
const SENDERS = 3;

/** Sends to both ann (postmaster's aliases too) until told to end; the subjects of what was accepted. */
async function sendUntil(installation: Installation, stopped: () => boolean): Promise<Set<string>> {
  const accepted = new Set<string>();
  let number = 0;
  const sender = async () => {
    while (!stopped()) {
      const subject = `number-${++number}.`;
      const recipient = number % 2 === 0 ? `ann@${OLD}` : `abuse@${OLD}`;
      const text = `Subject: ${subject}\r\n\r\ntext\r\n`;
      const end = await sendMessage({ port: installation.ports.smtp, sender: "a@b.example", recipient, text });
      if (end.kind === "accepted") accepted.add(subject);
      else assert(end.kind === "refused" && !/no account|mailbox/i.test(end.text), JSON.stringify(end));
    }
  };
  await Promise.all(Array.from({ length: SENDERS }, sender));
  return accepted;
}

/** The subjects of all messages below a folder. */
function delivered(folder: string, into: Map<string, number> = new Map()): Map<string, number> {
  for (const entry of Deno.readDirSync(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) delivered(path, into);
    else if (entry.isFile && /\/(new|cur)\/[^/]+$/.test(path)) {
      const subject = /^Subject: (\S+)$/m.exec(Deno.readTextFileSync(path))?.[1];
      if (subject !== undefined) into.set(subject, (into.get(subject) ?? 0) + 1);
    }
  }
  return into;
}

async function retryAll(installation: Installation): Promise<void> {
  const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
  for (const { name, pid } of roles) if (/queue/.test(name)) Deno.kill(pid, "SIGALRM");
}

Deno.test("a domain that is renamed under load loses and bounces nothing", async () => {
  await using installation = await Installation.start({});
  await installation.must("vadddomain", [OLD, "secret"]);
  await installation.must("vadduser", [`ann@${OLD}`, "secret"]);
  await installation.must("vaddaliasdomain", ["alias.test", OLD]);
  let stopped = false;
  const sending = sendUntil(installation, () => stopped);
  try {
    await eventually("first deliveries", () => Promise.resolve(delivered(`${installation.root}/home/mail`).size > 10));
    await installation.must("vrenamedomain", [OLD, NEW]);
    await installation.must("vaddaliasdomain", [OLD, NEW]);
  } finally {
    stopped = true;
  }
  const accepted = await sending;
  await eventually("delivery of what was accepted", async () => {
    await retryAll(installation);
    return [...accepted].every((subject) => delivered(`${installation.root}/home/mail`).has(subject));
  });
  const found = delivered(`${installation.root}/home/mail`);
  assertEquals([...found].filter(([, count]) => count > 1), []);
  assert(!/bounce|no account/i.test((await installation.log()).replaceAll("bounce-no-mailbox", "")), "nothing bounced");
  assertEquals([...Deno.readDirSync(`${installation.root}/home/mail/A2E`)].map(({ name }) => name), [NEW]);
});
