/** Local and virtual delivery on real folders, with a fake lookup and a fake queue. */
import { latin1Bytes, latin1Text } from "../../core/bytes.ts";
import { createLogger } from "../../core/log.ts";
import { systemClock } from "../../core/proc.ts";
import type { Account, DeliveryTarget, Lookup } from "../../storage/accounts/lookup_types.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import type { Envelope, SubmissionClient } from "../../storage/queue/submission.ts";
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import type { DeliveryContext, DeliveryJob } from "./context.ts";
import { DotQmailFiles } from "./dotqmail_files.ts";
import type { LocalRecipient } from "./environment.ts";
import { deliverLocal } from "./local_delivery.ts";
import { memoryMessage } from "./message.ts";
import { programRunner } from "./program.ts";
import { deliverVirtual } from "./virtual_delivery.ts";
import { spawnForTests } from "../../tests/support/spawn.ts";

const MESSAGE = "Received: by x\nFrom: a@example.org\nSubject: hello\n\nbody\n";

/** A world of a delivery in a temporary folder. */
interface World extends AsyncDisposable {
  readonly context: DeliveryContext;
  readonly home: string;
  readonly submitted: { envelope: Envelope; text: string }[];
  readonly quotaNotes: string[];
  targets: Map<string, DeliveryTarget>;
  /** Accounts as they are now, where that is not what is remembered of the target. */
  accounts: Map<string, Account>;
  submitCode: number;
}

async function createWorld(): Promise<World> {
  const folder = await Deno.makeTempDir();
  const home = `${folder}/home`;
  for (const path of [home, `${folder}/control`, `${folder}/run`]) await Deno.mkdir(path, { mode: 0o755 });
  const world: World = {
    home,
    submitted: [],
    quotaNotes: [],
    targets: new Map(),
    accounts: new Map(),
    submitCode: 0,
    context: undefined as never,
    async [Symbol.asyncDispose]() {
      await Deno.remove(folder, { recursive: true });
    },
  };
  const queue: SubmissionClient = {
    open() {
      let text = "";
      return Promise.resolve({
        write(bytes) {
          text += latin1Text(bytes);
          return Promise.resolve();
        },
        commit(envelope) {
          if (world.submitCode !== 0) {
            return Promise.resolve({ kind: "refused", code: world.submitCode, text: "no" } as const);
          }
          world.submitted.push({ envelope, text });
          return Promise.resolve({ kind: "accepted", id: "1" } as const);
        },
        abort() {},
      });
    },
    close() {},
  };
  const lookup: Pick<Lookup, "account" | "delivery" | "noteQuota"> = {
    account: (address) => Promise.resolve(world.accounts.get(address)),
    delivery: (address) => Promise.resolve(world.targets.get(address) ?? { kind: "absent" }),
    noteQuota(address) {
      world.quotaNotes.push(address);
      return Promise.resolve();
    },
  };
  const context: DeliveryContext = {
    disk: realDisk,
    clock: systemClock,
    log: createLogger(() => Promise.resolve()),
    control: new ControlFiles(`${folder}/control`),
    lookup: lookup as Lookup,
    queue,
    dotQmail: new DotQmailFiles(() => Date.now()),
    runProgram: programRunner(
      { spawn: spawnForTests, env: { get: () => undefined, all: () => ({}) } },
      `${folder}/run`,
    ),
    sendRouted: ({ route, recipient }) => Promise.resolve({ kind: "done", text: `sent ${recipient} to ${route}` }),
    hostName: "mail.example.com",
    pid: 42,
    uid: Deno.uid() ?? 0,
    defaultDelivery: "./Maildir/",
  };
  return Object.assign(world, { context });
}

const job = (change: Partial<DeliveryJob> = {}): DeliveryJob => ({
  message: memoryMessage(latin1Bytes(MESSAGE)),
  messageId: "77",
  deliveryId: "J1Q2R0",
  arrivedMs: 1_700_000_000_000,
  sender: "a@example.org",
  extraHeader: "",
  environmentHeaders: "",
  mayBeRepeat: false,
  ...change,
});

