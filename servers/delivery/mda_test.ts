/** MDA of vfilter: another program delivers what no rule decides, as vdelivermail would be called [man vfilter.8]. */
import { latin1Bytes } from "../../core/bytes.ts";
import { createLogger } from "../../core/log.ts";
import { systemClock } from "../../core/proc.ts";
import type { FilterRule } from "../../mail/filter/rules.ts";
import type { Account, DeliveryTarget, Lookup } from "../../storage/accounts/lookup_types.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { realDisk } from "../../storage/disk.ts";
import type { SubmissionClient } from "../../storage/queue/submission.ts";
import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { spawnForTests } from "../../tests/support/spawn.ts";
import type { DeliveryContext, DeliveryJob } from "./context.ts";
import { DotQmailFiles } from "./dotqmail_files.ts";
import { memoryMessage } from "./message.ts";
import { programRunner } from "./program.ts";
import { deliverVirtual } from "./virtual_delivery.ts";

const RULE: FilterRule = {
  address: "joe@example.com",
  number: 0,
  name: "list",
  header: 2, // Subject
  comparison: 0,
  keyword: "dropped",
  destination: "/NoDeliver",
  bounceAction: "0",
};

function job(subject: string): DeliveryJob {
  return {
    message: memoryMessage(latin1Bytes(`Subject: ${subject}\n\nbody\n`)),
    messageId: "77",
    deliveryId: "J1Q2R0",
    arrivedMs: 1_700_000_000_000,
    sender: "a@example.org",
    extraHeader: "",
    environmentHeaders: "",
    mayBeRepeat: false,
  };
}

Deno.test("vfilter's MDA gets what no rule decides, with vdelivermail's arguments, and its end counts", async () => {
  const home = await Deno.makeTempDir({ prefix: "mda." });
  try {
    const account: Account = {
      address: "joe@example.com",
      uid: 1,
      gid: 1,
      flags: 0,
      gecos: "",
      home,
      quota: "NOQUOTA",
      inactive: false,
    };
    const lookup: Pick<Lookup, "delivery" | "filterRules"> = {
      delivery: (address): Promise<DeliveryTarget> =>
        Promise.resolve(
          address === account.address ? { kind: "found", account, aliasLines: [] } : { kind: "absent" },
        ),
      filterRules: () => Promise.resolve([RULE]),
    };
    const context: DeliveryContext = {
      disk: realDisk,
      clock: systemClock,
      log: createLogger(() => Promise.resolve()),
      control: new ControlFiles(home),
      lookup: lookup as Lookup,
      queue: { open: () => Promise.reject(new Error("no queue")), close() {} } satisfies SubmissionClient,
      dotQmail: new DotQmailFiles(() => Date.now()),
      runProgram: programRunner({ spawn: spawnForTests, env: { get: () => undefined, all: () => ({}) } }, home),
      sendRouted: () => Promise.reject(new Error("no route")),
      hostName: "mail.example.com",
      pid: 42,
      uid: Deno.uid() ?? 0,
      defaultDelivery: "./Maildir/",
    };
    const script = `${home}/agent`;
    await Deno.writeTextFile(
      script,
      `#!/bin/sh\necho "$# [$1] [$2] $EXT"\ncat >>"$HOME/got"\nexit "$(cat "$HOME/code")"\n`,
      { mode: 0o755 },
    );
    const deliver = async (subject: string, to: { readonly address: string; readonly code: number }) => {
      await Deno.writeTextFile(`${home}/code`, `${to.code}\n`);
      const outcome = await deliverVirtual(context, job(subject), {
        address: to.address,
        fallback: "it's@example.net",
        filtered: true,
        mda: script,
        environment: () => ({ HOME: home, EXT: to.address, PATH: "/usr/bin:/bin" }),
      });
      return outcome.report;
    };
    const called = (address: string) => `2 [] [it's@example.net] ${address}\n`;
    assertEquals(await deliver("one", { address: "joe@example.com", code: 0 }), {
      kind: "done",
      text: `${called("joe@example.com")}did 0+0+1\n`,
    });
    assertEquals(await deliver("dropped", { address: "joe@example.com", code: 0 }), {
      kind: "done",
      text: "did 0+0+0\n",
    });
    assertEquals((await deliver("two", { address: "nobody@example.com", code: 0 })).kind, "done");
    assertEquals((await deliver("three", { address: "joe@example.com", code: 111 })).kind, "temporary");
    assertEquals((await deliver("four", { address: "joe@example.com", code: 100 })).kind, "permanent");
    const got = await Deno.readTextFile(`${home}/got`);
    assertMatch(got, /^Subject: one\n\nbody\nSubject: two\n\nbody\nSubject: three\n\nbody\nSubject: four\n\nbody\n$/);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
