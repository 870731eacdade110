/**
 * tcpserver and its kin as processes: what a child sees, limits, rules, signals, TLS by openssl, programs inside, and the
 * chains that people write.
 */
import { DENO_RUN_FLAGS } from "../../core/self.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { TEST_CERTIFICATE } from "../support/certificates.ts";
import { command, eventually, isCompiledRun } from "../support/installation.ts";
import { hasStartTls } from "../support/runtime.ts";
import { killChild } from "../support/kill_child.ts";

const MAIN = decodeURIComponent(new URL("../../main.ts", import.meta.url).pathname);
const DENO = [Deno.execPath(), ...DENO_RUN_FLAGS, MAIN];
const PROGRAMS = isCompiledRun ? [Deno.realPathSync(Deno.env.get("INDIMAIL_BIN")!)] : DENO;

/** Runs one of our programs to its end. */
function run(args: readonly string[], options: { readonly stdin?: string } = {}) {
  const [file = "", ...before] = PROGRAMS;
  return command(file, [...before, ...args], options);
}

/** A running tcpserver. */
class Server implements AsyncDisposable {
  readonly port: number;
  readonly child: Deno.ChildProcess;
  log = "";
  readonly #reading: Promise<void>;

  private constructor(child: Deno.ChildProcess, port: number, reading: (server: Server) => Promise<void>) {
    this.child = child;
    this.port = port;
    this.#reading = reading(this);
  }

  /** Starts one on a free port. */
  static async start(
    options: readonly string[],
    program: readonly string[],
    more: { env?: Record<string, string>; before?: readonly string[]; cwd?: string } = {},
  ): Promise<Server> {
    const [file = "", ...args] = [...more.before ?? [], ...PROGRAMS];
    const child = new Deno.Command(file, {
      args: [...args, "tcpserver", "-1", ...options, "127.0.0.1", "0", ...program],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      ...(more.env && { env: more.env }),
      ...(more.cwd && { cwd: more.cwd }),
    }).spawn();
    const port = Number((await new Response(child.stdout).text()).trim());
    return new Server(child, port, async (server) => {
      for await (const piece of child.stderr.pipeThrough(new TextDecoderStream())) server.log += piece;
    });
  }

  /** What the server says until its end, after `text` was said to it. */
  async ask(text = ""): Promise<string> {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: this.port });
    if (text !== "") await connection.write(new TextEncoder().encode(text));
    return await new Response(connection.readable).text().catch((error) => {
      if (error instanceof Deno.errors.ConnectionReset) return ""; // closed before it read what we said
      throw error;
    });
  }

  connect(): Promise<Deno.TcpConn> {
    return Deno.connect({ hostname: "127.0.0.1", port: this.port });
  }

  logged(text: string): Promise<void> {
    return eventually(`the log line ${text}`, () => this.log.includes(text)).then(() => undefined);
  }

  /** Ends it; its exit code. */
  async stop(signal: Deno.Signal = "SIGTERM"): Promise<number> {
    killChild(this.child, signal);
    const { code } = await this.child.status;
    await this.#reading;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("SIGKILL");
  }
}

async function readLine(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1000);
  const count = await connection.read(buffer);
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}

Deno.test("a child has the connection on 0 and 1, standard error, and no other descriptor", async () => {
  await using server = await Server.start(["-RHl0"], ["sh", "-c", "for fd in /proc/$$/fd/*; do readlink $fd; done"]);
  const lines = (await server.ask()).trim().split("\n");
  assertEquals(lines.length, 3, lines.join(" "));
  assertEquals(lines.map((line) => line.replace(/:.*/, "")), ["socket", "socket", "pipe"]);
});

Deno.test("a child gets default signals and no variable of an earlier connection", async () => {
  const env = { TCPREMOTEHOST: "stale.example", TCPREMOTEINFO: "stale" };
  const script = "echo ${TCPREMOTEHOST-unset} ${TCPREMOTEINFO-unset}; grep SigIgn /proc/self/status; kill -TERM $$";
  await using server = await Server.start(["-vRHl0"], ["sh", "-c", script], { env });
  assertMatch(await server.ask(), /^unset unset\nSigIgn:\s+0+(18)?0*\n$/);
  await server.logged("killed by signal 15");
});