function recipient(world: World, change: Partial<LocalRecipient> = {}): LocalRecipient {
  return {
    user: "joe",
    uid: 1,
    gid: 1,
    home: world.home,
    dash: "",
    ext: "",
    local: "joe",
    domain: "example.com",
    ...change,
  };
}

const account = (world: World, change: Partial<Account> = {}): Account => ({
  address: "joe@example.com",
  uid: 1,
  gid: 1,
  flags: 0,
  gecos: "",
  home: world.home,
  quota: "NOQUOTA",
  inactive: false,
  ...change,
});

async function filesOf(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(folder)) names.push(entry.name);
  return names.sort();
}

Deno.test("without a .qmail file the default delivery puts one file into the Maildir, with the two lines in front", async () => {
  await using world = await createWorld();
  const outcome = await deliverLocal(world.context, job(), recipient(world));
  assertEquals(outcome, { report: { kind: "done", text: "did 1+0+0\n" }, touched: [`${world.home}/Maildir/new`] });
  const [name] = await filesOf(`${world.home}/Maildir/new`);
  const head = "Return-Path: <a@example.org>\nDelivered-To: joe@example.com\n";
  assertEquals(name, `1700000000.J1Q2R0.mail.example.com,S=${head.length + MESSAGE.length}`);
  assertEquals(await Deno.readTextFile(`${world.home}/Maildir/new/${name}`), head + MESSAGE);
});

Deno.test("a repeat of a delivery that a crash cut off adds nothing, even when the file was read since", async () => {
  await using world = await createWorld();
  await deliverLocal(world.context, job(), recipient(world));
  const [name] = await filesOf(`${world.home}/Maildir/new`);
  await Deno.rename(`${world.home}/Maildir/new/${name}`, `${world.home}/Maildir/cur/${name}:2,S`);
  const outcome = await deliverLocal(world.context, job({ mayBeRepeat: true }), recipient(world));
  assertEquals(outcome.report.kind, "done");
  assertEquals(await filesOf(`${world.home}/Maildir/new`), []);
  assertEquals((await filesOf(`${world.home}/Maildir/cur`)).length, 1);
});

Deno.test("an extension without a file is no mailbox; with a default file it is found and DEFAULT is set", async () => {
  await using world = await createWorld();
  const to = recipient(world, { dash: "-", ext: "list-a", local: "joe-list-a" });
  assertEquals((await deliverLocal(world.context, job(), to)).report.kind, "permanent");
  await Deno.writeTextFile(
    `${world.home}/.qmail-list-default`,
    `|echo "$DEFAULT $EXT $EXT2 $RECIPIENT $HOST2" >"$HOME/out"; cat >>"$HOME/out"\n`,
  );
  const outcome = await deliverLocal(world.context, job(), to);
  assertEquals(outcome.report, { kind: "done", text: "did 0+0+1\n" });
  assertEquals(await Deno.readTextFile(`${world.home}/out`), `a list-a a joe-list-a@example.com example\n${MESSAGE}`);
});

Deno.test("programs end deliveries by their exit codes", async () => {
  await using world = await createWorld();
  const run = async (text: string) => {
    await Deno.writeTextFile(`${world.home}/.qmail`, text);
    return (await deliverLocal(world.context, job(), recipient(world))).report;
  };
  assertEquals(await run("|echo no; exit 100\n./Maildir/\n"), { kind: "permanent", text: "no\n\n" });
  assertEquals((await run("|exit 111\n")).kind, "temporary");
  assertEquals((await run("|exit 77\n")).kind, "permanent");
  assertEquals((await run("|exit 3\n")).kind, "temporary");
  assertMatch((await run("|kill -9 $$\n")).text, /crashed/);
  assertEquals(await run("|exit 99\n./Maildir/\n"), { kind: "done", text: "did 0+0+1\n" });
  assertEquals(await run("|echo said\n"), { kind: "done", text: "said\ndid 0+0+1\n" });
});

