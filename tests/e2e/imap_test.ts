/**
 * IMAP with real clients over loopback: the service over a real Maildir, spoken to by curl (plain, STARTTLS, TLS) and imapflow.
 * curl must be installed. mbsync and mutt are in clients_test.ts, against a whole installation.
 */
import { ImapFlow } from "imapflow";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { TEST_CERTIFICATE } from "../support/certificates.ts";
import { type TestMail, withMail } from "../support/mailbox.ts";
import { listen } from "../../core/net/listener.ts";
import type { ServerTls } from "../../core/stream.ts";
import type { Account, AuthResult, Lookup } from "../../storage/accounts/lookup_types.ts";
import { serveImap } from "../../servers/mailbox/imap_service.ts";

const MESSAGES = 300;
const SERVER_TLS: ServerTls = { certificate: () => ({ cert: TEST_CERTIFICATE, key: TEST_CERTIFICATE }) };

interface Server {
  readonly port: number;
  readonly tlsPort: number;
  readonly lines: string[];
}

async function withServer(mail: TestMail, run: (server: Server) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const lines: string[] = [];
  const services = {
    lookup: lookupOf(mail),
    openAccount: () => mail.account,
    log: { line: (text: string) => void lines.push(text), flush: () => Promise.resolve() },
    clock: { nowMs: Date.now, sleep: () => Promise.resolve() },
    hostName: "mail.test",
    tls: SERVER_TLS,
    mechanisms: () => ["PLAIN", "LOGIN"] as const,
    stopping: stopping.signal,
  };
  const options = { host: "127.0.0.1", port: 0, onError: (text: string) => void lines.push(text) };
  const plain = listen(options, (connection) => serveImap(connection, services));
  const secure = listen({ ...options, tls: SERVER_TLS }, (connection) => serveImap(connection, services));
  try {
    await run({ port: plain.port, tlsPort: secure.port, lines });
  } finally {
    stopping.abort();
    plain.close();
    secure.close();
    await Promise.all([plain.drained, secure.drained]);
  }
}

function lookupOf(mail: TestMail): Lookup {
  const account: Account = {
    address: "joe@mail.test",
    uid: 0,
    gid: 0,
    flags: 0,
    gecos: "",
    home: mail.maildir,
    quota: "NOQUOTA",
    inactive: false,
  };
  const check = (right: boolean): Promise<AuthResult> =>
    Promise.resolve(right ? { kind: "ok", account, mayRelay: true } : { kind: "denied" });
  return {
    recipient: () => Promise.resolve({ kind: "known" }),
    account: () => Promise.resolve(account),
    delivery: () => Promise.resolve({ kind: "absent" }),
    realDomain: () => Promise.resolve(undefined),
    verifyPassword: (user, password) => check(user === "joe@mail.test" && password === "se cret\\"),
    verifyCram: () => check(false),
    verifyDigest: async () => ({ result: await check(false), rspauth: "" }),
    verifyToken: () => check(false),
    scramParameters: () => Promise.resolve({ saltBase64: "c2FsdA==", iterations: 4096 }),
    verifyScram: async () => ({ result: await check(false), serverSignatureBase64: "" }),
    filterRules: () => Promise.resolve([]),
    bulletins: () => Promise.resolve([]),
    bulletinGiven: () => Promise.resolve(),
    relayGranted: () => Promise.resolve(false),
    noteQuota: () => Promise.resolve(),
    close() {},
  };
}

function fill(mail: TestMail): void {
  for (let number = 1; number <= MESSAGES; number++) {
    const flags = number % 2 === 0 ? "S" : "";
    mail.put(
      `cur/${1_600_000_000 + number}.${number}.host:2,${flags}`,
      `From: "A, \u00fc" <a${number}@x.test>\nTo: joe@mail.test\nSubject: number ${number}\nMessage-ID: <${number}@x.test>\n` +
        `Date: Thu, 1 Jan 2026 00:00:00 +0000\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody of ${number}\n` +
        `--b\nContent-Type: application/octet-stream; name=x\nContent-Transfer-Encoding: base64\n\nAAEC\n--b--\n`,
    );
  }
}

