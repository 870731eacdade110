/** SMTP logs: each kind of line, IndiMail's and ours, sums worked out by hand, and any bytes. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { assert, assertEquals } from "../../../tests/support/assert.ts";
import { seededRandom } from "../../../tests/support/mail_log.ts";
import { domainOf, type MessageEvent, tryParseSmtpLine, trySpamicity } from "./smtp_log.ts";
import { readSmtpLog } from "./smtp_report.ts";
import { acceptedTally, clientTally, refusalTally, type SmtpTally } from "./smtp_tallies.ts";
import { spamDomainTally, SpamicityHistogram, verdictTally } from "./spam_tallies.ts";

const LOG = `100 tcpserver: status: 1/40
100 tcpserver: pid 11 from 192.0.2.1
101 qmail-smtpd: pid 11 from 192.0.2.1 HELO <a.example> MAIL from: <joe@A.example> RCPT <x@b.example> AUTH <joe> Size: 2000 X-Bogosity: Yes, spamicity=0.95
103 qmail-smtpd: pid 11 from 192.0.2.1 HELO <a.example> MAIL from: <> RCPT <y@c.example> Size: 500 X-Bogosity: No, spamicity=0.05
103 tcpserver: end 11 status 0
104 tcpserver: pid 12 from 192.0.2.2
106 qmail-smtpd: pid 12 from 192.0.2.2 Invalid RELAY client: MAIL from: <s@d.example> RCPT <z@far.example>
106 tcpserver: end 12 status 256
107 tcpserver: pid 13 from 192.0.2.2
108 tcpserver: end 13 status 0
2026-11-23T04:00:00.000Z network: indimail-smtpd: pid 14 from ::1 HELO <h> MAIL from <m@e.example> RCPT <x@b.example> RCPT <y@c.example> Size: 100 id=a queueID=b
2026-11-23T04:00:00.500Z network: indimail-smtpd: pid 14 from ::1 HELO <h> MAIL from <m@e.example> refused: 550 5.1.1 no such user: RCPT TO:<q@b.example>
`;

async function rowsOf(tally: SmtpTally): Promise<string[]> {
  let bytes: Uint8Array | undefined = latin1Bytes(LOG);
  await readSmtpLog({
    read(into) {
      if (!bytes) return Promise.resolve(null);
      into.set(bytes);
      const { length } = bytes;
      bytes = undefined;
      return Promise.resolve(length);
    },
  }, [tally]);
  return tally.rows().map((row) => row.join(" "));
}

Deno.test("clients, refusals, domains and addresses add up as worked out by hand", async () => {
  assertEquals(await rowsOf(clientTally()), [
    "2500 3.00 0 2 1 2 0 192.0.2.1", // 1 s and 2 s
    "0 2.00 1 1 0 0 1 192.0.2.2",
    "100 0.50 0 2 0 1 1 ::1",
    "2600 5.50 1 5 1 3 2 Total",
  ]);
  assertEquals(await rowsOf(refusalTally()), ["1 2.00 Invalid_RELAY_client", "1 0.50 550_5.1.1_no_such_user"]);
  assertEquals(await rowsOf(acceptedTally(({ sender }) => [domainOf(sender)])), [
    "2000 1.00 1 1 a.example",
    "500 2.00 1 0 <>",
    "100 0.00 1 0 e.example",
    "2600 3.00 3 1 Total",
  ]);
  assertEquals(await rowsOf(acceptedTally(({ recipients }) => recipients)), [
    "2100 1.00 2 1 x@b.example",
    "600 2.00 2 0 y@c.example",
    "2700 3.00 4 1 Total",
  ]);
});

Deno.test("spam is counted by domain and verdict", async () => {
  assertEquals(await rowsOf(spamDomainTally(({ recipients }) => recipients.map(domainOf))), [
    "2000 1 2100 3 b.example", // the refused one counts as a message
    "0 0 600 2 c.example",
    "0 0 0 1 far.example",
    "2000 1 2700 6 Total",
  ]);
  assertEquals(await rowsOf(verdictTally(({ recipients }) => recipients.map(domainOf))), [
    "2000 1 1 (100.00) 0 (0.00) 0 (0.00) b.example",
    "500 1 0 (0.00) 0 (0.00) 1 (100.00) c.example",
    "2500 2 1 (50.00) 0 (0.00) 1 (50.00) Total",
  ]);
});

Deno.test("spamicities fall into tenths, upper ends included", () => {
  const histogram = new SpamicityHistogram();
  for (const spamicity of [0, 0.1, 0.1000001, 0.5, 0.95, 1, 1.5, -1]) histogram.add(spamicity);
  const counts = histogram.rows().map(([end, , count]) => `${end} ${count}`);
  const expected = ["0.10 3", "0.20 1", "0.30 0", "0.40 0", "0.50 1", "0.60 0", "0.70 0", "0.80 0", "0.90 0", "1.00 3"];
  assertEquals(counts, [...expected, "Total 8"]);
  assertEquals(histogram.rows()[0]?.[1], `${"x".repeat(12)}${".".repeat(18)}`); // 3 of 8 of 30 marks, rounded up
  assertEquals(trySpamicity("1 bogofilter: X-Bogosity: Ham, spamicity=0.123456, version=1"), 0.123456);
  assertEquals(trySpamicity("spamicity=x"), undefined);
});

Deno.test("a refusal is told by the words before its colon; a filter's line needs no address", () => {
  const event = (text: string) => tryParseSmtpLine(`1 ${text}`) as MessageEvent;
  assertEquals(event("qmail-smtpd: pid 5 from 192.0.2.9 qqt failure").reason, "qqt failure");
  assertEquals(event("qmail-smtpd: pid 5 from 192.0.2.9 ETRN").accepted, true);
  const filtered = event(
    "qmail-local: pid 5 MAIL from <a@b.example> RCPT <c@d.example> Size: 10 X-Bogosity: Unsure, x",
  );
  assertEquals([filtered.verdict, filtered.sender, filtered.bytes], ["unsure", "a@b.example", 10] as never);
  assertEquals(tryParseSmtpLine("1 tcpserver: ok 5 a:1 b:2"), undefined);
});

Deno.test("any bytes are some line or none, never an exception", () => {
  const random = seededRandom(21);
  const seeds = LOG.split("\n");
  for (let round = 0; round < 10_000; round++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 60) }, () => Math.floor(random() * 256));
    const base = seeds[Math.floor(random() * seeds.length)] ?? "";
    const at = Math.floor(random() * base.length);
    const event = tryParseSmtpLine(base.slice(0, at) + latin1Text(bytes) + base.slice(at));
    assert(event === undefined || typeof event.pid === "string");
  }
});
