/**
 * A database that stops under load, that is slow, that refuses: all answers are temporary, nothing is lost, doubled or
 * bounced, what needs no database goes on, and all recovers without a restart. Bounded here; a minute of it in
 * `deno task faults`. Under `deno run`, or the compiled binary when INDIMAIL_BIN is set.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { isLongCampaign } from "../support/campaign.ts";
import { eventually, Installation, pause } from "../support/installation.ts";
import { MailTraffic, notTemporary, subjectsOf } from "../support/mail_traffic.ts";
import { type Mariadb, mariadbAvailable, startMariadb } from "../support/mariadb.ts";
import { startSlowProxy } from "../support/slow_proxy.ts";
import { sendMessage } from "../support/smtp_client.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";
import { openMysql } from "../../storage/accounts/mysql.ts";

/** How long the database is away, and how long it is slow: more than the lookup daemon waits for it. */
const FAULT_MS = isLongCampaign ? 60_000 : 8000;
/** How long it refuses, which needs no waiting. */
const REFUSAL_MS = isLongCampaign ? 60_000 : 2000;
const BEFORE_MS = 500;
/** How long the proxy keeps each answer. */
const ANSWER_DELAY_MS = 5000;
/** Eight that the lookup daemon opens at most (storage/accounts/mysql.ts), and those just closed. */
const CONNECTIONS_MAX = 16;
/** The lookup daemon may grow so much under a slow database. */
const GROWTH_BYTES_MAX = 96 * 1_048_576;
const USERS = ["sender", "ann", "bob", "carol"];

/** An installation whose first start finds control/host.mysql and more control files. */
async function installationOn(
  hostLine: string,
  control: Readonly<Record<string, string>> = {},
): Promise<Installation> {
  const installation = await Installation.start({
    async prepare(root) {
      const folder = `${root}/etc/indimail/control`;
      await Deno.mkdir(folder, { recursive: true });
      const files = { "host.mysql": `${hostLine}\n`, ...control };
      for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    },
  });
  for (const user of USERS) await installation.addUser(user, "secret");
  return installation;
}

interface Fault {
  readonly durationMs: number;
  begin(): Promise<void> | void;
  /** At the same time as traffic. */
  meanwhile?(): Promise<void>;
  end(): Promise<void> | void;
}

interface RoleState {
  readonly name: string;
  readonly pid: number;
  readonly pssBytes: number;
}

async function roles(installation: Installation): Promise<readonly RoleState[]> {
  return JSON.parse(await installation.must("indimail", ["status", "--json"])).roles;
}

async function role(installation: Installation, name: string): Promise<RoleState> {
  return (await roles(installation)).find((one) => one.name === name)!;
}

async function pids(installation: Installation): Promise<string> {
  return (await roles(installation)).map(({ name, pid }) => `${name} ${pid}`).join("\n");
}

/** Traffic before, during and after a fault; how it went, after all is well again. */
async function trafficThrough(installation: Installation, fault: Fault): Promise<void> {
  const before = await pids(installation);
  const traffic = new MailTraffic(installation, { users: USERS, width: 2, pauseMs: 25 });
  try {
    await eventually("traffic", () => {
      const worked = traffic.events.filter(({ outcome }) => outcome === "ok");
      return new Set(worked.map(({ kind }) => kind)).size === 3;
    });
    await pause(BEFORE_MS);
    const faultMs = Date.now();
    await fault.begin();
    await Promise.all([pause(fault.durationMs), fault.meanwhile?.()]);
    for (const kind of ["imap", "pop3"]) {
      await eventually(
        `a login by ${kind} that is refused`,
        () => traffic.since(faultMs).some((event) => event.kind === kind && event.outcome === "refused"),
      );
    }
    await fault.end();
    const endMs = Date.now();
    await eventually("all services to work again", () => {
      const worked = traffic.since(endMs).filter(({ outcome }) => outcome === "ok");
      return new Set(worked.map(({ kind }) => kind)).size === 3;
    });
  } finally {
    await traffic.stop();
  }
  assertEquals(notTemporary(traffic.events), [], "every refusal is temporary");
  Deno.kill((await role(installation, "queue")).pid, "SIGALRM");
  const taken = [...traffic.taken].sort();
  const found = await eventually("every message that was taken", async () => {
    const boxes = await Promise.all(USERS.slice(1).map((user) => subjectsOf(installation, user)));
    const subjects = new Set(boxes.flat());
    return taken.every((subject) => subjects.has(subject)) && boxes.flat();
  });
  assertEquals(found.filter((subject) => subject.startsWith("traffic-")).sort(), taken, "each once");
  assertEquals(await subjectsOf(installation, USERS[0]!), [], "nothing bounced");
  assertEquals(await pids(installation), before, "no role was restarted");
}

