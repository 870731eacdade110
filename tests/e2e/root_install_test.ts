/**
 * The server as an operator installs it: by root, below /, on the well-known ports, as the original's accounts. In a
 * namespace of its own, where this file is run a second time. Needs root and the compiled executable.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { answers, command, type CommandResult, eventually, SERVICE_PORTS } from "../support/installation.ts";
import { rootTest } from "../support/root_namespace.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";

const ACCOUNTS = {
  supervisor: "root",
  lookup: "indimail",
  local: "indimail",
  remote: "qmailr",
  queue: "qmails",
  network: "qmaild",
  mailbox: "indimail",
};

async function must(program: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await command(program, args, { stdin });
  assertEquals(code, 0, `${program} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

/** `indimail serve` in the system's own tree. */
class Server {
  output = "";
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>[];

  constructor() {
    const args = ["serve", "--domain", "example.test"];
    this.#child = new Deno.Command("indimail", { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
    this.#reading = [this.#child.stdout, this.#child.stderr].map((stream) => this.#read(stream));
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream) this.output += new TextDecoder().decode(chunk);
  }

  async ready(): Promise<void> {
    await eventually("the server to be ready", () => this.output.includes("IndiMail runs from /"));
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async ended(): Promise<number> {
    const { code } = await this.#child.status;
    await Promise.all(this.#reading);
    return code;
  }
}

interface RoleState {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
  readonly restarts: number;
}

async function roles(): Promise<readonly RoleState[]> {
  return JSON.parse(await must("indimail", ["status", "--json"])).roles;
}

async function accountOf(pid: number): Promise<string> {
  return (await must("ps", ["-o", "user=", "-p", String(pid)])).trim();
}

function asBob(line: string): Promise<CommandResult> {
  return command("su", ["-s", "/bin/sh", "bob", "-c", line]);
}

async function annReads(text: string): Promise<void> {
  for (const url of ["imaps://127.0.0.1/INBOX;MAILINDEX=*", "pop3s://127.0.0.1/1"]) {
    await eventually(`"${text}" at ${url}`, async () => {
      const { stdout } = await command("curl", ["-sSk", "--user", "ann@example.test:secret", url]);
      return stdout.includes(text);
    }).catch(async (error: unknown) => {
      throw new Error(`${error}\n${await Deno.readTextFile("/var/log/indimail/current")}`);
    });
    text = "Subject:";
  }
}

async function delivers(): Promise<void> {
  await must("vadduser", ["ann@example.test", "secret"]);
  const server = ["--server", "127.0.0.1", "--from", "joe@elsewhere.test", "--to", "ann@example.test"];
  await must("swaks", [...server, "--header", "Subject: comes in"]);
  await annReads("comes in");
}

async function sendsOut(supervisor: Server): Promise<void> {
  await using sink = startSmtpSink();
  await Deno.writeTextFile("/etc/indimail/control/smtproutes", `sink.test:127.0.0.1:${sink.port}\n`);
  supervisor.signal("SIGHUP");
  const login = ["--auth", "PLAIN", "--auth-user", "ann@example.test", "--auth-password", "secret"];
  const route = ["--server", "127.0.0.1", "--port", "465", "--tls-on-connect", "--to", "x@sink.test"];
  await must("swaks", [...route, ...login, "--from", "ann@example.test", "--header", "Subject: goes out"]);
  await eventually("the message outside", () => sink.messages.some(({ data }) => data.includes("goes out")));
}

async function servesUsers(): Promise<void> {
  await must("useradd", ["-m", "bob"]);
  const injected = await asBob("printf 'To: ann@example.test\\nSubject: from bob\\n\\nhi\\n' | qmail-inject");
  assertEquals(injected.code, 0, injected.stderr);
  await annReads("from bob");
  const status = await asBob("indimail status");
  assertMatch(status.stdout, /^root \/\n[^]*^queue1: \? messages on disk, \d+ in the journal/m, status.stderr);
  const doctor = await asBob("indimail doctor");
  assertEquals(doctor.code, 0, doctor.stdout);
  const password = await asBob("vpasswd ann@example.test stolen");
  assertEquals(password.code, 1);
  assertMatch(password.stderr, /Permission denied/);
  assert((await asBob("cat /etc/indimail/certs/servercert.pem")).code !== 0, "the private key is not for users");
}

/** A message that meets a missing lookup daemon is delivered at the next attempt, which is too late for a test. */
async function socketAnswers(name: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path: `/run/indimail/${name}.socket` })).close();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function restartsRoles(): Promise<void> {
  const before = (await roles()).filter(({ state, name }) => state === "up" && name !== "supervisor");
  for (const { pid } of before) Deno.kill(pid, "SIGKILL");
  const after = await eventually("all roles to be back", async () => {
    const now = await roles();
    const back = before.every(({ name, pid }) =>
      now.some((role) => role.name === name && role.state === "up" && role.pid !== pid && role.restarts >= 1)
    );
    return back && now;
  });
  await eventually("all accounts", async () => {
    const users = await Promise.all(after.filter(({ state }) => state === "up").map(({ pid }) => accountOf(pid)));
    return users.join(" ") === Object.values(ACCOUNTS).join(" ");
  });
  for (const port of Object.values(SERVICE_PORTS)) await eventually(`port ${port}`, () => answers(port));
  for (const name of ["lookup", "local", "queue1"]) await eventually(`socket of ${name}`, () => socketAnswers(name));
  await must("swaks", ["--server", "127.0.0.1", "--to", "ann@example.test", "--header", "Subject: after the fall"]);
  await annReads("after the fall");
}

