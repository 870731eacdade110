import { assert, assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { TEST_CERTIFICATE } from "../../tests/support/certificates.ts";
import type { Clock } from "../../core/applet.ts";
import { latin1Text, utf8Bytes } from "../../core/bytes.ts";
import { Temporary, Usage } from "../../core/errors.ts";
import { connectTcp } from "../../core/net/connect.ts";
import type { Listener } from "../../core/net/listener.ts";
import { parseServerPem } from "../../core/net/tls_server.ts";
import type { Connection } from "../../core/stream.ts";
import type { Account, AuthResult, Lookup } from "../../storage/accounts/lookup_types.ts";
import { realDisk } from "../../storage/disk.ts";
import { createMaildir } from "../../storage/maildir/deliver.ts";
import { MailStore } from "../../storage/mailbox/mail_store.ts";
import { listenForMailboxes, parseAddresses } from "./mailbox_listener.ts";

const down = () => Promise.reject(new Temporary("nothing answers"));

/** A lookup daemon that knows one user. */
function fakeLookup(home: string): Lookup {
  const account: Account = {
    address: "u@example.test",
    uid: 1000,
    gid: 1000,
    flags: 0,
    gecos: "",
    home,
    quota: "NOQUOTA",
    inactive: false,
  };
  const check = (user: string, password: string): Promise<AuthResult> => {
    if (user === "down") return down();
    const ok = user === "u@example.test" && password === "secret";
    return Promise.resolve(ok ? { kind: "ok", account, mayRelay: true } : { kind: "denied" });
  };
  return {
    recipient: down,
    account: down,
    delivery: down,
    realDomain: down,
    verifyPassword: check,
    verifyCram: () => Promise.resolve({ kind: "denied" }),
    verifyDigest: () => Promise.resolve({ result: { kind: "denied" }, rspauth: "" }),
    verifyToken: () => Promise.resolve({ kind: "denied" }),
    scramParameters: () => Promise.resolve({ saltBase64: "c2FsdA==", iterations: 4096 }),
    verifyScram: () => Promise.resolve({ result: { kind: "denied" }, serverSignatureBase64: "" }),
    filterRules: () => Promise.resolve([]),
    bulletins: () => Promise.resolve([]),
    bulletinGiven: () => Promise.resolve(),
    relayGranted: () => Promise.resolve(false),
    noteQuota: () => Promise.resolve(),
    close: () => {},
  };
}

class Client {
  readonly connection: Connection;
  #text = "";

  constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Sends a line and reads until what came matches. */
  async ask(line: string, until: RegExp): Promise<string> {
    if (line !== "") await this.connection.write(utf8Bytes(`${line}\r\n`));
    const buffer = new Uint8Array(65536);
    while (!until.test(this.#text)) {
      const count = await this.connection.read(buffer);
      if (count === null) break;
      this.#text += latin1Text(buffer.subarray(0, count));
    }
    const text = this.#text;
    this.#text = "";
    assertMatch(text, until);
    return text;
  }
}

interface TestServer {
  readonly maildir: string;
  readonly lines: string[];
  readonly stop: AbortController;
  readonly listeners: readonly Listener[];
  connect(service: "imap" | "pop3" | "pop3s"): Promise<Client>;
}

async function withServer(run: (server: TestServer) => Promise<void>): Promise<void> {
  const root = await Deno.makeTempDir();
  const maildir = `${root}/Maildir`;
  await createMaildir(realDisk, maildir);
  const clock: Clock = { nowMs: Date.now, sleep: () => Promise.resolve() };
  const store = new MailStore({ hostName: "mail.test", nowMs: clock.nowMs });
  const stop = new AbortController();
  const lines: string[] = [];
  const pem = parseServerPem(TEST_CERTIFICATE, "test");
  const services = ["imap", "pop3", "pop3s"] as const;
  const listeners = listenForMailboxes(parseAddresses(services.map((service) => `${service}=127.0.0.1:0`)), {
    store,
    lookup: fakeLookup(root),
    log: { line: (text) => lines.push(text), flush: () => Promise.resolve() },
    clock,
    hostName: "mail.test",
    tls: { certificate: () => pem },
    plainTextAllowed: false,
    stopping: stop.signal,
    connectionsMax: 100,
    perHostMax: 100,
    reusePort: false,
  });
  const connect = async (service: typeof services[number]) => {
    const { port } = listeners[services.indexOf(service)]!;
    const connection = await connectTcp({ host: "127.0.0.1", port, timeoutMs: 5000 });
    if (service === "pop3s") await connection.connectTls!({ serverName: "mail.test", verify: false });
    return new Client(connection);
  };
  try {
    await run({ maildir, lines, stop, listeners, connect });
  } finally {
    stop.abort();
    for (const listener of listeners) listener.close();
    await Promise.all(listeners.map((listener) => listener.drained));
    await store.close();
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("mail is fetched by POP3 in plain text, after STLS and by pop3s, and the log tells of it", async () => {
  await withServer(async ({ maildir, lines, connect }) => {
    Deno.writeTextFileSync(`${maildir}/new/1.a.h`, "Subject: hello\n\n.dot\n");
    for (const way of ["plain", "stls", "pop3s"]) {
      const client = await connect(way === "pop3s" ? "pop3s" : "pop3");
      await client.ask("", /^\+OK mail\.test POP3 ready\r\n$/);
      if (way === "stls") {
        await client.ask("STLS", /^\+OK/);
        await client.connection.connectTls!({ serverName: "mail.test", verify: false });
      }
      await client.ask("USER u@example.test", /^\+OK/);
      await client.ask("PASS secret", /^\+OK logged in/);
      assertEquals(await client.ask("RETR 1", /\r\n\.\r\n$/), "+OK 24 octets\r\nSubject: hello\r\n\r\n..dot\r\n.\r\n");
      await client.ask("QUIT", /^\+OK/);
      client.connection.close();
    }
    assertMatch(lines[0]!, /^INFO: LOGIN, user=u@example\.test, ip=\[127\.0\.0\.1\], port=\[\d+\], protocol=POP3/);
    assertMatch(
      lines.join("\n"),
      /LOGOUT, user=u@example\.test, .* retr=1, dele=0, rcvd=\d+, sent=\d+, time=\d+, stls=1/,
    );
  });
});

Deno.test("a wrong password is refused and logged, a lookup daemon that is down is temporary", async () => {
  await withServer(async ({ lines, connect }) => {
    const client = await connect("pop3");
    await client.ask("", /ready/);
    await client.ask("USER u@example.test", /^\+OK/);
    await client.ask("PASS wrong", /^-ERR \[AUTH\]/);
    await client.ask("USER down", /^\+OK/);
    await client.ask("PASS x", /^-ERR \[SYS\/TEMP\]/);
    client.connection.close();
    assertMatch(lines[0]!, /LOGIN FAILED, user=u@example\.test/);
  });
});

for (const service of ["imap", "pop3"] as const) {
  Deno.test(`the first login by ${service} makes the Maildir of a user who has none`, async () => {
    await withServer(async ({ maildir, connect }) => {
      Deno.removeSync(maildir, { recursive: true });
      const client = await connect(service);
      if (service === "imap") {
        await client.ask("a LOGIN u@example.test secret", /a OK/);
        assertMatch(await client.ask('b LIST "" INBOX*', /b OK/), /\* LIST \(.*\) "\." INBOX\r\n/);
        assertMatch(await client.ask("c SELECT INBOX", /c OK/), /\* 0 EXISTS/);
      } else {
        await client.ask("USER u@example.test", /^\+OK/);
        await client.ask("PASS secret", /\+OK logged in/);
        await client.ask("STAT", /^\+OK 0 0/);
      }
      client.connection.close();
      assert(Deno.statSync(`${maildir}/cur`).isDirectory);
    });
  });
}

Deno.test("IMAP and POP3 see one mailbox; what POP3 removes an idle IMAP client hears of at once", async () => {
  await withServer(async ({ maildir, connect }) => {
    Deno.writeTextFileSync(`${maildir}/new/1.a.h`, "Subject: one\n\n");
    Deno.writeTextFileSync(`${maildir}/new/2.a.h`, "Subject: two\n\n");
    const imap = await connect("imap");
    await imap.ask("", /^\* OK .*\r\n$/);
    await imap.ask("a LOGIN u@example.test secret", /a OK/);
    assertMatch(await imap.ask("b SELECT INBOX", /b OK/), /\* 2 EXISTS/);
    assertMatch(
      await imap.ask("c FETCH 1:* (UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)", /c OK/),
      /\* 2 FETCH \(UID 2 RFC822\.SIZE 16 ENVELOPE \(NIL "two"/,
    );
    await imap.ask("d IDLE", /^\+ /);
    const pop3 = await connect("pop3");
    await pop3.ask("", /ready/);
    await pop3.ask("USER u@example.test", /^\+OK/);
    await pop3.ask("PASS secret", /^\+OK/);
    await pop3.ask("DELE 1", /^\+OK/);
    await pop3.ask("QUIT", /^\+OK/);
    await imap.ask("", /\* 1 EXPUNGE\r\n/);
    Deno.writeTextFileSync(`${maildir}/new/3.a.h`, "Subject: three\n\n");
    await imap.ask("", /\* 2 EXISTS\r\n/);
    await imap.ask("DONE", /d OK/);
    await imap.ask("e APPEND INBOX (\\Seen) {11}", /^\+ /);
    await imap.ask("Subject: x\n", /e OK \[APPENDUID \d+ 4\]/);
    assertMatch(await imap.ask("f UID SEARCH ALL", /f OK/), /\* SEARCH 2 3 4\r\n/);
    await imap.ask("g LOGOUT", /g OK/);
    imap.connection.close();
    pop3.connection.close();
  });
});

Deno.test("a server that stops says BYE and -ERR", async () => {
  await withServer(async ({ stop, connect }) => {
    const [imap, pop3] = [await connect("imap"), await connect("pop3")];
    await imap.ask("", /\* OK/);
    await pop3.ask("", /\+OK/);
    stop.abort();
    await imap.ask("", /^\* BYE/);
    await pop3.ask("", /^-ERR \[SYS\/TEMP\] the server is going down/);
    imap.connection.close();
    pop3.connection.close();
  });
});

Deno.test("addresses that are none are refused by name", () => {
  for (const operand of ["imap", "smtp=127.0.0.1:25", "imap=127.0.0.1", "pop3=127.0.0.1:99999"]) {
    const error = assertThrows(() => parseAddresses([operand]), Usage);
    assert(error.message.includes(operand));
  }
  assertEquals(parseAddresses(["imaps=[::]:993"])[0], { service: "imaps", host: "::", port: 993 });
});
