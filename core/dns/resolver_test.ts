/** The resolver against a DNS server of the test on a loopback port. */
import { assert, assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { type FakeReply, startFakeDns } from "../../tests/support/dns.ts";
import { createResolver } from "./resolver.ts";
import { parseHosts, parseResolvConf, parseServer, resolveAddresses, reverseName } from "./system.ts";
import { networkTransport } from "./transport.ts";

async function withServer(
  reply: (name: string, type: string) => FakeReply,
  test: (ask: ReturnType<typeof createResolver>, asked: string[], clock: { ms: number }) => Promise<void>,
): Promise<void> {
  const server = startFakeDns(reply);
  const clock = { ms: 0 };
  const resolver = createResolver({
    servers: [{ host: "127.0.0.1", port: server.port }],
    transport: networkTransport,
    timeoutMs: 200,
    attempts: 1,
    nowMs: () => clock.ms,
  });
  try {
    await test(resolver, server.asked, clock);
  } finally {
    await server.close();
  }
}

Deno.test("mail exchangers come with their preference, and are kept for their time to live", async () => {
  const reply: FakeReply = {
    answers: [
      { type: "MX", name: "example.com", ttl: 60, data: { preference: 20, exchange: "b.example.com" } },
      { type: "MX", name: "EXAMPLE.com", ttl: 30, data: { preference: 10, exchange: "a.example.com" } },
    ],
  };
  await withServer(() => reply, async (dns, asked, clock) => {
    const answer = await dns.resolve("Example.COM.", "MX");
    assert(answer.kind === "found");
    assertEquals(answer.values, [{ preference: 20, exchange: "b.example.com" }, {
      preference: 10,
      exchange: "a.example.com",
    }]);
    assertEquals(answer.ttlSeconds, 30);
    await dns.resolve("example.com", "MX");
    assertEquals(asked.length, 1);
    clock.ms = 31_000;
    await dns.resolve("example.com", "MX");
    assertEquals(asked.length, 2);
  });
});

Deno.test("SERVFAIL and REFUSED are failures, NXDOMAIN and no data are not", async () => {
  const replies: Record<string, FakeReply> = {
    "servfail.test": { rcode: 2 },
    "refused.test": { rcode: 5 },
    "nxdomain.test": { rcode: 3 },
    "nodata.test": {},
  };
  await withServer((name) => replies[name]!, async (dns) => {
    const failed = await dns.resolve("servfail.test", "A");
    assert(failed.kind === "failed");
    assertMatch(failed.text, /A of servfail.test: 127.0.0.1: reply code SERVFAIL/);
    assertEquals((await dns.resolve("refused.test", "A")).kind, "failed");
    assertEquals(await dns.resolve("nxdomain.test", "A"), { kind: "none", nameExists: false, authentic: false });
    assertEquals(await dns.resolve("nodata.test", "A"), { kind: "none", nameExists: true, authentic: false });
  });
});

Deno.test("a server that is silent makes a failure that names it", async () => {
  await withServer(() => ({ silent: true }), async (dns) => {
    const answer = await dns.resolve("example.com", "A");
    assert(answer.kind === "failed");
    assertMatch(answer.text, /no reply from 127.0.0.1 in 200 ms/);
  });
});

Deno.test("a truncated reply is asked for again by TCP", async () => {
  const answers = Array.from(
    { length: 60 },
    (_, at) => ({ type: "A", name: "big.test", ttl: 5, data: `192.0.2.${at}` }) as const,
  );
  await withServer(() => ({ truncated: true, answers }), async (dns, asked) => {
    const answer = await dns.resolve("big.test", "A");
    assert(answer.kind === "found");
    assertEquals(answer.values.length, 60);
    assertEquals(asked, ["udp A big.test", "tcp A big.test"]);
  });
});

Deno.test("CNAMEs are followed within a reply and across replies, and the AD bit is told", async () => {
  await withServer((name) =>
    name === "www.test"
      ? {
        authentic: true,
        answers: [
          { type: "CNAME", name: "www.test", ttl: 60, data: "host.test" },
          { type: "A", name: "host.test", ttl: 60, data: "192.0.2.7" },
        ],
      }
      : name === "far.test"
      ? { answers: [{ type: "CNAME", name: "far.test", ttl: 60, data: "near.test" }] }
      : { answers: [{ type: "A", name: "near.test", ttl: 60, data: "192.0.2.8" }] }, async (dns) => {
    const answer = await dns.resolve("www.test", "A");
    assert(answer.kind === "found");
    assertEquals([answer.values, answer.name, answer.authentic], [["192.0.2.7"], "host.test", true]);
    const far = await dns.resolve("far.test", "A");
    assert(far.kind === "found");
    assertEquals(far.values, ["192.0.2.8"]);
  });
});

Deno.test("a CNAME loop ends in a failure", async () => {
  await withServer((name) => ({
    answers: [{ type: "CNAME", name, ttl: 1, data: name === "a.test" ? "b.test" : "a.test" }],
  }), async (dns) => {
    assertEquals((await dns.resolve("a.test", "A")).kind, "failed");
  });
});

Deno.test("the same question asked many times at once goes out once", async () => {
  await withServer(
    () => ({ answers: [{ type: "TXT", name: "t.test", ttl: 0, data: ["a", "b"] }] }),
    async (dns, asked) => {
      const answers = await Promise.all(Array.from({ length: 20 }, () => dns.resolve("t.test", "TXT")));
      assertEquals(asked.length, 1);
      const [first] = answers;
      assert(first?.kind === "found");
      assertEquals(first.values, ["ab"]);
    },
  );
});

Deno.test("impossible names are not asked for", async () => {
  await withServer(() => ({}), async (dns, asked) => {
    for (const name of ["", "a..b", "x".repeat(64), "a b.c", `${"a.".repeat(130)}b`]) {
      assertEquals((await dns.resolve(name, "A")).kind, "none", name);
    }
    assertEquals(asked, []);
  });
});

Deno.test("an address in place of a name is itself", async () => {
  await withServer(() => ({ rcode: 2 }), async (dns) => {
    assertEquals(await resolveAddresses(dns, "192.0.2.1"), { kind: "found", addresses: ["192.0.2.1"] });
    assertEquals((await resolveAddresses(dns, "host.test")).kind, "failed");
  });
});

Deno.test("resolv.conf, hosts and reverse names are read as they are written", () => {
  assertEquals(
    parseResolvConf("# x\nnameserver 192.0.2.1\nnameserver 2001:db8::1 ; y\noptions timeout:2 attempts:9\n"),
    {
      servers: [{ host: "192.0.2.1", port: 53 }, { host: "2001:db8::1", port: 53 }],
      timeoutMs: 2000,
      attempts: 5,
    },
  );
  assertEquals(parseServer("[2001:db8::1]:5353"), { host: "2001:db8::1", port: 5353 });
  assertEquals(parseServer("127.0.0.1:5353"), { host: "127.0.0.1", port: 5353 });
  assertEquals(parseHosts("127.0.0.1 localhost me # x\n::1 localhost\n").get("localhost"), ["127.0.0.1", "::1"]);
  assertEquals(reverseName("192.0.2.1"), "1.2.0.192.in-addr.arpa");
  assertEquals(
    reverseName("2001:db8::567:89ab"),
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
});