Deno.test("forwards go out after everything else, with the owner as sender, and a refused one decides", async () => {
  await using world = await createWorld();
  const to = recipient(world, { dash: "-", ext: "list", local: "joe-list" });
  await Deno.writeTextFile(`${world.home}/.qmail-list`, "&x@example.org\ny@example.org\n./copy/\n");
  await Deno.mkdir(`${world.home}/copy`);
  for (const name of ["tmp", "new", "cur"]) await Deno.mkdir(`${world.home}/copy/${name}`);
  assertEquals((await deliverLocal(world.context, job(), to)).report.text, "did 1+2+0\n");
  assertEquals(world.submitted[0]!.envelope, {
    sender: "a@example.org",
    recipients: ["x@example.org", "y@example.org"],
  });
  assertMatch(world.submitted[0]!.text, /^Received: [^]*\nDelivered-To: joe-list@example.com\nReceived: by x\n/);
  await Deno.writeTextFile(`${world.home}/.qmail-list-owner`, "");
  await deliverLocal(world.context, job(), to);
  assertEquals(world.submitted[1]!.envelope.sender, "joe-list-owner@example.com");
  await Deno.writeTextFile(`${world.home}/.qmail-list-owner-default`, "");
  await deliverLocal(world.context, job(), to);
  assertEquals(world.submitted[2]!.envelope.sender, "joe-list-owner-@example.com-@[]");
  world.submitCode = 53;
  assertEquals((await deliverLocal(world.context, job(), to)).report.kind, "temporary");
  world.submitCode = 31;
  assertEquals((await deliverLocal(world.context, job(), to)).report.kind, "permanent");
});

Deno.test("a message that has my Delivered-To line is looping", async () => {
  await using world = await createWorld();
  const looping = job({ message: memoryMessage(latin1Bytes(`Delivered-To: joe@example.com\n${MESSAGE}`)) });
  assertMatch((await deliverLocal(world.context, looping, recipient(world))).report.text, /looping/);
  // also where a virtual user's mailbox is meant, whose programs forward with the same line
  await Deno.writeTextFile(`${world.home}/.qmail`, "| vdelivermail '' delete\n");
  assertMatch((await deliverLocal(world.context, looping, recipient(world))).report.text, /looping/);
});

Deno.test("an editing user is waited for: sticky home, writable file, blank first line, x bit", async () => {
  await using world = await createWorld();
  const report = async () => (await deliverLocal(world.context, job(), recipient(world))).report;
  await Deno.chmod(world.home, 0o1755);
  assertMatch((await report()).text, /sticky/);
  await Deno.chmod(world.home, 0o757);
  assertMatch((await report()).text, /home directory is writable/);
  await Deno.chmod(world.home, 0o755);
  await Deno.writeTextFile(`${world.home}/.qmail`, "\n./Maildir/\n");
  assertMatch((await report()).text, /blank/);
  await Deno.writeTextFile(`${world.home}/.qmail`, "|true\n");
  await Deno.chmod(`${world.home}/.qmail`, 0o766);
  assertMatch((await report()).text, /writable/);
  await Deno.chmod(`${world.home}/.qmail`, 0o744);
  assertMatch((await report()).text, /x bit/);
  assertEquals((await report()).kind, "temporary");
});

Deno.test("jumps skip to their label when the command exits 99, and a folder sets the environment", async () => {
  await using world = await createWorld();
  await Deno.mkdir(`${world.home}/env`);
  await Deno.writeTextFile(`${world.home}/env/COLOUR`, "green \nrest\n");
  await Deno.writeTextFile(
    `${world.home}/.qmail`,
    `?end exit 99\n|exit 100\n:end\n%env\n|echo $COLOUR\n?gone exit 0\n?far\n|exit 100\n:far\n`,
  );
  assertEquals((await deliverLocal(world.context, job(), recipient(world))).report.text, "green\ndid 0+0+1\n");
  await Deno.writeTextFile(`${world.home}/.qmail`, `?nowhere\n`);
  assertEquals((await deliverLocal(world.context, job(), recipient(world))).report.kind, "temporary");
});

