/**
 * Faults around a running installation: full disks, a lookup daemon that hangs or dies, no DNS. Every answer is temporary
 * and says why, nothing that was accepted is lost, and all goes on when the fault is over. (A database that is down:
 * mariadb_test.ts.) Under `deno run`, or the compiled binary when INDIMAIL_BIN is set. The disks need root, for mount.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { startFakeDns } from "../support/dns.ts";
import { command, eventually, Installation } from "../support/installation.ts";
import { LineClient } from "../support/line_client.ts";
import { sendMessage } from "../support/smtp_client.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";

/** Room for the queue's journal and its reserve of 64 MB. */
const QUEUE_DISK_MB = 320;
const MAIL_DISK_MB = 2;

const isRoot = Deno.uid() === 0;
if (!isRoot) console.error("SKIPPED: tests of full disks, since mount needs root");

/** A small file system of its own, until it is let go. */
async function mountDisk(path: string, sizeMb: number): Promise<AsyncDisposable> {
  await Deno.mkdir(path, { recursive: true });
  const mounted = await command("mount", ["-t", "tmpfs", "-o", `size=${sizeMb}m`, "indimail-test", path]);
  assertEquals(mounted.code, 0, mounted.stderr);
  return {
    async [Symbol.asyncDispose]() {
      const gone = await command("umount", [path]);
      assertEquals(gone.code, 0, gone.stderr);
    },
  };
}

/** Takes all room of a file system but so much. */
async function fillDisk(path: string, leaveKb: number): Promise<void> {
  const { stdout } = await command("df", ["--output=avail", "-k", path]);
  const freeKb = Number(stdout.trim().split("\n").at(-1));
  const filled = await command("fallocate", ["-l", `${freeKb - leaveKb}K`, `${path}/filler`]);
  assertEquals(filled.code, 0, filled.stderr);
}

async function pidOf(installation: Installation, role: string): Promise<number> {
  const { roles } = JSON.parse(await installation.must("indimail", ["status", "--json"]));
  return roles.find(({ name }: { name: string }) => name === role).pid;
}

async function retryNow(installation: Installation): Promise<void> {
  Deno.kill(await pidOf(installation, "queue"), "SIGALRM");
}

async function mailOf(installation: Installation, user: string): Promise<string> {
  const shown = await installation.must("vuserinfo", ["-d", `${user}@${installation.domain}`]);
  const home = /(\/\S+)/.exec(shown)![1]!;
  return (await command("sh", ["-c", `cat ${home}/Maildir/new/* 2>/dev/null || true`])).stdout;
}

function send(installation: Installation, recipient: string, subject: string, bytes = 100) {
  const text = `Subject: ${subject}\n\n${"x".repeat(72)}\n`.repeat(1) + "y".repeat(72).concat("\n").repeat(bytes / 73);
  return sendMessage({ port: installation.ports.smtp, sender: "s@sender.test", recipient, text });
}

/** Sends until it is accepted: what failed once must work again. */
async function recovers(installation: Installation, recipient: string, subject: string): Promise<void> {
  await eventually("mail to be taken again", async () => {
    const end = await send(installation, recipient, subject);
    return end.kind === "accepted";
  });
}

async function control(root: string, files: Readonly<Record<string, string>>): Promise<void> {
  await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    await Deno.writeTextFile(`${root}/etc/indimail/control/${name}`, text);
  }
}

