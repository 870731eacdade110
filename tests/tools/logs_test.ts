/**
 * The log programs as processes: lines over UDP, logs shipped over TCP and TLS while the server is killed and files are
 * rotated, the lines of our own queue daemon, and the speed of a long log's memory.
 */
import { QueueLog } from "../../servers/queue/log_lines.ts";
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { Temporary } from "../../core/errors.ts";
import { parseLogLine } from "../../tools/logs/qmail_log.ts";
import { connectLogTls, plainSerial } from "../../tools/logs/watch/log_tls.ts";
import { ShipSession } from "../../tools/logs/watch/ship.ts";
import { utf8Bytes } from "../../core/bytes.ts";
import tls from "node:tls";
import { assert, assertEquals, assertRejects } from "../support/assert.ts";
import { TEST_CERTIFICATE, TEST_CERTIFICATE_OTHER } from "../support/certificates.ts";
import { eventually } from "../support/installation.ts";
import { makeLog, taiLabel } from "../support/mail_log.ts";
import { killChild } from "../support/kill_child.ts";

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const EXECUTABLE = Deno.env.get("INDIMAIL_BIN");
const [PROGRAM = "", ...BEFORE] = EXECUTABLE === undefined
  ? [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN]
  : [Deno.realPathSync(EXECUTABLE)];

const STAMP = taiLabel(1_700_000_000, 123_456_789);

/** A folder, and programs of ours that are ended with it. */
class Site implements AsyncDisposable {
  readonly folder = Deno.makeTempDirSync({ prefix: "logs-test." });
  readonly #children: Deno.ChildProcess[] = [];

  start(name: string, args: readonly string[], output = "out"): Deno.ChildProcess {
    const child = new Deno.Command("sh", {
      args: ["-c", `exec "$@" >>${output} 2>>errors </dev/null`, "sh", PROGRAM, ...BEFORE, name, ...args],
      cwd: this.folder,
    }).spawn();
    this.#children.push(child);
    return child;
  }

