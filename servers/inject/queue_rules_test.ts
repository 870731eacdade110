/** Tests of qmail-queue's rules by control files. */
import { Permanent } from "../../core/errors.ts";
import { ControlFiles } from "../../storage/control/control.ts";
import { assert, assertEquals, assertThrows } from "../../tests/support/assert.ts";
import { applyRules, filterHeader, type QueueRules, readQueueRules } from "./queue_rules.ts";

function rules(files: Record<string, string>, env: Record<string, string> = {}): QueueRules {
  const folder = Deno.makeTempDirSync();
  try {
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${folder}/${name}`, text);
    const control = new ControlFiles(folder);
    return readQueueRules({ control, env: (name) => env[name] });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const envelope = { sender: "s@x.example", recipients: ["a@b.example", "c@d.example"] };

Deno.test("without control files nothing changes", () => {
  const none = rules({});
  assertEquals(applyRules(envelope, none).recipients, envelope.recipients);
  assertEquals([none.addedField, none.extraHeader], ["", ""]);
});

Deno.test("quarantine replaces the recipients and tells who they were", () => {
  const queued = applyRules(envelope, rules({ quarantine: "q@x.example\n" }));
  assertEquals(queued.recipients, ["q@x.example"]);
  assertEquals(queued.extraHeader, "X-Quarantine-ID: a@b.example,c@d.example\n");
  assertEquals(applyRules(envelope, rules({ quarantine: "q" }, { QUARANTINE: "r@x" })).recipients, ["r@x"]);
});

Deno.test("extraqueue adds recipients, and the variable overrides the file", () => {
  assertEquals(applyRules(envelope, rules({ extraqueue: "x@y\nz@y\n" })).recipients.slice(2), ["x@y", "z@y"]);
  assertEquals(applyRules(envelope, rules({ extraqueue: "x@y" }, { EXTRAQUEUE: "v@y" })).recipients.slice(2), ["v@y"]);
});

Deno.test("mailarchive copies by sender or recipient, each copy once", () => {
  const archived = (lines: string, sender = "s@x.example") =>
    applyRules({ ...envelope, sender }, rules({ mailarchive: lines })).recipients.slice(2);
  assertEquals(archived("::%u@arch%d\n"), ["a@archb.example"]);
  assertEquals(archived("T:d\\.example$:copy@x\nF:^s@:copy@x\n"), ["copy@x"]);
  assertEquals(archived("F:<>:bounces@x\n", ""), ["bounces@x"]);
  assertEquals(archived("F:!^s@:others@x\n"), []);
  assertThrows(() => rules({ mailarchive: "F:(:x@y\n" }), Permanent, "mailarchive");
});

Deno.test("fields are removed and exported by name, with a limit on their length", () => {
  const both = rules({ removeheaders: "X-Secret\n", envheaders: "Subject:10\nX-Long:3\n" });
  const { header, environmentHeaders } = filterHeader(
    "x-secret: 1\n\tmore\nSubject: hi\n there\nX-Long: 12345\n",
    both,
  );
  assertEquals(header, "Subject: hi\n there\nX-Long: 12345\n");
  assertEquals(environmentHeaders, "Subject: hi there\n");
});

Deno.test("the client's address is added for who may relay; FASTQUEUE skips control files", () => {
  const env = { TCPREMOTEIP: "192.0.2.1", RELAYCLIENT: "" };
  assertEquals(rules({ originipfield: "X-From-IP" }, env).addedField, "X-From-IP: 192.0.2.1\n");
  assertEquals(rules({ originipfield: "1" }, env).addedField, "X-Originating-IP: 192.0.2.1\n");
  assertEquals(rules({ originipfield: "1" }, { TCPREMOTEIP: "192.0.2.1" }).addedField, "");
  assert(rules({ quarantine: "q@x" }, { FASTQUEUE: "" }).quarantine === undefined);
  assertEquals(rules({}, { QQEH: "X-A: 1" }).extraHeader, "X-A: 1\n");
});