Deno.test({
  name: "a full disk below the queue: mail is refused for now, what was accepted is delivered, and it recovers",
  ignore: !isRoot,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "indimail-disk." });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    cleanup.use(await mountDisk(folder, QUEUE_DISK_MB));
    await using sink = startSmtpSink({ reply: (line) => hold && line.startsWith("RCPT") ? "450 not now" : undefined });
    let hold = true;
    await using installation = await Installation.start({
      env: { QUEUE_BASE: `${folder}/queue` },
      prepare: (root) => control(root, { smtproutes: `away.test:127.0.0.1:${sink.port}\n` }),
    });
    await Deno.writeTextFile(`${installation.root}/etc/indimail/control/rcpthosts`, "away.test\n", { append: true });
    Deno.kill(installation.pid, "SIGHUP");
    await installation.addUser("joe", "secret");
    await recovers(installation, "x@away.test", "held");
    assertEquals(await send(installation, "joe@example.test", "before"), { kind: "accepted" });

    await fillDisk(folder, 1024);
    const small = await eventually("a refusal", async () => {
      const end = await send(installation, "joe@example.test", "nearly full"); // free space is asked for now and then
      return end.kind === "refused" && end;
    });
    assert((await send(installation, "joe@example.test", "while full")).kind === "refused");
    assertMatch(small.text, /^451 4\.3\.1 .*disk/);
    const big = await send(installation, "joe@example.test", "big while full", 3_000_000);
    assert(big.kind === "refused");
    assertMatch(big.text, /^451 4\.3\.1 .*disk/);
    const injected = await installation.run("qmail-inject", ["joe@example.test"], "Subject: injected\n\nx\n");
    assertEquals(injected.code, 111, injected.stderr);
    await retryNow(installation); // the held one is tried from a full disk, and deferred again

    await Deno.remove(`${folder}/filler`);
    hold = false;
    await recovers(installation, "joe@example.test", "after");
    await retryNow(installation);
    await eventually("the held message", () => sink.messages.some(({ data }) => data.includes("Subject: held")));
    const mail = await eventually("the last message", async () => {
      const text = await mailOf(installation, "joe");
      return text.includes("Subject: after") && text.includes("Subject: before") && text;
    });
    assert(!mail.includes("while full") && !mail.includes("injected"), "what was refused is not delivered");
    assertEquals(await installation.stop(), 0);
  },
});

Deno.test({
  name: "a full disk below the mailboxes: deliveries wait, users read and delete what is there, and it recovers",
  ignore: !isRoot,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "indimail-disk." });
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => Deno.remove(folder, { recursive: true }));
    cleanup.use(await mountDisk(folder, MAIL_DISK_MB));
    await using installation = await Installation.start({ env: { BASE_PATH: `${folder}/mail` } });
    await installation.addUser("joe", "secret");
    assertEquals(await send(installation, "joe@example.test", "before"), { kind: "accepted" });
    await eventually("the first message", async () => (await mailOf(installation, "joe")).includes("before"));
    using imap = await LineClient.connect(installation.ports.imap);
    await imap.ask("a LOGIN joe@example.test secret", /^a OK/m);
    assertMatch(await imap.ask("b SELECT INBOX", /^b .*\r\n/m), /^\* 1 EXISTS\r\n/m);
    await imap.ask("c LOGOUT", /^c OK/m);

    await fillDisk(folder, 0);
    assertEquals(await send(installation, "joe@example.test", "while full", 20_000), { kind: "accepted" });
    await eventually("the deferral", async () => /delivery \d+: deferral: .*space/i.test(await installation.log()));
    using again = await LineClient.connect(installation.ports.imap);
    await again.ask("a LOGIN joe@example.test secret", /^a OK/m);
    assertMatch(await again.ask("b SELECT INBOX", /^b .*\r\n/m), /^\* 1 EXISTS\r\n/m);
    assertMatch(await again.ask("c FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]", /^c .*\r\n/m), /Subject: before/);
    await again.send("d APPEND INBOX {30000+}\r\n");
    assertMatch(await again.ask("z".repeat(30_000), /^d .*\r\n/m), /^d NO \[UNAVAILABLE\] /m);
    assertMatch(await again.ask("e STORE 1 +FLAGS (\\Deleted)", /^e .*\r\n/m), /^e OK /m);
    assertMatch(await again.ask("f EXPUNGE", /^f .*\r\n/m), /^\* 1 EXPUNGE\r\nf OK /m);
    await again.ask("g LOGOUT", /^g OK/m);
    await Deno.remove(`${folder}/filler`);
    await retryNow(installation);
    await eventually("the deferred message", async () => (await mailOf(installation, "joe")).includes("while full"));
    assertEquals(await installation.stop(), 0);
  },
});