Deno.test("a domain's vdelivermail line delivers to the account inside this process", async () => {
  await using world = await createWorld();
  await Deno.writeTextFile(`${world.home}/.qmail-default`, "| /usr/sbin/vdelivermail '' bounce-no-mailbox\n");
  const to = recipient(world, { dash: "-", ext: "Joe", local: "example.com-Joe" });
  assertMatch((await deliverLocal(world.context, job(), to)).report.text, /no account joe@example.com/);
  world.targets.set("joe@example.com", { kind: "found", account: account(world), aliasLines: [] });
  assertEquals((await deliverLocal(world.context, job(), to)).report, { kind: "done", text: "did 1+0+0\n" });
  const [name] = await filesOf(`${world.home}/Maildir/new`);
  assertMatch(
    await Deno.readTextFile(`${world.home}/Maildir/new/${name}`),
    /^Return-Path: <a@example.org>\nDelivered-To: joe@example.com\nReceived: indimail-virtual 42 by host mail.example.com\n/,
  );
});

Deno.test("alias lines replace the mailbox, the own address stands for it, and the own .qmail serves like them", async () => {
  await using world = await createWorld();
  const deliver = async (aliasLines: string[]) => {
    world.targets.set("joe@example.com", { kind: "found", account: account(world), aliasLines });
    return (await deliverVirtual(world.context, job(), virtual("bounce-no-mailbox"))).report.text;
  };
  assertEquals(await deliver(["&x@example.org", "y@example.org"]), "did 0+2+0\n");
  assertEquals(world.submitted[0]!.envelope.recipients, ["x@example.org", "y@example.org"]);
  assertEquals(await deliver(["&joe@example.com", "&x@example.org"]), "did 1+1+0\n");
  assertEquals(await deliver([`${world.home}/Other/`, "|cat >/dev/null"]), "did 1+0+1\n");
  assertEquals((await filesOf(`${world.home}/Other/new`)).length, 1);
  await Deno.writeTextFile(`${world.home}/.qmail`, "&z@example.org\n");
  assertEquals(await deliver([]), "did 0+1+0\n");
  await Deno.writeTextFile(`${world.home}/.qmail`, "");
  assertEquals(await deliver([]), "did 0+0+0\n");
});

const virtual = (fallback: string) => ({ address: "joe@example.com", fallback, environment: () => ({}) });

Deno.test("the fallback for unknown users: folder, address, route, delete, bounce", async () => {
  await using world = await createWorld();
  const report = async (fallback: string) => (await deliverVirtual(world.context, job(), virtual(fallback))).report;
  assertEquals((await report(`${world.home}/catch`)).text, "did 1+0+0\n");
  assertEquals((await filesOf(`${world.home}/catch/Maildir/new`)).length, 1);
  assertEquals((await report("other@example.org")).text, "did 0+1+0\n");
  assertEquals((await report("example.com:192.0.2.1:25")).text, "sent joe@example.com to 192.0.2.1:25");
  assertEquals((await report("delete")).kind, "done");
  assertEquals((await report("bounce-no-mailbox")).kind, "permanent");
  assertEquals((await report("nonsense")).kind, "temporary");
});

Deno.test("an account over quota bounces and is noted, small messages pass, holdoverquota waits", async () => {
  await using world = await createWorld();
  const full = account(world, { quota: "100S" });
  world.targets.set("joe@example.com", { kind: "found", account: full, aliasLines: [] });
  const big = job({ message: memoryMessage(latin1Bytes(MESSAGE + "x".repeat(2000))) });
  assertMatch((await deliverVirtual(world.context, big, virtual(""))).report.text, /over quota/);
  assertEquals(world.quotaNotes, ["joe@example.com"]);
  assertEquals((await deliverVirtual(world.context, job(), virtual(""))).report.kind, "done");
  await Deno.writeTextFile(`${world.home}/holdoverquota`, "");
  assertEquals((await deliverVirtual(world.context, big, virtual(""))).report.kind, "temporary");
  world.targets.set("joe@example.com", { kind: "found", account: account(world, { flags: 0x10 }), aliasLines: [] });
  assertEquals((await deliverVirtual(world.context, job(), virtual(""))).report.kind, "permanent");
});