Deno.test("above -c connections wait, and the file of -c is read again at HUP", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/limit`, "1\n");
    await using server = await Server.start(["-vRHl0", "-c", `${folder}/limit`], ["sh", "-c", "echo on; read x"]);
    const first = await server.connect();
    assertEquals(await readLine(first), "on\n");
    const second = await server.connect();
    const answer = readLine(second);
    await server.logged("status: 1/1");
    await Deno.writeTextFile(`${folder}/limit`, "2\n");
    server.child.kill("SIGHUP");
    assertEquals(await answer, "on\n");
    await server.logged("sighup: 1/2");
    await server.logged("status: 2/2");
    first.close();
    second.close();
    await server.logged("status: 0/2");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("above -C, or above MAXPERIP of the rules, a connection waits until another of its address ends", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = await run(["tcprules", `${folder}/cdb`, `${folder}/tmp`], {
      stdin: '127.0.0.1:allow,MAXPERIP="1"\n',
    });
    assertEquals(made.code, 0, made.stderr);
    for (const options of [["-C1"], ["-x", `${folder}/cdb`]]) {
      await using server = await Server.start(["-vRHl0", ...options], ["sh", "-c", "echo on; read x; echo $x"]);
      const first = await server.connect();
      assertEquals(await readLine(first), "on\n");
      const second = await server.connect();
      const answer = readLine(second);
      await server.logged("defer 127.0.0.1 perIPlimit 1");
      const third = server.ask("\n");
      await server.logged("status: 1/40");
      first.close();
      assertEquals(await answer, "on\n");
      second.close();
      assertEquals(await third, "on\n\n");
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("rules give an address more connections than -C", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const made = await run(["tcprules", `${folder}/cdb`, `${folder}/tmp`], {
      stdin: '127.0.0.1:allow,MAXPERIP="3"\n:allow\n',
    });
    assertEquals(made.code, 0, made.stderr);
    const options = ["-vRHl0", "-C1", "-x", `${folder}/cdb`];
    await using server = await Server.start(options, ["sh", "-c", "echo on; read x; echo $x"]);
    const connections: Deno.TcpConn[] = [];
    for (let count = 0; count < 3; count++) {
      connections.push(await server.connect());
      assertEquals(await readLine(connections[count]!), "on\n");
    }
    const fourth = server.ask("\n");
    await server.logged("defer 127.0.0.1 perIPlimit 3");
    connections[1]!.close();
    assertEquals(await fourth, "on\n\n");
    for (const at of [0, 2]) connections[at]!.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("20 connections of one address are served unless -C says otherwise, 20 more wait, the rest are closed", async () => {
  await using server = await Server.start(["-RHl0"], ["sh", "-c", "echo on; read x"]);
  const connections: Deno.TcpConn[] = [];
  for (let count = 0; count < 40; count++) {
    connections.push(await server.connect());
    if (count < 20) assertEquals(await readLine(connections[count]!), "on\n");
  }
  assertEquals(await server.ask(), "");
  await server.logged("end 127.0.0.1 perIPlimit 20");
  const answers = connections.slice(20).map((connection) => readLine(connection));
  for (const connection of connections.slice(0, 20)) connection.close();
  for (const answer of answers) assertEquals(await answer, "on\n");
  for (const connection of connections.slice(20)) connection.close();
});

Deno.test("300 children at a time, more than there are pool threads, are served and counted off", async () => {
  await using server = await Server.start(["-vRHl0", "-c", "300", "-C0", "-b", "400"], [
    "sh",
    "-c",
    "echo on; read x; echo $x",
  ]);
  const connections = await Promise.all(Array.from({ length: 300 }, () => server.connect()));
  for (const connection of connections) assertEquals(await readLine(connection), "on\n");
  await Promise.all(connections.map(async (connection, at) => {
    await connection.write(new TextEncoder().encode(`${at}\n`));
    assertEquals(await new Response(connection.readable).text(), `${at}\n`);
  }));
  await server.logged("status: 0/300 ended");
});

Deno.test("USR1 lists the connections; TERM ends the server with 0 and leaves the children", async () => {
  const server = await Server.start(["-RHl0"], ["sh", "-c", "echo $$; read x; echo still $x"]);
  const connection = await server.connect();
  const pid = (await readLine(connection)).trim();
  server.child.kill("SIGUSR1");
  await server.logged(`0: IP 127.0.0.1: PID ${pid}`);
  server.child.kill("SIGTERM");
  assertEquals((await server.child.status).code, 0);
  await connection.write(new TextEncoder().encode("here\n"));
  assertEquals(await readLine(connection), "still here\n");
  connection.close();
  await server.stop();
});

Deno.test("programs of ours run inside: one process, many connections, rules set their environment", async () => {
  const server = await Server.start(["-vRHl0", "-c", "200", "-C", "200", "-B", "hello\n"], ["rblsmtpd", "addcr"], {
    env: { RBLSMTPD: "" },
  });
  const connections = await Promise.all(Array.from({ length: 100 }, () => server.connect()));
  for (const connection of connections) {
    await connection.write(new TextEncoder().encode("a\n"));
    await connection.closeWrite();
  }
  for (const connection of connections) {
    assertEquals(await new Response(connection.readable).text(), "hello\na\r\n");
  }
  await server.logged("end 100 status 0");
  const children = await command("ps", ["-o", "pid=", "--ppid", String(server.child.pid)]);
  assertEquals(children.stdout.trim(), "");
  assertEquals(await server.stop(), 0);
});

Deno.test("a shared object of the original is our program, an unknown one is refused", async () => {
  const plugin = "/usr/lib/indimail/plugins/addcr.so";
  await using server = await Server.start(["-RHl0"], [plugin], { env: { PLUGIN0: plugin } });
  const connection = await server.connect();
  await connection.write(new TextEncoder().encode("b\n"));
  await connection.closeWrite();
  assertEquals(await new Response(connection.readable).text(), "b\r\n");
  const refused = await run(["tcpserver", "127.0.0.1", "0", "/x/nonesuch.so"]);
  assertEquals(refused.code, 111);
  assertMatch(refused.stderr, /there is no program nonesuch/);
});

Deno.test("a chain of the original's kind: envdir, softlimit, tcpserver, fixcrio, program", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/env`);
    await Deno.writeTextFile(`${folder}/env/COLOUR`, "blue\n");
    await using server = await Server.start(
      ["-vRHl0"],
      [...PROGRAMS, "fixcrio", "sh", "-c", "read x; echo $COLOUR $x | od -An -c; ulimit -c; exit 4"],
      { before: ["/usr/bin/envdir", `${folder}/env`, "/usr/bin/softlimit", "-c", "7168"] },
    );
    assertMatch(await server.ask("yes\n"), /^ {3}b {3}l {3}u {3}e {7}y {3}e {3}s {2}\\r {2}\\n\r\n(7|14)\r\n$/);
    await server.logged("status 4");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("-u and -g give root away after listening, with the groups of the user", async () => {
  if (Deno.uid() !== 0) return assert(Deno.uid() !== null); // only root can become another user
  await using named = await Server.start(["-RHl0", "-u", "nobody"], ["sh", "-c", "id -u; id -g; id -G"]);
  const [uid, gid, groups] = (await named.ask()).trim().split("\n");
  const [, , ownUid, ownGid] = (await command("getent", ["passwd", "nobody"])).stdout.split(":");
  assertEquals([uid, gid, groups], [ownUid, ownGid, ownGid]);
  await using numbered = await Server.start(["-RHl0", "-u1234", "-g4321,4322"], ["sh", "-c", "id -u; id -G"]);
  assertEquals(await numbered.ask(), "1234\n4321 4322\n");
  await using fromEnv = await Server.start(["-RHl0", "-U"], ["sh", "-c", "id -u; id -g"], {
    env: { UID: "1235", GID: "4323" },
  });
  assertEquals(await fromEnv.ask(), "1235\n4323\n");
});

