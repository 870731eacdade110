/** The DNS programs, as processes, against a DNS server of the test. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { type FakeReply, startFakeDns } from "../support/dns.ts";

const MAIN = new URL("../../main.ts", import.meta.url).pathname;
const NAME_ERROR: FakeReply = { rcode: 3 };
const FAILURE: FakeReply = { rcode: 2 };

/** Answers by `TYPE name`; a name without any row does not exist. */
const ZONE: Readonly<Record<string, FakeReply>> = {
  "MX example.test": {
    answers: [
      { type: "MX", name: "example.test", ttl: 9, data: { preference: 20, exchange: "b.test" } },
      { type: "MX", name: "example.test", ttl: 9, data: { preference: 10, exchange: "a.test" } },
      { type: "MX", name: "example.test", ttl: 9, data: { preference: 30, exchange: "broken.test" } },
    ],
  },
  "A a.test": { answers: [{ type: "A", name: "a.test", ttl: 9, data: "192.0.2.1" }] },
  "AAAA a.test": { answers: [{ type: "AAAA", name: "a.test", ttl: 9, data: "2001:db8::1" }] },
  "A b.test": { answers: [{ type: "A", name: "b.test", ttl: 9, data: "192.0.2.2" }] },
  "A broken.test": FAILURE,
  "AAAA broken.test": FAILURE,
  "MX broken.test": FAILURE,
  "CNAME broken.test": FAILURE,
  "TXT broken.test": FAILURE,
  "MX null.test": { answers: [{ type: "MX", name: "null.test", ttl: 9, data: { preference: 0, exchange: "." } }] },
  "PTR 1.2.0.192.in-addr.arpa": {
    answers: [
      { type: "PTR", name: "1.2.0.192.in-addr.arpa", ttl: 9, data: "one.test" },
      { type: "PTR", name: "1.2.0.192.in-addr.arpa", ttl: 9, data: "first.test" },
    ],
  },
  "PTR 9.2.0.192.in-addr.arpa": FAILURE,
  "CNAME www.test": { answers: [{ type: "CNAME", name: "www.test", ttl: 9, data: "a.test" }] },
  "TXT texts.test": {
    answers: [
      { type: "TXT", name: "texts.test", ttl: 9, data: ["v=spf1 ", "-all"] },
      { type: "TXT", name: "texts.test", ttl: 9, data: ["x"] },
    ],
  },
};

function reply(name: string, type: string): FakeReply {
  const row = ZONE[`${type} ${name}`];
  if (row) return row;
  return Object.keys(ZONE).some((key) => key.endsWith(` ${name}`)) ? {} : NAME_ERROR;
}

async function run(port: number, ...args: string[]): Promise<{ code: number; out: string; said: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-net", "--unstable-worker-options", MAIN, ...args],
    env: { DNSCACHEIP: `127.0.0.1:${port}` },
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), said: decoder.decode(stderr) };
}

Deno.test("each program prints what the server has, and tells nothing from not now", async () => {
  const server = startFakeDns(reply);
  const rows: [command: string, code: number, out: string][] = [
    ["dnsip a.test", 0, "192.0.2.1\n2001:db8::1\n"],
    ["dnsip none.test", 100, ""],
    ["dnsip broken.test", 111, ""],
    ["dnsmxip example.test", 0, "a.test 192.0.2.1 10\na.test 2001:db8::1 10\nb.test 192.0.2.2 20\n"],
    ["dnsmxip a.test", 0, "a.test 192.0.2.1 0\na.test 2001:db8::1 0\n"],
    ["dnsmxip null.test", 100, ""],
    ["dnsmxip none.test", 100, ""],
    ["dnsmxip broken.test", 111, ""],
    ["dnsptr 192.0.2.1", 0, "one.test\nfirst.test\n"],
    ["dnsptr 192.0.2.77", 100, ""],
    ["dnsptr 192.0.2.9", 111, ""],
    ["dnsfq a.test", 0, "one.test\nfirst.test\n"],
    ["dnsfq b.test", 100, ""],
    ["dnsfq broken.test", 111, ""],
    ["dnscname www.test", 0, "a.test\n"],
    ["dnscname a.test", 0, "a.test\n"],
    ["dnscname none.test", 100, ""],
    ["dnscname broken.test", 111, ""],
    ["dnstxt texts.test", 0, "v=spf1 -all\nrecord length 11\nx\nrecord length 1\n"],
    ["dnstxt a.test", 100, ""],
    ["dnstxt broken.test", 111, ""],
  ];
  try {
    for (const [command, code, out] of rows) {
      const got = await run(server.port, ...command.split(" "));
      assertEquals([command, got.code, got.out], [command, code, out]);
      assertMatch(got.said, code === 0 ? /^$/ : code === 100 ? /fatal: hard error: / : /fatal: soft error: .*SERVFAIL/);
    }
  } finally {
    await server.close();
  }
});