Deno.test("an account whose quota was raised a moment ago gets its mail, whatever is remembered of it", async () => {
  await using world = await createWorld();
  const big = job({ message: memoryMessage(latin1Bytes(MESSAGE + "x".repeat(2000))) });
  for (const remembered of [{ quota: "100S" }, { quota: "100S", flags: 0x10 }]) {
    const target = account(world, remembered);
    world.targets.set("joe@example.com", { kind: "found", account: target, aliasLines: [] });
    world.accounts.set("joe@example.com", account(world, { quota: "100000S" }));
    assertEquals((await deliverVirtual(world.context, big, virtual(""))).report.kind, "done");
    world.accounts.set("joe@example.com", target);
    assertEquals((await deliverVirtual(world.context, big, virtual(""))).report.kind, "permanent");
  }
});

Deno.test("usage is counted in maildirsize as messages come", async () => {
  await using world = await createWorld();
  world.targets.set("joe@example.com", {
    kind: "found",
    account: account(world, { quota: "100000S,10C" }),
    aliasLines: [],
  });
  await deliverVirtual(world.context, job(), virtual(""));
  await deliverVirtual(world.context, job({ deliveryId: "J1Q3R0" }), virtual(""));
  const text = await Deno.readTextFile(`${world.home}/Maildir/maildirsize`);
  assert(text.startsWith("100000S,10C\n"), text);
  const lines = text.trimEnd().split("\n").slice(1).map((line) => Number(line.trim().split(/\s+/)[1]));
  assertEquals(lines.reduce((sum, count) => sum + count, 0), 2);
});

Deno.test("another user's delivery goes to a process of that user, forwards and virtual domains do not", async () => {
  await using world = await createWorld();
  const handed: string[] = [];
  const handOver = (uid: number) => ({
    ...world.context,
    uid,
    deliverAsUser: (_: DeliveryJob, to: LocalRecipient) => {
      handed.push(to.user);
      return Promise.resolve({ report: { kind: "done", text: "handed over" }, touched: [] } as const);
    },
  });
  const to = recipient(world, { uid: 4711 });
  assertEquals((await deliverLocal(handOver(0), job(), to)).report.text, "handed over");
  assertEquals((await deliverLocal(handOver(99), job(), to)).report.text, "handed over");
  assertEquals((await deliverLocal(handOver(4711), job(), to)).report.text, "did 1+0+0\n");
  await Deno.writeTextFile(`${world.home}/.qmail`, "&x@example.org\n");
  assertEquals((await deliverLocal(handOver(0), job(), to)).report.text, "did 0+1+0\n");
  const alias = { ...to, user: "alias" };
  assertEquals((await deliverLocal(handOver(99), job(), alias)).report.text, "did 0+1+0\n");
  await Deno.writeTextFile(`${world.home}/.qmail`, "| vdelivermail '' delete\n");
  assertEquals((await deliverLocal(handOver(0), job(), to)).report.text, "discarded did 0+0+0\n");
  assertEquals(handed, ["joe", "joe"]);
});

Deno.test("a .qmail file that was just seen is believed for a moment, then looked at again", async () => {
  await using world = await createWorld();
  let nowMs = Date.now() + 10_000; // so that the files are not too young to be kept
  const files = new DotQmailFiles(() => nowMs, { trustMs: 20 });
  const command = () => {
    const search = files.find(world.home, "-", "x");
    return search.kind === "found" ? search.file.content.instructions.map(({ kind }) => kind) : search.kind;
  };
  await Deno.writeTextFile(`${world.home}/.qmail-default`, "|true\n");
  for (const path of [`${world.home}/.qmail-default`, world.home]) await Deno.utime(path, 1000, 1000); // not the time of the changes below
  assertEquals(command(), ["program"]);
  assertEquals(command(), ["program"]);
  assertEquals([files.holds(world.home, ".qmail-default"), files.holds(world.home, ".qmail")], [true, false]);
  assertEquals(files.holds(`${world.home}/none`, ".qmail"), false);
  await Deno.writeTextFile(`${world.home}/.qmail-default`, "&a@example.org\n");
  assertEquals(command(), ["program"]);
  nowMs += 20;
  assertEquals(command(), ["forward"]);
  await Deno.remove(`${world.home}/.qmail-default`);
  nowMs += 20;
  assertEquals([command(), files.holds(world.home, ".qmail-default")], ["none", false]);
});