Deno.test("TLS by openssl: a foreign program by pipes, ours inside, a silent client ended by -T", async () => {
  if (!hasStartTls()) return assert(!hasStartTls());
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/cert.pem`, TEST_CERTIFICATE);
    const tls = ["-zRHl0", "-n", `${folder}/cert.pem`];
    const speak = (port: number, script: string) =>
      command("sh", [
        "-c",
        `(${script}) | timeout 20 openssl s_client -quiet -no_ign_eof -connect 127.0.0.1:${port} 2>/dev/null`,
      ]);
    const program = ["sh", "-c", "read x; echo $x; echo $TLS_PROVIDER; for fd in /proc/$$/fd/*; do readlink $fd; done"];
    await using foreign = await Server.start(tls, program);
    const said = (await speak(foreign.port, "echo hi; sleep 1")).stdout.trim().split("\n");
    assertEquals(said[0], "hi");
    assertMatch(said[1]!, /^tcpserver, TLS Server=TLSv1\.3, /);
    assertEquals(said.slice(2).map((line) => line.replace(/:.*/, "")), ["pipe", "pipe", "pipe"]);
    await using ours = await Server.start(tls, ["addcr"]);
    assertEquals((await speak(ours.port, "echo hi; sleep 1")).stdout, "hi\r\n");
    await using idle = await Server.start([...tls, "-v", "-T1"], ["cat"]);
    await speak(idle.port, "while ! grep -q timeout nothing 2>/dev/null && test $((n=n+1)) -lt 30; do sleep 0.1; done");
    await idle.logged("timeout ");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a Unix socket left behind by a killed server is no obstacle", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (let round = 0; round < 2; round++) {
      const child = new Deno.Command(PROGRAMS[0]!, {
        args: [...PROGRAMS.slice(1), "tcpserver", `${folder}/s`, "echo", "round"],
        stdin: "null",
      }).spawn();
      let text = "";
      await eventually("a listening server", async () => {
        const connection = await Deno.connect({ transport: "unix", path: `${folder}/s` }).catch(() => undefined);
        if (connection) text = await new Response(connection.readable).text();
        return connection !== undefined;
      });
      assertEquals(text, "round\n");
      child.kill(round === 0 ? "SIGKILL" : "SIGTERM");
      await child.status;
    }
    assertEquals([...Deno.readDirSync(folder)].length, 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a pid file holds one server, and is free again when that is killed", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/pid`;
  try {
    await using first = await Server.start(["-RHl0", "-e", path], ["sh", "-c", "echo one"]);
    assertEquals(Deno.readTextFileSync(path), `${first.child.pid}\n`);
    const second = await run(["tcpserver", "-1", "-RHl0", "-e", path, "127.0.0.1", "0", "true"]);
    assertEquals(second.code, 111);
    assertMatch(second.stderr, /tcpserver runs already, with the pid in /);
    await first.stop("SIGKILL");
    await using third = await Server.start(["-RHl0", "-e", path], ["sh", "-c", "echo three"]);
    assertEquals(await third.ask(), "three\n");
    assertEquals(Deno.readTextFileSync(path), `${third.child.pid}\n`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tcpclient -e knows the names of /etc/hosts and no other", async () => {
  await using server = await Server.start(["-RHl0"], ["sh", "-c", "echo hello"]);
  const ask = (host: string) => run(["tcpclient", "-eRHl0", host, String(server.port), "sh", "-c", "cat <&6"]);
  assertEquals((await ask("localhost")).stdout, "hello\n");
  const unknown = await ask("no-such-host.example");
  assertEquals(unknown.code, 111);
  assertMatch(unknown.stderr, /no IP address for no-such-host\.example in \/etc\/hosts/);
});