async function curl(...args: readonly string[]): Promise<string> {
  const command = new Deno.Command("curl", { args: ["-sS", "-m", "20", "-u", "joe@mail.test:se cret\\", ...args] });
  const { code, stdout, stderr } = await command.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("curl lists, reads, searches and appends, with and without TLS", async () => {
  await withMail(async (mail) => {
    fill(mail);
    await withServer(mail, async ({ port, tlsPort, lines }) => {
      assertMatch(await curl(`imap://127.0.0.1:${port}/`), /^\* LIST \(\\HasNoChildren\) "\." INBOX\r\n/);
      const message = await curl(`imap://127.0.0.1:${port}/INBOX;MAILINDEX=7`);
      assertMatch(message, /Subject: number 7\r\n[^]*body of 7\r\n--b\r\n[^]*--b--\r\n$/);
      const tls = ["--ssl-reqd", "-k"];
      assertEquals((await curl(...tls, `imap://127.0.0.1:${port}/INBOX;UID=9;SECTION=1`)).trim(), "body of 9");
      assertMatch(
        await curl("-k", `imaps://127.0.0.1:${tlsPort}/INBOX?SUBJECT%20%22number%2012%22`),
        /^\* SEARCH 12 120 /,
      );
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, `Subject: big\r\n\r\n${"x".repeat(70)}\r\n`.repeat(3000));
      await curl("-k", "-T", file, `imaps://127.0.0.1:${tlsPort}/INBOX`);
      const back = await curl(`imap://127.0.0.1:${port}/INBOX;MAILINDEX=${MESSAGES + 1}`);
      assertEquals(back, await Deno.readTextFile(file));
      await Deno.remove(file);
      assert(
        lines.some((line) => /^INFO: LOGIN, user=joe@mail\.test, ip=\[127\.0\.0\.1\]/.test(line)),
        lines.join("\n"),
      );
      assert(
        lines.some((line) => /^INFO: LOGOUT, user=joe@mail\.test, .*rcvd=\d+, sent=\d+/.test(line)),
        lines.join("\n"),
      );
    });
  });
});

Deno.test("imapflow reads, flags, moves, idles and deletes", async () => {
  await withMail(async (mail) => {
    fill(mail);
    await withServer(mail, async ({ port }) => {
      const client = new ImapFlow({
        host: "127.0.0.1",
        port,
        secure: false,
        auth: { user: "joe@mail.test", pass: "se cret\\" },
        tls: { rejectUnauthorized: false },
        logger: false,
      });
      await client.connect();
      try {
        await useImapFlow(client, mail);
      } finally {
        await client.logout();
      }
    });
  });
});

async function useImapFlow(client: ImapFlow, mail: TestMail): Promise<void> {
  await client.mailboxCreate("INBOX.Gr\u00fcn");
  assertEquals((await client.list()).map((folder) => folder.path).sort(), ["INBOX", "INBOX.Gr\u00fcn"]);
  const status = await client.status("INBOX", { messages: true, unseen: true });
  assert(status);
  assertEquals([status.messages, status.unseen], [MESSAGES, MESSAGES / 2]);
  const opened = await client.mailboxOpen("INBOX");
  assertEquals(opened.exists, MESSAGES);
  const subjects: string[] = [];
  for await (const message of client.fetch("1:*", { envelope: true, bodyStructure: true, size: true, uid: true })) {
    subjects.push(message.envelope?.subject ?? "");
    assertEquals(message.bodyStructure?.childNodes?.length, 2);
    assertEquals(message.envelope?.from?.[0]?.name, "A, \u00fc");
  }
  assertEquals([subjects.length, subjects[0], subjects.at(-1)], [MESSAGES, "number 1", `number ${MESSAGES}`]);
  const part = await client.download("5", "2");
  assert(part.content);
  const bytes: number[] = [];
  for await (const chunk of part.content) bytes.push(...chunk);
  assertEquals(bytes, [0, 1, 2]);
  assertEquals(await client.search({ subject: "number 299" }), [299]);
  assert(await client.messageFlagsAdd("1:10", ["\\Flagged", "$Work"]));
  const flagged = await client.search({ keyword: "$Work" });
  assertEquals(flagged && flagged.length, 10);
  const moved = await client.messageMove("1:10", "INBOX.Gr\u00fcn");
  assert(moved);
  assertEquals(moved.uidMap?.size, 10);
  assert(await client.messageDelete("1:5"));
  const seen = new Promise<number>((resolve) =>
    client.once("exists", (event: { count: number }) => resolve(event.count))
  );
  const idling = client.idle();
  mail.put("new/1700000000.1.host", "Subject: fresh\n\nx\n");
  assertEquals(await seen, MESSAGES - 14);
  const fresh = await client.fetchOne("*", { envelope: true, flags: true });
  assert(fresh);
  assertEquals(fresh.envelope?.subject, "fresh");
  await idling;
}