Deno.test("a lookup daemon that hangs or dies: answers are temporary, nothing is lost, and it recovers", async (t) => {
  await using installation = await Installation.start({ prepare: (root) => control(root, { timeoutread: "1\n" }) });
  const { ports } = installation;
  await installation.addUser("joe", "secret");
  const pid = await pidOf(installation, "lookup");
  Deno.kill(pid, "SIGSTOP");
  try {
    await t.step("SMTP says 451 for a recipient", async () => {
      const end = await send(installation, "joe@example.test", "x");
      assert(end.kind === "refused");
      assertMatch(end.text, /^451 4\.3\.0 .*lookup daemon/);
    });
    await t.step("IMAP says NO [UNAVAILABLE], POP3 [SYS/TEMP], SMTP AUTH 454", async () => {
      using imap = await LineClient.connect(ports.imap);
      assertMatch(await imap.ask("a LOGIN joe@example.test secret", /^a .*\r\n/m), /^a NO \[UNAVAILABLE\] /m);
      using pop3 = await LineClient.connect(ports.pop3);
      await pop3.ask("USER joe@example.test", /^\+OK password/m);
      assertMatch(await pop3.ask("PASS secret", /\r\n$/), /^-ERR \[SYS\/TEMP\] /);
      using smtp = await LineClient.connect(ports.submission);
      await smtp.ask("EHLO x", /^250 .*\r\n$/m);
      const login = btoa("\0joe@example.test\0secret");
      assertMatch(await smtp.ask(`AUTH PLAIN ${login}`, /\r\n$/), /^454 4\.7\.0 /);
    });
    await t.step("a local delivery is deferred", async () => {
      await installation.must("qmail-inject", ["joe@example.test"], "Subject: injected\n\nx\n");
      await eventually("the deferral", async () => /delivery \d+: deferral: .*lookup/.test(await installation.log()));
    });
  } finally {
    Deno.kill(pid, "SIGCONT");
  }
  await t.step("then all goes on", async () => {
    await recovers(installation, "joe@example.test", "after");
    await retryNow(installation);
    await eventually("both messages", async () => {
      const text = await mailOf(installation, "joe");
      return text.includes("Subject: after") && text.includes("Subject: injected");
    });
  });
  await t.step("one that is killed is started again, and all goes on", async () => {
    Deno.kill(pid, "SIGKILL");
    await recovers(installation, "joe@example.test", "after the kill");
    await eventually("the message", async () => (await mailOf(installation, "joe")).includes("after the kill"));
  });
});

Deno.test("without DNS mail to other hosts is deferred, not bounced, and goes out when it is back", async () => {
  await using sink = startSmtpSink();
  let isDown = true;
  const dns = startFakeDns((name, type) => {
    if (isDown) return { rcode: 2 };
    if (type === "A" && name === "relay.test") {
      return { answers: [{ type: "A", name, ttl: 60, data: "127.0.0.1" }] };
    }
    return {};
  });
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => dns.close());
  await using installation = await Installation.start({
    env: { DNSCACHEIP: `127.0.0.1:${dns.port}` },
    prepare: (root) => control(root, { smtproutes: `routed.test:relay.test:${sink.port}\n` }),
  });
  await installation.must(
    "qmail-inject",
    ["-f", "joe@example.test", "x@routed.test", "y@elsewhere.test"],
    "Subject: out\n\nx\n",
  );
  const deferrals = await eventually("both deferrals", async () => {
    const lines = (await installation.log()).match(/ queue: delivery \d+: .*/g) ?? [];
    return lines.length >= 2 && lines;
  });
  for (const line of deferrals) assertMatch(line, /: deferral: .*(?:DNS|SERVFAIL|look.?up)/i);
  isDown = false;
  await retryNow(installation);
  await eventually("the message", () => sink.messages.some(({ data }) => data.includes("Subject: out")));
});
