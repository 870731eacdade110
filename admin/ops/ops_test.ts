/** Settings, services, reports and the first run's files: what needs no process. */
import { assert, assertEquals, assertMatch, assertThrows } from "../../tests/support/assert.ts";
import { Usage } from "../../core/errors.ts";
import { resolvePaths } from "../../core/paths.ts";
import { preloadLibc } from "../../core/libc/libc.ts";
import { firstControlFiles, generatePassword } from "./first_run.ts";
import { environmentFindings, formatFindings, roleFindings } from "./indimail_doctor.ts";
import { formatStatus } from "./indimail_status.ts";
import { probeFinding } from "./probe_run.ts";
import { serviceSpecs } from "./services.ts";
import { resolveSettings, type ServeOptions, type ServeSystem } from "./settings.ts";
import { tryReadState, writeState } from "./state_file.ts";
import { ensureTree } from "./tree.ts";

preloadLibc();

const NONE: ServeOptions = {
  root: undefined,
  domain: undefined,
  listen: undefined,
  portOffset: undefined,
  accounts: false,
};
const USER: ServeSystem = { uid: 1000, hostName: "box", directory: "/home/u", env: () => undefined, ipv6: true };
const current = resolvePaths("/home/u/.local/share/indimail", () => undefined);

Deno.test("an ordinary user gets loopback and high ports, and the root of the command line from the current folder", () => {
  const settings = resolveSettings({ ...NONE, root: "mail", domain: "Example.COM" }, current, USER);
  const { host, domain, listen, portOffset, accounts } = settings;
  assertEquals({ host, domain, listen, portOffset, accounts }, {
    host: "box.localdomain",
    domain: "example.com",
    listen: "127.0.0.1",
    portOffset: 2000,
    accounts: false,
  });
  assertEquals(settings.paths.control, "/home/u/mail/etc/indimail/control");
});

Deno.test("root with root / gets the real ports on all addresses and the accounts", () => {
  const system = { ...USER, uid: 0, hostName: "mx.example.org" };
  const settings = resolveSettings(NONE, resolvePaths("/", () => undefined), system);
  const { host, domain, listen, portOffset, accounts } = settings;
  assertEquals({ host, domain, listen, portOffset, accounts }, {
    host: "mx.example.org",
    domain: "mx.example.org",
    listen: "::",
    portOffset: 0,
    accounts: true,
  });
  assertEquals(resolveSettings(NONE, current, { ...system, ipv6: false }).listen, "127.0.0.1");
});

Deno.test("what cannot be is refused with a reason", () => {
  assertThrows(() => resolveSettings({ ...NONE, accounts: true }, current, USER), Usage, "needs root");
  assertThrows(() => resolveSettings({ ...NONE, domain: "a b" }, current, USER), Usage, "a b is not a domain name");
  for (const portOffset of ["x", "-1", "64541", "1.5"]) {
    assertThrows(() => resolveSettings({ ...NONE, portOffset }, current, USER), Usage, "--port-offset");
  }
  assertEquals(resolveSettings({ ...NONE, portOffset: "64540" }, current, USER).portOffset, 64540);
});

Deno.test("services start with lookup and stop with what accepts mail, and listen where they are told", () => {
  const specs = serviceSpecs(resolveSettings(NONE, current, USER), { env: {}, queues: 1 });
  assertEquals(specs.map(({ name, stage }) => `${stage} ${name}`), [
    "1 lookup",
    "2 local",
    "2 remote",
    "3 queue",
    "4 network",
    "4 mailbox",
  ]);
  assertEquals(specs[4]!.args, ["smtp=127.0.0.1:2025", "submission=127.0.0.1:2587", "smtps=127.0.0.1:2465"]);
  const two = serviceSpecs(resolveSettings(NONE, current, USER), { env: {}, queues: 2 }).filter(({ stage }) =>
    stage === 3
  );
  assertEquals(two.map(({ name, env }) => [name, env["QUEUEDIR"]!.slice(-6)]), [["queue1", "queue1"], [
    "queue2",
    "queue2",
  ]]);
});

Deno.test("the first domain is never also a local one", () => {
  const settings = resolveSettings({ ...NONE, domain: "box.localdomain" }, current, USER);
  const files = firstControlFiles(settings);
  assertEquals([files["me"], files["locals"]], ["box.localdomain\n", "localhost\n"]);
  const other = firstControlFiles(resolveSettings({ ...NONE, domain: "example.com" }, current, USER));
  assertEquals(other["locals"], "localhost\nbox.localdomain\n");
});

