/** smtproutes, exchangers and penalties. */
import { assertEquals, assertMatch } from "../../tests/support/assert.ts";
import { fakeResolver, type FakeZone } from "../../tests/support/dns.ts";
import { findExchangers, findRelay } from "./exchangers.ts";
import { Penalties, PENALTY_MS, TOLERANCE_MS } from "./penalties.ts";
import { parseRoute, SmtpRoutes } from "./routes.ts";

Deno.test("a route is found by host, suffix and default; bounces have their own", () => {
  const routes = new SmtpRoutes(["example.com:a.test:2525", ".example.com:b.test", ":c.test", "!@:d.test", "noise"]);
  const relay = (host: string, sender = "x") => routes.find(host, sender)?.relay;
  assertEquals(["Example.com", "m.example.com", "z.m.example.com", "other"].map((host) => relay(host)), [
    "a.test",
    "b.test",
    "b.test",
    "c.test",
  ]);
  assertEquals(relay("example.com", ""), "d.test");
  assertEquals(new SmtpRoutes([]).find("x.test", "a"), undefined);
});

Deno.test("a route has port, TLS by port, credentials, and IPv6 addresses in brackets", () => {
  assertEquals(parseRoute("a.test"), { relay: "a.test", port: 25, implicitTls: false });
  assertEquals(parseRoute("[2001:db8::1]:465 joe secret A=b"), {
    relay: "2001:db8::1",
    port: 465,
    implicitTls: true,
    login: { user: "joe", password: "secret" },
  });
  assertEquals(parseRoute(""), { relay: "", port: 25, implicitTls: false });
  assertEquals(parseRoute("127.0.0.1:2525:60:10").port, 2525);
});

const find = (host: string, zone: FakeZone, own: string[] = []) =>
  findExchangers(host, {
    resolver: fakeResolver(zone),
    isOwnAddress: (address) => own.includes(address),
    random: () => 0,
  });

Deno.test("exchangers come by preference with all their addresses", async () => {
  const result = await find("example.com", {
    "MX example.com": [{ preference: 20, exchange: "b.test" }, { preference: 10, exchange: "a.test" }],
    "A a.test": ["192.0.2.1", "192.0.2.2"],
    "AAAA b.test": ["2001:db8::1"],
  });
  assertEquals(result, {
    kind: "found",
    addresses: [
      { name: "a.test", address: "192.0.2.1" },
      { name: "a.test", address: "192.0.2.2" },
      { name: "b.test", address: "2001:db8::1" },
    ],
  });
});

Deno.test("without MX records the host itself is tried, and a host without addresses does not exist", async () => {
  assertEquals(await find("h.test", { "A h.test": ["192.0.2.9"] }), {
    kind: "found",
    addresses: [{ name: "h.test", address: "192.0.2.9" }],
  });
  assertEquals((await find("gone.test", {})).kind, "permanent");
  assertEquals(await find("[192.0.2.4]", {}), {
    kind: "found",
    addresses: [{ name: "[192.0.2.4]", address: "192.0.2.4" }],
  });
});

Deno.test("a null MX refuses, a failure of DNS is temporary", async () => {
  const refused = await find("n.test", { "MX n.test": [{ preference: 0, exchange: "." }] });
  assertEquals(refused.kind, "permanent");
  assertEquals((await find("f.test", { "MX f.test": "fail" })).kind, "temporary");
  assertEquals(
    (await find("f.test", { "MX f.test": [{ preference: 1, exchange: "x.test" }], "A x.test": "fail" })).kind,
    "temporary",
  );
});

Deno.test("an exchanger that is this host cuts off all that are no better, and alone it is a loop", async () => {
  const zone = {
    "MX example.com": [
      { preference: 10, exchange: "a.test" },
      { preference: 20, exchange: "me.test" },
      { preference: 30, exchange: "c.test" },
    ],
    "A a.test": ["192.0.2.1"],
    "A me.test": ["192.0.2.2"],
    "A c.test": ["192.0.2.3"],
  };
  assertEquals(await find("example.com", zone, ["192.0.2.2"]), {
    kind: "found",
    addresses: [{ name: "a.test", address: "192.0.2.1" }],
  });
  const loop = await find("example.com", zone, ["192.0.2.1"]);
  assertEquals(loop.kind, "permanent");
  assertMatch(loop.kind === "permanent" ? loop.text : "", /#5\.4\.6/);
});

Deno.test("a relay of smtproutes is taken by its addresses, this host's own too", async () => {
  assertEquals(await findRelay("127.0.0.1", fakeResolver({})), {
    kind: "found",
    addresses: [{ name: "127.0.0.1", address: "127.0.0.1" }],
  });
  assertEquals((await findRelay("gone.test", fakeResolver({}))).kind, "permanent");
});

Deno.test("a host is down after two timeouts that lie apart, for an hour or until it answers", () => {
  let now = 0;
  const penalties = new Penalties(() => now);
  penalties.failed("a");
  penalties.failed("a");
  assertEquals(penalties.isDown("a"), false);
  now = TOLERANCE_MS + 1;
  penalties.failed("a");
  assertEquals(penalties.isDown("a"), true);
  now += PENALTY_MS;
  assertEquals(penalties.isDown("a"), false);
  penalties.failed("a");
  assertEquals(penalties.isDown("a"), true);
  penalties.succeeded("a");
  assertEquals(penalties.isDown("a"), false);
});