async function installation(t: Deno.TestContext): Promise<void> {
  await Deno.copyFile(Deno.env.get("INDIMAIL_BIN")!, "/mnt/bin/indimail");
  await must("/mnt/bin/indimail", ["link", "/mnt/bin"]);
  const server = new Server();
  await server.ready();
  await t.step("the first start makes accounts, groups, domain and postmaster", async () => {
    assertMatch(server.output, /^Made the accounts and groups qmail nofiles indimail qcerts alias qmaild /m);
    assertMatch(server.output, /^Account postmaster@example\.test with password \S+$/m);
    assertMatch(await must("vdominfo", []), /example\.test/);
  });
  await t.step("every role runs as its account, every port is open, doctor finds nothing wrong", async () => {
    const up = (await roles()).filter(({ state }) => state === "up");
    const accounts = await Promise.all(up.map(async ({ name, pid }) => [name, await accountOf(pid)]));
    assertEquals(Object.fromEntries(accounts), ACCOUNTS);
    for (const port of Object.values(SERVICE_PORTS)) assert(await answers(port), String(port));
    await must("indimail", ["doctor"]);
    const second = await command("indimail", ["serve"]);
    assertEquals(second.code, 111);
    assertMatch(second.stderr, /another serve with pid \d+ runs on \//);
  });
  await t.step("a message comes in and is read", delivers);
  await t.step("a message goes out, by a route of which HUP told", () => sendsOut(server));
  await t.step("a user of the system may send and look, and no more", servesUsers);
  await t.step("every role that is killed comes back as its account", restartsRoles);
  await t.step("TERM ends it cleanly, and the next start makes nothing anew", async () => {
    server.signal("SIGTERM");
    assertEquals(await server.ended(), 0, server.output);
    assertEquals([...Deno.readDirSync("/run/indimail")].map(({ name }) => name), ["serve.lock"]);
    const again = new Server();
    await again.ready();
    assertEquals(again.output.match(/Made|password \S{16}/g), null, again.output);
    await annReads("after the fall");
    again.signal("SIGTERM");
    assertEquals(await again.ended(), 0);
  });
}

await rootTest({
  name: "an installation by root works below / on the well-known ports, as the original's accounts",
  url: import.meta.url,
  steps: 7,
  fn: installation,
});