async function networkUser(server: Mariadb): Promise<string> {
  const database = await openMysql(server.settings, { createDatabase: true });
  await database.run("CREATE USER mail@'127.0.0.1' IDENTIFIED BY 'se-cret'");
  await database.run("GRANT ALL ON indimail.* TO mail@'127.0.0.1'");
  await database.close();
  return "mail:se-cret";
}

Deno.test({
  name: "a database that stops under load: nothing is lost, doubled or bounced, and all goes on when it is back",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb();
    await using installation = await installationOn(`localhost:root::${server.settings.socketPath}:nossl`);
    await trafficThrough(installation, {
      durationMs: FAULT_MS,
      begin: () => server.stop(),
      end: () => server.start(),
    });
    assert(!/\n\s+at /.test(await installation.log()), "no stack of a surprise in the log");
  },
});

Deno.test({
  name: "a database that answers 5 seconds late: temporary answers, nothing piles up, what needs none goes on",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb({ tcp: true });
    const login = await networkUser(server);
    await using proxy = await startSlowProxy(server.port);
    await using sink = startSmtpSink();
    await using installation = await installationOn(`127.0.0.1:${login}:${proxy.port}:nossl`, {
      smtproutes: `away.test:127.0.0.1:${sink.port}\n`,
      rcpthosts: "example.test\naway.test\n",
    });
    const away = (subject: string) =>
      sendMessage({
        port: installation.ports.smtp,
        sender: "s@elsewhere.test",
        recipient: "x@away.test",
        text: `Subject: ${subject}\n\nx\n`,
      });
    let atRest = 0;
    await trafficThrough(installation, {
      durationMs: FAULT_MS,
      async begin() {
        atRest = (await role(installation, "lookup")).pssBytes;
        proxy.delay(ANSWER_DELAY_MS);
      },
      async meanwhile() {
        assertEquals(await away("meanwhile"), { kind: "accepted" });
        await eventually("mail for elsewhere", () => sink.messages.some(({ data }) => data.includes("meanwhile")));
      },
      async end() {
        assert(proxy.openMax <= CONNECTIONS_MAX, `${proxy.openMax} connections at once`);
        const { pssBytes } = await role(installation, "lookup");
        assert(pssBytes < atRest + GROWTH_BYTES_MAX, `lookup grew from ${atRest} to ${pssBytes} bytes`);
        proxy.delay(0);
      },
    });
  },
});

Deno.test({
  name: "a database that refuses the password of host.mysql: temporary answers until it takes it",
  ignore: !mariadbAvailable(),
  async fn() {
    await using server = await startMariadb({ tcp: true });
    const login = await networkUser(server);
    await using installation = await installationOn(`127.0.0.1:${login}:${server.port}:nossl`);
    const root = await openMysql(server.settings);
    await trafficThrough(installation, {
      durationMs: REFUSAL_MS,
      async begin() {
        await root.run("SET PASSWORD FOR mail@'127.0.0.1' = PASSWORD('another')");
        await root.run("KILL USER mail");
      },
      async meanwhile() {
        const { code, stderr } = await installation.run("vadduser", ["new@example.test", "secret"]);
        assertEquals(code, 1);
        assertMatch(stderr, /database server 127\.0\.0\.1:\d+: Access denied for user 'mail'/);
        assert(!stderr.includes("se-cret"), "no password is shown");
      },
      async end() {
        await root.run("SET PASSWORD FOR mail@'127.0.0.1' = PASSWORD('se-cret')");
      },
    });
    assert(!(await installation.log()).includes("se-cret"), "no password is logged");
    await root.close();
  },
});
