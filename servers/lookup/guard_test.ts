/** The guard against guessed passwords, with a clock of the test: a table of situations, and what memory it can be made to take. */
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "../../tests/support/assert.ts";
import { Permanent, Temporary } from "../../core/errors.ts";
import type { AuthResult } from "../../storage/accounts/lookup_types.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { seededRandom } from "../../tests/support/mail_log.ts";
import { BANS_MAX } from "./guard_bans.ts";
import { ADDRESS_WAITING_MAX, GUARD_WAITING_MAX, KNOWN_MAX, LoginGuard, TALLIES_MAX } from "./guard.ts";
import { GUARD_LINES_MAX } from "./guard_log.ts";
import {
  clientKey,
  GUARD_DEFAULTS,
  type GuardSettings,
  inNetwork,
  readGuardSettings,
  readTrustedNetworks,
  tryParseNetwork,
} from "./guard_settings.ts";

const START_MS = 1_700_000_000_000;

interface Sleeper {
  readonly untilMs: number;
  wake(): void;
}

/** A guard on a clock that stands until it is moved; delays are noted, and end at once unless they are held. */
class World {
  nowMs = START_MS;
  readonly lines: string[] = [];
  readonly delaysMs: number[] = [];
  readonly guard: LoginGuard;
  holdsDelays = false;
  checks = 0;
  #sleepers: Sleeper[] = [];

  constructor(settings: Partial<GuardSettings> = {}, trusted: readonly string[] = ["127.0.0.0/8", "::1"]) {
    this.guard = new LoginGuard({
      settings: { ...GUARD_DEFAULTS, ...settings },
      trusted: trusted.map((text) => tryParseNetwork(text)!),
      nowMs: () => this.nowMs,
      sleep: (durationMs) => this.#sleep(durationMs),
      line: (text) => void this.lines.push(text),
      accountOf: (user) => user.toLowerCase(),
    });
  }

  #sleep(durationMs: number): Promise<void> {
    const isDelay = durationMs <= GUARD_DEFAULTS.slowdelaymax;
    if (isDelay) this.delaysMs.push(durationMs);
    if (isDelay && !this.holdsDelays) return Promise.resolve();
    return new Promise((resolve) => this.#sleepers.push({ untilMs: this.nowMs + durationMs, wake: resolve }));
  }

  /** Moves the clock, and lets what slept until then go on. */
  async pass(durationMs: number): Promise<void> {
    this.nowMs += durationMs;
    const due = this.#sleepers.filter(({ untilMs }) => untilMs <= this.nowMs);
    this.#sleepers = this.#sleepers.filter((one) => !due.includes(one));
    for (const { wake } of due) wake();
    await settled();
  }

  async login(
    user: string,
    remoteHost: string,
    kind: AuthResult["kind"],
    options: { readonly secret?: string } = {},
  ): Promise<AuthResult["kind"] | "refused"> {
    const before = this.checks;
    const answer = await this.guard.check({ user, remoteHost, ...options }, {
      run: () => {
        this.checks++;
        return Promise.resolve(kind);
      },
      kind: (answer) => answer,
      denied: "denied" as const,
    });
    return this.checks === before ? "refused" : answer;
  }

  /** Logs in so many times; what the last of them became. */
  async times(count: number, user: string, remoteHost: string, kind: AuthResult["kind"] = "denied"): Promise<string> {
    let last = "";
    for (let at = 0; at < count; at++) last = await this.login(user, remoteHost, kind);
    return last;
  }
}

/** Lets everything that can go on do so. */
async function settled(): Promise<void> {
  for (let round = 0; round < 20; round++) await Promise.resolve();
}

const NEAR = "192.0.2.1";
const FAR = "198.51.100.7";

