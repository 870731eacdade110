/** Tests of Received lines. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import { formatQueueReceived, formatSmtpReceived } from "./received.ts";

const AT_MS = Date.UTC(2020, 5, 25, 8, 0, 9);
const when = { atMs: AT_MS, zoneMinutes: 0 };

Deno.test("qmail-queue tells its process, host and who called it", () => {
  assertEquals(
    formatQueueReceived({ pid: 7, host: "h.example", origin: { kind: "uid", uid: 1000 }, ...when }),
    "Received: indimail-mta queue 7 by host h.example\n (invoked by uid 1000); Thu, 25 Jun 2020 08:00:09 +0000\n",
  );
  assertEquals(
    formatQueueReceived({ pid: 7, origin: { kind: "network", remoteIp: "::1", uid: 5 }, ...when }),
    "Received: indimail-mta queue 7 (invoked from network ::1 by uid 5); Thu, 25 Jun 2020 08:00:09 +0000\n",
  );
  assert(formatQueueReceived({ pid: 7, origin: { kind: "alias" }, ...when }).includes("(invoked by alias)"));
  assert(formatQueueReceived({ pid: 7, origin: { kind: "bounce" }, ...when }).includes("(invoked for bounce)"));
});

Deno.test("the SMTP server tells the peer's name, greeting and address", () => {
  const peer = { remoteIp: "192.0.2.1", localHost: "mx.example", protocol: "ESMTPS", ...when };
  assertEquals(
    formatSmtpReceived({ ...peer, remoteHost: "unknown", helo: "me", remoteInfo: "joe", tls: "TLSv1.3 X" }),
    "Received: from unknown (HELO me) (joe@192.0.2.1)\n" +
      "  by mx.example with ESMTPS (TLSv1.3 X); Thu, 25 Jun 2020 08:00:09 +0000\n",
  );
  assert(!formatSmtpReceived({ ...peer, remoteHost: "a.example", helo: "A.example" }).includes("HELO"));
});

Deno.test("a peer cannot break the line, whatever it says", () => {
  const line = formatSmtpReceived({
    remoteHost: "unknown",
    remoteIp: "192.0.2.1",
    helo: `x)\r\nBcc: all\0${"y".repeat(1000)}`,
    localHost: "mx",
    protocol: "SMTP",
    ...when,
  });
  assertEquals(line.split("\n").length, 3);
  assert(line.includes("(HELO x???Bcc: all?y"));
  assert(line.length < 500);
});
