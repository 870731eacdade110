/** Tests of the queue daemon's control files. */
import { Permanent } from "../../core/errors.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { readQueueSettings } from "./settings.ts";

function withControl(files: Record<string, string>, run: (control: ControlFiles) => void): void {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    run(new ControlFiles(folder));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("without control files but me, the defaults of the manual page hold", () => {
  withControl({ me: "mx.example\n" }, (control) => {
    const settings = readQueueSettings(control, "queue1");
    assertEquals(settings.concurrency, { local: 10, remote: 20 });
    assertEquals([settings.lifetimeMs, settings.bounceLifetimeMs], [604_800_000, 604_800_000]);
    assert(settings.tables.locals.has("mx.example"));
    assertEquals(settings.bounce.doubleBounceTo, "postmaster");
    assertEquals(settings.bounce.bounceHost, "mx.example");
  });
});

Deno.test("a queue's own concurrency wins, and a held channel has none", () => {
  withControl({ me: "mx", concurrencyremote: "5", "concurrencyr.queue2": "7", holdlocal: "1" }, (control) => {
    assertEquals(readQueueSettings(control, "queue2").concurrency, { local: 0, remote: 7 });
    assertEquals(readQueueSettings(control, "queue1").concurrency, { local: 0, remote: 5 });
    assert(readQueueSettings(control, "queue1").held);
  });
});

Deno.test("bounces live no longer than other mail; an empty doublebounceto discards", () => {
  withControl({ me: "mx", queuelifetime: "100", bouncelifetime: "1000", doublebounceto: "\n" }, (control) => {
    const settings = readQueueSettings(control, "queue1");
    assertEquals(settings.bounceLifetimeMs, 100_000);
    assertEquals(settings.bounce.doubleBounceTo, "");
  });
});

Deno.test("a number that is none names its file; a missing me is refused", () => {
  withControl({ me: "mx", queuelifetime: "week" }, (control) => {
    assertThrows(() => readQueueSettings(control, "queue1"), Permanent, "queuelifetime");
  });
  withControl({}, (control) => assertThrows(() => readQueueSettings(control, "queue1"), Permanent, "me"));
});
