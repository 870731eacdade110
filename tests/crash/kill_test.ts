/**
 * kill -9 of any role at any moment loses no accepted mail: roles are killed at random while messages come in, for local
 * users and for another host; in the end each accepted id must have been delivered at least once, to local users exactly
 * once, and without waiting for the schedule's retries. Doubles are counted and printed. KILLS and SEED repeat a run.
 */
import { assert, assertEquals } from "../support/assert.ts";
import { campaignRounds } from "../support/campaign.ts";
import { Installation, pause } from "../support/installation.ts";
import { sendMessage } from "../support/smtp_client.ts";
import { startSmtpSink } from "../support/smtp_sink.ts";

const KILLS = Number(Deno.env.get("KILLS") ?? campaignRounds({ gate: 25, long: 200 }));
const SENDERS = 8;
const SEED = Number(Deno.env.get("SEED") ?? Math.floor(Math.random() * 1_000_000));
const USERS = 5;
/** How long nothing more need arrive before what is missing counts as lost; the schedule's first retry comes after 100 s. */
const SETTLE_MS = 60_000;
const LOOK_AGAIN_MS = 200;

/** A small generator of numbers from 0 to below 1 that a seed repeats. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

interface RoleStatus {
  readonly name: string;
  readonly state: string;
  readonly pid: number;
}

async function rolesOf(installation: Installation): Promise<RoleStatus[]> {
  const status = JSON.parse(await installation.must("indimail", ["status", "--json"]));
  return status.roles;
}

/** How often each id stands in the Maildirs of the users. */
async function deliveredIds(homes: readonly string[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const home of homes) {
    for (const folder of ["new", "cur"]) {
      for await (const entry of Deno.readDir(`${home}/Maildir/${folder}`)) {
        const text = await Deno.readTextFile(`${home}/Maildir/${folder}/${entry.name}`);
        count(counts, text);
      }
    }
  }
  return counts;
}

function count(counts: Map<string, number>, text: string): void {
  const id = /^X-Test-Id: (\S+)$/m.exec(text.replaceAll("\r", ""))?.[1];
  if (id) counts.set(id, (counts.get(id) ?? 0) + 1);
}

/** Waits until all of these have come, however long the queue is, as long as some do; throws which have not. */
async function arrival(ids: readonly string[], counts: () => Promise<Map<string, number>>) {
  for (let [left, sinceMs] = [ids.length, Date.now()];;) {
    const now = await counts();
    const missing = ids.filter((id) => !now.has(id));
    if (missing.length === 0) return now;
    if (missing.length < left) [left, sinceMs] = [missing.length, Date.now()];
    if (Date.now() - sinceMs > SETTLE_MS) {
      throw new Error(`${left} of ${ids.length} accepted messages are missing: ${missing.slice(0, 10)}`);
    }
    await pause(LOOK_AGAIN_MS);
  }
}

Deno.test(`no accepted mail is lost when roles are killed ${KILLS} times under load`, async () => {
  console.log(`      seed ${SEED}`);
  const random = seeded(SEED);
  await using sink = startSmtpSink();
  await using installation = await Installation.start({
    async prepare(root) {
      await Deno.mkdir(`${root}/etc/indimail/control`, { recursive: true });
      await Deno.writeTextFile(`${root}/etc/indimail/control/smtproutes`, `away.test:127.0.0.1:${sink.port}\n`);
    },
  });
  await Deno.writeTextFile(`${installation.root}/etc/indimail/control/rcpthosts`, "away.test\n", { append: true });
  const homes: string[] = [];
  for (let user = 0; user < USERS; user++) {
    await installation.addUser(`u${user}`, "secret");
    const shown = await installation.must("vuserinfo", ["-d", `u${user}@example.test`]);
    homes.push(/(\/\S+)/.exec(shown)![1]!);
  }
  Deno.kill(installation.pid, "SIGHUP");
  const accepted = new Set<string>();
  const away = new Set<string>();
  let sent = 0;
  let unknown = 0;
  let refused = 0;
  let stopping = false;
  const sender = async (number: number) => {
    while (!stopping) {
      const id = `${number}-${sent++}`;
      const isAway = sent % 4 === 0;
      if (isAway) away.add(id);
      const end = await sendMessage({
        port: installation.ports.smtp,
        sender: `from@example.test`,
        recipient: isAway ? "x@away.test" : `u${sent % USERS}@example.test`,
        text: `X-Test-Id: ${id}\nSubject: test\n\n${"line of text\n".repeat(1 + (sent % 7) * 30)}`,
      });
      if (end.kind === "accepted") accepted.add(id);
      else if (end.kind === "unknown") unknown++;
      else {
        refused++;
        await pause(20);
      }
    }
  };
  const senders = Array.from({ length: SENDERS }, (_, number) => sender(number));
  const killed = new Map<string, number>();
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(100 + random() * 500);
    const roles = (await rolesOf(installation)).filter(({ name, state }) => name !== "supervisor" && state === "up");
    const role = roles[Math.floor(random() * roles.length)];
    if (!role) continue;
    try {
      Deno.kill(role.pid, "SIGKILL");
      killed.set(role.name, (killed.get(role.name) ?? 0) + 1);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it was down already, and is started again
    }
  }
  await pause(2000);
  stopping = true;
  await Promise.all(senders);
  assert(accepted.size > 100, `only ${accepted.size} of ${sent} messages were accepted:\n${installation.output}`);
  const countAway = () => {
    const counts = new Map<string, number>();
    for (const { data } of sink.messages) count(counts, data);
    return counts;
  };
  await arrival([...accepted].filter((id) => away.has(id)), () => Promise.resolve(countAway()));
  const local = await arrival([...accepted].filter((id) => !away.has(id)), () => deliveredIds(homes));
  const doubled = (counts: Map<string, number>) => [...counts.values()].filter((times) => times > 1).length;
  console.log(
    `      ${sent} sent, ${accepted.size} accepted, ${refused} refused, ${unknown} unknown; ` +
      `killed ${[...killed].map(([name, times]) => `${name} ${times}`).join(", ")}; ` +
      `doubled: ${doubled(local)} local, ${doubled(countAway())} away`,
  );
  assertEquals(doubled(local), 0, "local deliveries are idempotent");
});