Deno.test("situations: who is refused after which failures", async () => {
  const table: [name: string, ban: "address" | "account" | "nobody", work: (world: World) => Promise<unknown>][] = [
    ["nine failures of an account", "nobody", (world) => world.times(9, "a@x", NEAR)],
    ["ten failures of an account from one address", "account", (world) => world.times(10, "a@x", NEAR)],
    ["ten failures of an account that does not exist", "account", (world) => world.times(10, "nobody@x", NEAR)],
    ["ten failures with two ways to write the name", "account", async (world) => {
      await world.times(5, "a@x", NEAR);
      await world.times(5, "A@X", NEAR);
    }],
    ["ten failures of an account from ten addresses", "nobody", async (world) => {
      for (let at = 0; at < 10; at++) await world.login("a@x", `192.0.2.${at}`, "denied");
    }],
    ["twenty failures of twenty accounts from one address", "address", async (world) => {
      for (let at = 0; at < 20; at++) await world.login(`u${at}@x`, NEAR, "denied");
    }],
    ["twenty failures from one network of IPv6", "address", async (world) => {
      for (let at = 0; at < 20; at++) await world.login(`u${at}@x`, `2001:db8:1:2::${at.toString(16)}`, "denied");
    }],
    ["twenty failures from twenty networks of IPv6", "nobody", async (world) => {
      for (let at = 0; at < 20; at++) await world.login(`u${at}@x`, `2001:db8:1:${at}::1`, "denied");
    }],
    ["an address written as IPv4 and mapped into IPv6", "account", async (world) => {
      await world.times(5, "a@x", NEAR);
      await world.times(5, "a@x", `::ffff:${NEAR}`);
    }],
    ["a hundred failures from this host", "nobody", (world) => world.times(100, "a@x", "127.0.0.1")],
    ["a hundred failures from this host by IPv6", "nobody", (world) => world.times(100, "a@x", "::1")],
    ["a hundred failures of a client without address", "nobody", (world) => world.times(100, "a@x", "")],
    [
      "a hundred logins to a service that is switched off",
      "nobody",
      (world) => world.times(100, "a@x", NEAR, "forbidden"),
    ],
    ["twelve failures with successes between", "nobody", async (world) => {
      for (let at = 0; at < 4; at++) {
        await world.times(3, "a@x", NEAR);
        await world.login("a@x", NEAR, "ok");
      }
    }],
    ["guesses of others' passwords between successes of one's own", "address", async (world) => {
      for (let at = 0; at < 20; at++) {
        await world.login(`u${at}@x`, NEAR, "denied");
        await world.login("own@x", NEAR, "ok");
      }
    }],
    ["nineteen failures with ten minutes between", "nobody", async (world) => {
      for (let at = 0; at < 19; at++) {
        await world.login("a@x", NEAR, "denied");
        await world.pass(600_000);
      }
    }],
    ["fifty failures with the same password of a forgotten device", "nobody", async (world) => {
      for (let at = 0; at < 50; at++) await world.login("a@x", NEAR, "denied", { secret: "old" });
    }],
    ["ten failures with ten passwords", "account", async (world) => {
      for (let at = 0; at < 10; at++) await world.login("a@x", NEAR, "denied", { secret: `guess ${at}` });
    }],
  ];
  for (const [name, ban, work] of table) {
    const world = new World();
    await work(world);
    const bans = world.guard.status().bans;
    const found = bans.length === 0 ? "nobody" : bans[0]!.account === undefined ? "address" : "account";
    assertEquals(found, ban, name);
    assert(bans.length <= 1, name);
  }
});

Deno.test("who is refused is not checked, even with the right password, and others are", async () => {
  const world = new World();
  await world.times(10, "a@x", NEAR);
  assertEquals(await world.login("a@x", NEAR, "ok"), "refused");
  assertEquals(await world.login("A@X", NEAR, "ok"), "refused");
  assertEquals(await world.login("a@x", FAR, "ok"), "ok"); // its owner, elsewhere
  assertEquals(await world.login("b@x", NEAR, "ok"), "ok");
  for (let at = 0; at < 20; at++) await world.login(`u${at}@x`, NEAR, "denied");
  assertEquals(await world.login("b@x", NEAR, "ok"), "refused");
  assertEquals(world.guard.status().refused, 13); // two of a@x, ten of the twenty (the address had ten before), one of b@x
  assertEquals(world.guard.status().bansTotal, 2);
});