  text(name = "out"): string {
    try {
      return Deno.readTextFileSync(`${this.folder}/${name}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return "";
      throw error;
    }
  }

  append(name: string, text: string): void {
    Deno.writeTextFileSync(`${this.folder}/${name}`, text, { append: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) {
      killChild(child, "SIGTERM");
      await child.status;
    }
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A port that was free a moment ago. */
function freeUdpPort(): number {
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  socket.close();
  return port;
}

Deno.test("udplogger prints what udpclient sends, numbers datagrams, begins anew at HUP and ends at TERM", async () => {
  await using site = new Site();
  const port = String(freeUdpPort());
  const server = site.start("udplogger", ["-p", port, "127.0.0.1"]);
  await eventually("the expected output", () => site.text() === "Ready for connections\n");
  const send = async (...words: string[]) => {
    assertEquals((await site.start("udpclient", ["-h", "127.0.0.1", "-p", port, ...words]).status).code, 0);
  };
  await send("the", "disk is full");
  await eventually("the expected output", () => site.text().endsWith("127.0.0.1 1 the disk is full\n"));
  await send("a\n127.0.0.9 7 forged\n");
  await eventually(
    "the expected output",
    () => site.text().endsWith("127.0.0.1 2 a\n127.0.0.1 2 127.0.0.9 7 forged\n"),
  );
  server.kill("SIGHUP");
  await send("again");
  await eventually("the expected output", () => site.text().endsWith("127.0.0.1 1 again\n"));
  server.kill("SIGTERM");
  assertEquals((await server.status).code, 0);
  assertEquals(site.text("errors"), "");
});

Deno.test("udpclient prints the answer of the server that it asked", async () => {
  await using site = new Site();
  const socket = Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
  const { port } = socket.addr as Deno.NetAddr;
  const asked = socket.receive();
  const client = site.start("udpclient", ["-h", "localhost", "-p", String(port), "-r", "4", "question"]);
  const [question, from] = await asked;
  assertEquals(new TextDecoder().decode(question), "question");
  await socket.send(utf8Bytes("answers"), from);
  assertEquals((await client.status).code, 0);
  assertEquals(site.text("errors"), "answ");
  socket.close();
});

/** Gives each connection to a logsrv of its own, as tcpserver does. */
class LogServer {
  readonly listener: Deno.TcpListener;
  readonly #site: Site;
  readonly #children = new Set<Deno.ChildProcess>();
  readonly #sessions: Promise<unknown>[] = [];
  readonly #ending = new AbortController();
  readonly #accepting: Promise<void>;

  constructor(site: Site, port = 0) {
    this.#site = site;
    this.listener = Deno.listen({ hostname: "127.0.0.1", port });
    this.#accepting = this.#accept();
  }

  get port(): number {
    return this.listener.addr.port;
  }

  async #accept(): Promise<void> {
    for (;;) {
      const connection = await this.listener.accept().catch((error) => {
        if (error instanceof Deno.errors.BadResource || error instanceof Deno.errors.Interrupted) return undefined;
        throw error;
      });
      if (!connection) return;
      const child = new Deno.Command("sh", {
        args: ["-c", 'exec "$@" 2>>taken', "sh", PROGRAM, ...BEFORE, "logsrv", "-v", "."],
        cwd: this.#site.folder,
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      this.#children.add(child);
      const { signal } = this.#ending;
      const both = [
        connection.readable.pipeTo(child.stdin, { signal }),
        child.stdout.pipeTo(connection.writable, { signal }),
      ];
      this.#sessions.push(Promise.allSettled([...both, child.status]).then(() => this.#children.delete(child)));
    }
  }

  /** Kills the servers and stops listening. */
  async kill(): Promise<void> {
    this.listener.close();
    for (const child of this.#children) killChild(child, "SIGKILL");
    this.#ending.abort();
    await Promise.all([...this.#sessions, this.#accepting]);
  }
}

Deno.test("no line is lost between logclient and logsrv while the server dies and the log is rotated", async () => {
  await using site = new Site();
  site.append("log", "line 0\nline 1\n");
  let server = new LogServer(site);
  const { port } = server;
  const args = ["-f", "-l", "mx1", "-s", ".", "-p", String(port), "-i", "1", "127.0.0.1", "log"];
  const client = site.start("logclient", args);
  const taken = () => new Set([...site.text("taken").matchAll(/^mx1 log \d+ (line \d+)$/gm)].map((match) => match[1]));
  await eventually("the expected output", () => taken().size === 2);
  await server.kill();
  site.append("log", "line 2\nline 3\nhal");
  server = new LogServer(site, port);
  await eventually("the expected output", () => taken().size === 4);
  site.append("log", "f\n");
  Deno.renameSync(`${site.folder}/log`, `${site.folder}/log.1`);
  site.append("log.1", "line 4\n");
  site.append("log", "line 5\n");
  await eventually("the expected output", () => taken().size === 6);
  assert(site.text("taken").includes("half\n"));
  client.kill("SIGTERM");
  assertEquals((await client.status).code, 0);
  site.append("log", "line 6\n");
  const again = site.start("logclient", args);
  await eventually("the expected output", () => taken().size === 7);
  assertEquals(site.text("taken").split("line 5\n").length, 2); // nothing that was taken is sent again after a clean stop
  again.kill("SIGTERM");
  await again.status;
  const status = new DataView(Deno.readFileSync(`${site.folder}/mx1.status`).buffer);
  assert(status.getBigUint64(4, true) >= BigInt(7 * "line 0".length + "half".length));
  await server.kill();
});

Deno.test("logclient goes into the background unless told otherwise", async () => {
  await using site = new Site();
  site.append("log", "line 0\n");
  const server = new LogServer(site);
  const starter = site.start("logclient", ["-l", "mx1", "-s", ".", "-p", String(server.port), "127.0.0.1", "log"]);
  assertEquals((await starter.status).code, 0);
  await eventually("the expected output", () => site.text("taken").includes("mx1 log 0 line 0\n"));
  // the child stands in a session of its own; it is found by the folder in which it runs
  const pids = [...Deno.readDirSync("/proc")].filter(({ name }) => /^\d+$/.test(name)).filter(({ name }) => {
    try {
      return Deno.readLinkSync(`/proc/${name}/cwd`) === Deno.realPathSync(site.folder) &&
        Deno.readTextFileSync(`/proc/${name}/cmdline`).includes("logclient");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.PermissionDenied) return false;
      throw error;
    }
  });
  assertEquals(pids.length, 1);
  Deno.kill(Number(pids[0]?.name), "SIGTERM");
  await server.kill();
  await eventually("the expected output", () => {
    try {
      return !Deno.readTextFileSync(`/proc/${pids[0]?.name}/cmdline`).includes("logclient");
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  });
});

Deno.test("over TLS the server's certificate is checked as far as asked, and ours is shown", async () => {
  await using site = new Site();
  const path = (name: string, text: string) => {
    site.append(name, text);
    return `${site.folder}/${name}`;
  };
  const certificate = path("own.pem", TEST_CERTIFICATE_OTHER);
  const authorities = path("ca.pem", TEST_CERTIFICATE);
  const wrong = path("wrong.pem", TEST_CERTIFICATE_OTHER);
  const seen: string[] = [];
  const serial = Promise.withResolvers<string>();
  const options = { key: TEST_CERTIFICATE, cert: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: false };
  const server = tls.createServer(options, (socket) => {
    seen.push(String(socket.getPeerCertificate().subject?.CN ?? "none"));
    socket.on("error", () => undefined); // the client may refuse us and go
    socket.on(
      "data",
      (data: Uint8Array) => socket.write("1".repeat(data.filter((byte) => byte === 0 || byte === 10).length)),
    );
  });
  server.on("tlsClientError", () => undefined); // so may its handshake
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const common = { host: "127.0.0.1", port: address.port, timeoutMs: 30_000, certificate };
  try {
    const any = await connectLogTls({ ...common, matchName: false });
    const session = new ShipSession(any);
    await session.begin("mx1");
    await session.send("log", [{ bytes: utf8Bytes("one"), count: 0 }, { bytes: utf8Bytes("two"), count: 1 }]);
    any.close();
    assertEquals(seen, ["other.test"]);
    (await connectLogTls({ ...common, authorities, matchName: false })).close();
    await assertRejects(() => connectLogTls({ ...common, authorities: wrong, matchName: false }), Temporary);
    await assertRejects(() => connectLogTls({ ...common, authorities, matchName: true }), Temporary); // it is for mail.test
    const probe = tls.connect({ host: "127.0.0.1", port: address.port, rejectUnauthorized: false }, () => {
      serial.resolve(plainSerial(probe.getPeerCertificate().serialNumber ?? ""));
      probe.destroy();
    });
    const revocations = path("crl.pem", revocationList(await serial.promise));
    await assertRejects(() => connectLogTls({ ...common, revocations, matchName: false }), Temporary);
    const others = path("others.pem", revocationList("0ABC"));
    (await connectLogTls({ ...common, revocations: others, matchName: false })).close();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
});

/** A list that revokes one serial number; nobody looks at its signature. */
function revocationList(serial: string): string {
  const hex = serial.padStart(serial.length + (serial.length % 2), "0");
  const bytes = [0, ...(hex.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16))];
  const der = (tag: number, ...parts: number[][]) => [tag, parts.flat().length, ...parts.flat()];
  const time = der(0x17, [...utf8Bytes("261123040506Z")]);
  const revoked = der(0x30, der(0x30, der(0x02, bytes), time));
  const list = der(0x30, der(0x30, der(0x02, [1]), der(0x30), der(0x30), time, revoked), der(0x30), der(0x03, [0]));
  return `-----BEGIN X509 CRL-----\n${Uint8Array.from(list).toBase64()}\n-----END X509 CRL-----\n`;
}

Deno.test("the lines of our own queue daemon are understood, also as indimail serve stamps them", () => {
  const lines: string[] = [];
  const log = new QueueLog({ line: (text) => lines.push(text), queue: "queue1", ident: "4" });
  log.starting(7, "123", { channel: "remote", address: "a b@c.example" });
  log.delivered(7, { kind: "temporary", text: "" });
  log.delivered(8, { kind: "done", text: "ok\n" });
  log.ended("123");
  log.exiting();
  log.status("local 1/10 remote 0/20 (held)");
  log.bounced("123", 9);
  log.alert("disk full");
  const kinds = (before: string) => lines.map((line) => parseLogLine(`${before} ${line}`).kind);
  const expected = ["starting", "delivery", "delivery", "end", "stopped", "status", "other", "warning"];
  assertEquals(kinds(STAMP), expected as never);
  assertEquals(kinds("2026-11-23T04:05:06.789Z queue:"), expected as never);
  const empty = parseLogLine(`${STAMP} ${lines[1]}`);
  assert(empty.kind === "delivery" && empty.reason === "" && empty.queue === "queue1" && empty.delivery === "7.4");
  assertEquals(parseLogLine("2026-11-23T04:05:06.789Z local: new msg 7 queue1").kind, "other");
});

Deno.test("matchup's memory is that of what is open, not of the log", async () => {
  await using site = new Site();
  site.append("log", makeLog({ lines: 300_000, seed: 12, queues: 2 }));
  const child = new Deno.Command("sh", {
    args: ["-c", '"$@" <log 5>pending | wc -l; grep -c info pending', "sh", PROGRAM, ...BEFORE, "matchup"],
    cwd: site.folder,
    env: { DENO_V8_FLAGS: "--max-old-space-size=40" },
    stdout: "piped",
  });
  const { code, stdout } = await child.output();
  assertEquals(code, 0);
  const [records = 0, open = 0] = new TextDecoder().decode(stdout).trim().split("\n").map(Number);
  assert(records > 100_000 && open < 400, `${records} records, ${open} open`);
});
