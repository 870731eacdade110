/** Tests of bounce texts and messages. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import { type Bounce, type BounceSettings, formatBounce, formatBounceFailure, planBounce } from "./bounce.ts";
import { latin1Bytes, latin1Text } from "../core/bytes.ts";

const settings: BounceSettings = {
  program: "qmail-send",
  bounceFrom: "MAILER-DAEMON",
  bounceHost: "mx.example",
  bounceSubject: "failure notice",
  bounceBytesMax: 50000,
  doubleBounceTo: "postmaster",
  doubleBounceHost: "mx.example",
  doubleBounceSubject: "double failure notice",
};

function bounceOf(changes: Partial<Bounce> = {}): Bounce {
  const original = latin1Bytes("Subject: \xe9\n\nhello\n");
  return {
    plan: { kind: "single", sender: "", recipient: "joe@a.example" },
    settings,
    messageId: "123",
    arrivedMs: 1_000_000_000_000,
    failures: formatBounceFailure("x@b.example", "No such user (#5.1.1)") +
      formatBounceFailure("y@b.example", "Full\n"),
    originalSender: "joe@a.example",
    original,
    originalSizeBytes: original.length,
    atMs: 1_000_000_100_000,
    zoneMinutes: 0,
    ...changes,
  };
}

Deno.test("a failure text has no empty line but its last", () => {
  assertEquals(formatBounceFailure("a@b", "one\n\ntwo\n\n\nthree\n\n"), "<a@b>:\none\n/two\n/\nthree\n\n");
  assertEquals(formatBounceFailure("a\nb@c", ""), "<a_b@c>:\n/\n");
});

Deno.test("who is told follows from the sender", () => {
  assertEquals(planBounce("joe@a", settings), { kind: "single", sender: "", recipient: "joe@a" });
  assertEquals(planBounce("l-@a-@[]", settings), { kind: "single", sender: "", recipient: "l-@a" });
  assertEquals(planBounce("", settings), { kind: "double", sender: "#@[]", recipient: "postmaster@mx.example" });
  assertEquals(planBounce("", { ...settings, doubleBounceTo: "@" }), { kind: "discard", reason: "double bounce" });
  assertEquals(planBounce("", { ...settings, doubleBounceTo: "" }).kind, "discard");
  assertEquals(planBounce("#@[]", settings), { kind: "discard", reason: "triple bounce" });
});

Deno.test("a bounce has QSBMF text, delivery status and the message", () => {
  const text = latin1Text(formatBounce(bounceOf()));
  const boundary = /boundary="([^"]+)"/.exec(text)![1]!;
  const [head, plain, status, message, end] = text.split(`--${boundary}`);
  assert(head!.startsWith("Date: Sun, 9 Sep 2001 01:48:20 +0000\n"));
  assert(head!.includes("\nTo: joe@a.example\n"));
  assert(head!.includes("\nFrom: MAILER-DAEMON@mx.example\n"));
  assert(head!.includes("\nX-Bounced-Address: x@b.example\n"));
  assert(plain!.includes("\n\nHi. This is the qmail-send program at mx.example.\n"));
  assert(plain!.includes("\n\n<x@b.example>:\nNo such user (#5.1.1)\n\n<y@b.example>:\nFull\n\n---"));
  assert(status!.includes("\n\nFinal-Recipient: rfc822; x@b.example\nAction: failed\nStatus: 5.1.1\n"));
  assert(status!.includes("Final-Recipient: rfc822; y@b.example\nAction: failed\nStatus: 5.0.0\n"));
  assert(message!.endsWith("\n\nReturn-Path: <joe@a.example>\nSubject: \xe9\n\nhello\n\n"));
  assertEquals(end, "--\n");
});

Deno.test("a long message is cut and says so", () => {
  const text = latin1Text(formatBounce(bounceOf({
    settings: { ...settings, bounceBytesMax: 10 },
    originalSizeBytes: 5_000_000,
  })));
  assert(text.includes("\nReturn-Path: <joe@a.example>\nSubject: \xe9\n--- End of message stripped.\n"));
});

Deno.test("a double bounce has its own subject and paragraph, and both can be replaced", () => {
  const plan = planBounce("", settings);
  assert(plan.kind !== "discard");
  const text = latin1Text(formatBounce(bounceOf({ plan })));
  assert(text.includes("\nSubject: double failure notice\n"));
  assert(text.includes("\nTo: postmaster@mx.example\n"));
  const own = latin1Text(formatBounce(bounceOf({ settings: { ...settings, bounceMessage: "Sorry.\n" } })));
  assert(own.includes("\n\nSorry.\n\n<x@b.example>:\n"));
});