Deno.test("a ban ends at its time, and the next is twice as long", async () => {
  for (const [banmax, lengths] of [[10_000, [100, 200, 400, 800]], [150, [100, 150]]] as const) {
    const world = new World({ ban: 100, banmax, addressfailures: 0 });
    for (const seconds of lengths) {
      await world.times(10, "a@x", NEAR);
      assertEquals(world.guard.status().bans.map(({ untilMs }) => untilMs - world.nowMs), [seconds * 1000]);
      assertEquals(await world.login("a@x", NEAR, "ok"), "refused");
      await world.pass(seconds * 1000 + 10);
      assertEquals(world.guard.sizes.bans, 0);
    }
    assertEquals(await world.login("a@x", NEAR, "ok"), "ok");
  }
});

Deno.test("answers come later with each failure, and never later than the longest delay", async () => {
  const world = new World();
  await world.times(10, "a@x", NEAR);
  assertEquals(world.delaysMs, [250, 500, 1000, 2000, 2000, 2000, 2000]);
  assertEquals(world.guard.status().slowed, 7);
});

Deno.test("an account is slowed by guesses from everywhere, but not for its owner's known address", async () => {
  const world = new World();
  await world.login("a@x", FAR, "ok");
  for (let at = 0; at < 8; at++) await world.login("a@x", `203.0.113.${at}`, "denied");
  world.delaysMs.length = 0;
  await world.login("a@x", FAR, "ok");
  assertEquals(world.delaysMs, []);
  await world.login("a@x", NEAR, "ok");
  assertEquals(world.delaysMs, [2000]);
  await world.login("b@x", NEAR, "ok");
  assertEquals(world.delaysMs, [2000]);
});

Deno.test("guesses at the same time from one address are checked no more often than one after the other", async () => {
  const world = new World({ accountfailures: 0, slowafter: 0 });
  const asked = Array.from({ length: 200 }, (_, at) => world.login(`u${at}@x`, NEAR, "denied"));
  await Promise.all(asked);
  assertEquals(world.checks, GUARD_DEFAULTS.addressfailures);
  assertEquals(world.guard.sizes.gates, 0);
  assertEquals(await world.login("a@x", FAR, "ok"), "ok");
});

Deno.test("right passwords at the same time from one address all get in", async () => {
  const world = new World();
  const answers = await Promise.all(Array.from({ length: 250 }, (_, at) => world.login(`u${at}@x`, NEAR, "ok")));
  assertEquals(new Set(answers), new Set(["ok" as const]));
  assertEquals([world.guard.sizes.gates, world.guard.sizes.waiting], [0, 0]);
});

Deno.test("delayed answers hold up nobody else, and above their number there is a temporary failure", async () => {
  const world = new World({ accountfailures: 0 });
  for (let at = 0; at < 5; at++) await world.login("a@x", `203.0.113.${at}`, "denied");
  world.holdsDelays = true;
  const held = Array.from(
    { length: GUARD_WAITING_MAX },
    (_, at) => world.login("a@x", `10.0.${at >> 8}.${at & 255}`, "ok"),
  );
  await settled();
  assertEquals(world.guard.sizes.waiting, GUARD_WAITING_MAX);
  assertEquals(await world.login("b@x", NEAR, "ok"), "ok");
  await assertRejects(() => world.login("a@x", NEAR, "ok"), Temporary);
  await world.pass(2000);
  assertEquals(new Set(await Promise.all(held)), new Set(["ok" as const]));
  assertEquals([world.guard.sizes.gates, world.guard.sizes.waiting], [0, 0]);
});

Deno.test("logins from one address do not take all places of those that wait", async () => {
  const world = new World();
  const attempts = Array.from({ length: 1000 }, () => world.login("a@x", NEAR, "ok").catch(() => "temporary"));
  const answers = await Promise.all(attempts);
  const ran = answers.filter((answer) => answer === "ok").length;
  assertEquals(ran, ADDRESS_WAITING_MAX + GUARD_DEFAULTS.addressfailures);
  assertEquals(world.guard.sizes.waiting, 0);
});