Deno.test("generated passwords are long and differ", () => {
  const passwords = new Set(Array.from({ length: 50 }, generatePassword));
  assertEquals(passwords.size, 50);
  for (const password of passwords) assertMatch(password, /^[a-km-zA-HJ-NP-Z2-9]{16}$/);
});

Deno.test("the tree is closed to others without accounts, and made once", async () => {
  const root = Deno.makeTempDirSync();
  try {
    const paths = resolvePaths(root, () => undefined);
    await ensureTree(paths, { ids: undefined, queues: 1 });
    Deno.chmodSync(paths.mail, 0o750);
    await ensureTree(paths, { ids: undefined, queues: 1 });
    const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o7777;
    assertEquals([mode(paths.control), mode(paths.run), mode(paths.mail)], [0o700, 0o700, 0o750]);
    assert(Deno.statSync(`${paths.queueBase}/queue1/mess/0`).isDirectory);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("the state file is read as it was written, and damage is as no file", () => {
  const root = Deno.makeTempDirSync();
  try {
    const paths = resolvePaths(root, () => undefined);
    Deno.mkdirSync(paths.run, { recursive: true });
    assertEquals(tryReadState(paths), undefined);
    const services = [{ name: "queue", state: "up", pid: 7, startedMs: 5, restarts: 0 }] as const;
    writeState(paths, { version: 1, pid: 6, startedMs: 4, listens: [], services });
    assertEquals(tryReadState(paths)?.services, [...services]);
    Deno.writeTextFileSync(`${paths.run}/serve.json`, '{"version":1,"pi');
    assertEquals(tryReadState(paths), undefined);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});

Deno.test("status is a table with the sum of memory, and a line a queue", () => {
  const text = formatStatus({
    root: "/r",
    pid: 1,
    listens: ["smtp=127.0.0.1:2025"],
    roles: [{ name: "queue", state: "up", pid: 12, upSeconds: 90_061, restarts: 2, pssBytes: 1_572_864 }],
    pssBytes: 1_572_864,
    queues: [{ name: "queue1", diskMessages: 3, journalMessages: 1, localInFlight: 0, remoteInFlight: 2 }, {
      name: "queue2",
      diskMessages: 0,
      journalMessages: undefined,
      localInFlight: undefined,
      remoteInFlight: undefined,
    }],
    logins: { bansTotal: 2, refused: 31, slowed: 40 },
  });
  assertMatch(text, /^queue {2}up {5}12 {3}1d 01:01:01 {2}2 {9}1\.5$/m);
  assertMatch(text, /^queue1: 3 messages on disk, 1 in the journal; deliveries under way: 0 local, 2 remote$/m);
  assertMatch(text, /^queue2: 0 messages on disk; no daemon answers$/m);
  assertMatch(text, /^logins: 2 bans \(indimail bans lists them\), 31 refused and 40 slowed since the start$/m);
});

Deno.test("doctor tells what a running role said of its fences, and what is missing", () => {
  const kernel = { landlock: 7, seccomp: true };
  const running = roleFindings(
    "queue",
    kernel,
    "fence: account=qmails landlock=none seccomp=noexec permissions=worker",
  );
  assertEquals(running.map(({ subject, verdict }) => `${subject} ${verdict}`), [
    "queue account ok",
    "queue landlock missing",
    "queue exec ok",
    "queue permissions ok",
  ]);
  const idle = roleFindings("local", kernel, undefined);
  assertMatch(formatFindings(idle), /^local landlock {5}ok {7}not running; this kernel would give version 7/m);
});

Deno.test("a probe that got through, or gave nothing, is wrong", () => {
  const attempt = { attempt: "read", forbidden: true, succeeded: false, text: "" };
  assertEquals(probeFinding("queue", JSON.stringify([attempt])).verdict, "ok");
  const through = probeFinding("queue", JSON.stringify([{ ...attempt, succeeded: true }]));
  assertEquals([through.verdict, through.text], ["wrong", "read SUCCEEDED"]);
  assertEquals(probeFinding("queue", "").verdict, "wrong");
});

Deno.test("doctor says that POSTAUTH in the server's environment is not run, and what to do", () => {
  assertEquals(environmentFindings(["PATH=/bin", "POSTAUTH=", "XPOSTAUTH=/bin/x"]), []);
  const [finding, ...more] = environmentFindings(["PATH=/bin", "POSTAUTH=/etc/post=auth"]);
  assertEquals([finding?.subject, finding?.verdict, more.length], ["POSTAUTH", "wrong", 0]);
  assertMatch(
    finding?.text ?? "",
    /^\/etc\/post=auth is not run after logins to this server: unset POSTAUTH, or .*vchkpass/,
  );
});