Deno.test("a check that fails counts as nothing", async () => {
  const world = new World();
  for (let at = 0; at < 50; at++) {
    const check = { run: () => Promise.reject(new Temporary("down")), kind: () => "denied" as const, denied: "denied" };
    await assertRejects(() => world.guard.check({ user: "a@x", remoteHost: NEAR }, check), Temporary);
  }
  assertEquals([world.guard.sizes.tallies, world.guard.sizes.bans, world.guard.sizes.gates], [0, 0, 0]);
});

Deno.test("unban lifts by address, by account and all, and forgets what was counted", async () => {
  const world = new World();
  await world.times(10, "a@x", NEAR);
  await world.times(10, "a@x", FAR);
  await world.times(10, "b@x", "2001:db8::7");
  assertEquals(world.guard.unban("203.0.113.9"), 0);
  assertEquals(world.guard.unban("2001:db8::1"), 1); // the same network
  assertEquals(world.guard.unban(`::ffff:${NEAR}`), 1);
  assertEquals(await world.times(9, "a@x", NEAR), "denied");
  assertEquals(await world.login("a@x", NEAR, "ok"), "ok");
  assertEquals(world.guard.unban("A@x"), 1);
  await world.times(10, "a@x", NEAR);
  await world.times(10, "b@x", FAR);
  assertEquals(world.guard.unban(), 2);
  assertEquals([world.guard.sizes.bans, world.guard.sizes.tallies], [0, 0]);
});

Deno.test("the log says when a ban begins and ends and when an answer is slowed, in one form and not without end", async () => {
  const world = new World();
  await world.times(10, "a@x", NEAR);
  await world.pass(600_000);
  await world.times(10, "b\nx@x", FAR);
  world.guard.unban(FAR);
  for (const line of world.lines) {
    assertMatch(line, /^inlookup: guard (?:banned|unbanned|slowed|suppressed)(?: [a-z_]+=(?:"[^"\n]*"|[^ \n"]+))+$/);
  }
  const events = world.lines.filter((line) => !line.includes("slowed"));
  assertEquals(events, [
    `inlookup: guard banned address=${NEAR} account=a@x seconds=600 failures=10`,
    `inlookup: guard unbanned address=${NEAR} account=a@x reason=expired`,
    `inlookup: guard banned address=${FAR} account="b\\nx@x" seconds=600 failures=10`,
    `inlookup: guard unbanned address=${FAR} account="b\\nx@x" reason=operator`,
  ]);
  world.lines.length = 0;
  await world.pass(60_000);
  for (let at = 0; at < 500; at++) await world.login("c@x", `203.0.${at >> 8}.${at & 255}`, "denied");
  assertEquals(world.lines.length, GUARD_LINES_MAX.slowed);
  await world.pass(60_000);
  await world.login("c@x", NEAR, "denied");
  assertEquals(world.lines[GUARD_LINES_MAX.slowed], "inlookup: guard suppressed lines=437");
});

Deno.test("new settings hold from the next login on", async () => {
  const world = new World();
  await world.times(5, "a@x", NEAR);
  world.guard.configure({ ...GUARD_DEFAULTS, accountfailures: 6, slowafter: 0 }, [tryParseNetwork("198.51.100.0/24")!]);
  await world.login("a@x", NEAR, "denied");
  assertEquals(await world.login("a@x", NEAR, "ok"), "refused");
  assertEquals(await world.times(50, "a@x", FAR), "denied");
  world.guard.configure({ ...GUARD_DEFAULTS, accountfailures: 0, addressfailures: 0, slowafter: 0 }, []);
  assertEquals(await world.times(50, "b@x", FAR), "denied");
});

Deno.test("whatever is tried, memory stays bounded, trusted clients are never refused and nothing waits in the end", async () => {
  for (const seed of [1, 2]) {
    const random = seededRandom(seed);
    const world = new World({ accountfailures: 2, addressfailures: 3, slowafter: 1 });
    const kinds = ["denied", "denied", "denied", "ok", "forbidden"] as const;
    const asked: Promise<unknown>[] = [];
    for (let at = 0; at < 60_000; at++) {
      const number = Math.floor(random() * 2 ** 32);
      const host = random() < 0.02
        ? "127.0.0.9"
        : `${number >>> 24 || 1}.${number >>> 16 & 255}.${number >>> 8 & 255}.${random() < 0.5 ? 1 : number & 255}`;
      const name = random() < 0.01 ? "x".repeat(10_000) + at : `u${Math.floor(random() * 40_000)}@x`;
      const secret = random() < 0.5 ? { secret: `${at & 7}` } : {};
      const login = world.login(name, host, kinds[Math.floor(random() * kinds.length)]!, secret);
      asked.push(host.startsWith("127.") ? login.then((kind) => assert(kind !== "refused", `seed ${seed}`)) : login);
      if (at % 100 === 0) {
        await Promise.all(asked.splice(0));
        await world.pass(Math.floor(random() * 5000));
      }
    }
    await Promise.all(asked);
    const { tallies, secrets, known, bans, gates, waiting } = world.guard.sizes;
    assert(tallies <= TALLIES_MAX && secrets <= TALLIES_MAX && known <= KNOWN_MAX && bans <= BANS_MAX, `seed ${seed}`);
    assertEquals([gates, waiting], [0, 0], `seed ${seed}`);
    assert(tallies > TALLIES_MAX / 2, `seed ${seed}: ${tallies}`);
    assert(world.lines.length < 60_000, `seed ${seed}`);
  }
});

Deno.test("above their number the oldest ban is given up", async () => {
  const world = new World({ accountfailures: 1 });
  for (let at = 0; at <= BANS_MAX; at++) {
    await world.login("a@x", `10.${at >> 16}.${at >> 8 & 255}.${at & 255}`, "denied");
  }
  assertEquals(world.guard.status().bansTotal, BANS_MAX);
  assertEquals(world.guard.status().bans.length, 1000);
});

Deno.test("networks hold their addresses and no others", () => {
  const table: [network: string, address: string, inside: boolean][] = [
    ["192.0.2.0/24", "192.0.2.255", true],
    ["192.0.2.0/24", "192.0.3.0", false],
    ["192.0.2.128/25", "192.0.2.127", false],
    ["192.0.2.1", "192.0.2.1", true],
    ["0.0.0.0/0", "203.0.113.1", true],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::ffff:192.0.2.0/120", "192.0.2.9", true],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["::/0", "::1", true],
  ];
  for (const [network, address, inside] of table) {
    assertEquals(inNetwork(clientKey(address)!.bytes, tryParseNetwork(network)!), inside, `${network} ${address}`);
  }
  for (const wrong of ["", "192.0.2.0/33", "192.0.2.0/", "192.0.2", "x", "::/129", "::ffff:192.0.2.0/95"]) {
    assertEquals(tryParseNetwork(wrong), undefined, wrong);
  }
  assertEquals(clientKey("2001:db8:1:2:3:4:5:6")?.key, "2001:db8:1:2::/64");
  assertEquals(clientKey("fe80::1%eth0")?.key, "fe80::/64");
  assertEquals(clientKey("unknown"), undefined);
});

Deno.test("control/loginguard and control/trustednets are read, and a line that makes no sense is named", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const read = () => {
      const control = new ControlFiles(directory);
      return [readGuardSettings(control), readTrustedNetworks(control).length] as const;
    };
    assertEquals(read(), [{ ...GUARD_DEFAULTS }, 2]);
    await Deno.writeTextFile(`${directory}/loginguard`, "# ours\nban: 60\naddressfailures:0\n");
    await Deno.writeTextFile(`${directory}/trustednets`, "");
    assertEquals(read(), [{ ...GUARD_DEFAULTS, ban: 60, addressfailures: 0 }, 0]);
    for (const line of ["bans:1", "ban:", "ban:-1", "ban:0", "ban 60", "ban:99999999", "toString:1"]) {
      await Deno.writeTextFile(`${directory}/loginguard`, `${line}\n`);
      assertMatch(assertThrows(read, Permanent).message, /loginguard/, line);
    }
    await Deno.writeTextFile(`${directory}/loginguard`, "");
    await Deno.writeTextFile(`${directory}/trustednets`, "10.0.0.0/8\nmail.example\n");
    assertMatch(assertThrows(read, Permanent).message, /trustednets: mail\.example/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
