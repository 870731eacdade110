/** What is told of a peer, with a made-up DNS and an ident server on loopback. */
import type { Resolver } from "../../../core/dns/answer.ts";
import { Temporary } from "../../../core/errors.ts";
import { assertEquals, assertRejects, assertThrows } from "../../../tests/support/assert.ts";
import { fakeResolver } from "../../../tests/support/dns.ts";
import { askIdent } from "./ident.ts";
import { hostAddresses } from "./ip_of_host.ts";
import { changedEnvironment, type FactSettings, peerFacts } from "./peer_environment.ts";
import { portNumber } from "./port_number.ts";

const DNS = fakeResolver({
  "PTR 1.2.0.192.in-addr.arpa": ["Mail.Example.COM."],
  "A mail.example.com": ["192.0.2.1"],
  "PTR 2.2.0.192.in-addr.arpa": ["liar.example.com"],
  "A liar.example.com": ["192.0.2.99"],
  "PTR 3.2.0.192.in-addr.arpa": "fail",
  "A www.local.test": ["192.0.2.7"],
  "AAAA www.local.test": ["2001:db8::7"],
  "A down.test": "fail",
  "AAAA down.test": "fail",
});

const SETTINGS: FactSettings = {
  lookupHost: true,
  paranoid: true,
  lookupInfo: false,
  infoTimeoutMs: 1000,
  localName: "here",
  family: "any",
  resolver: () => DNS,
};
const LOCAL = { host: "192.0.2.100", port: 25 };

Deno.test("an IPv4 peer of an IPv6 socket is told as IPv4, and with its mapped address too", async () => {
  const { env } = await peerFacts(
    { host: "::ffff:192.0.2.100", port: 25 },
    { host: "::ffff:192.0.2.1", port: 7 },
    SETTINGS,
  );
  assertEquals(
    [env.PROTO, env.TCPREMOTEIP, env.TCP6REMOTEIP, env.TCPREMOTEHOST, env.TCPLOCALHOST, env.TCPREMOTEPORT],
    ["TCP", "192.0.2.1", "::ffff:192.0.2.1", "mail.example.com", "here", "7"],
  );
});

Deno.test("a name that does not lead back is TCPPARANOID, a failing DNS leaves it unset", async () => {
  const liar = await peerFacts(LOCAL, { host: "192.0.2.2", port: 7 }, SETTINGS);
  assertEquals([liar.env.TCPREMOTEHOST, liar.env.TCPPARANOID], [undefined, "liar.example.com"]);
  const trusting = await peerFacts(LOCAL, { host: "192.0.2.2", port: 7 }, { ...SETTINGS, paranoid: false });
  assertEquals(trusting.remoteHost, "liar.example.com");
  const unknown = await peerFacts(LOCAL, { host: "192.0.2.3", port: 7 }, SETTINGS);
  assertEquals([unknown.remoteHost, unknown.env.TCPPARANOID], [undefined, undefined]);
});

Deno.test("the families: IPv6 alone, IPv4 alone, IPv4 told as IPv6", async () => {
  const six = await peerFacts({ host: "::1", port: 25 }, { host: "::1", port: 7 }, { ...SETTINGS, lookupHost: false });
  assertEquals([six.env.PROTO, six.env.TCPREMOTEIP, six.env.TCP6REMOTEIP], ["TCP6", "::1", "::1"]);
  const four = await peerFacts(LOCAL, { host: "192.0.2.1", port: 7 }, { ...SETTINGS, family: "ipv4" });
  assertEquals([four.env.PROTO, "TCP6REMOTEIP" in four.env], ["TCP", false]);
  const told = await peerFacts(LOCAL, { host: "192.0.2.1", port: 7 }, { ...SETTINGS, family: "ipv6" });
  assertEquals([told.env.PROTO, told.remoteIp], ["TCP6", "::ffff:192.0.2.1"]);
});

Deno.test("what is not known is removed from the environment", () => {
  const env = { TCPREMOTEHOST: "old", HOME: "/" };
  assertEquals(changedEnvironment(env, { TCPREMOTEHOST: undefined, PROTO: "TCP" }), { HOME: "/", PROTO: "TCP" });
});

async function identServer(answer: string, ask: (port: number) => Promise<void>): Promise<string> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    const connection = await listener.accept();
    const buffer = new Uint8Array(100);
    const count = await connection.read(buffer);
    await connection.write(new TextEncoder().encode(answer));
    connection.close();
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  })();
  await ask(listener.addr.port);
  const asked = await serving;
  listener.close();
  return asked;
}

Deno.test("ident is asked with both ports and its user is taken without blanks", async () => {
  const question = (port: number) => ({
    local: { host: "127.0.0.1", port: 25 },
    remote: { host: "127.0.0.1", port: 4711 },
    timeoutMs: 5000,
    port,
  });
  const asked = await identServer("4711 , 25 : USERID : UNIX : joe \r\n", async (port) => {
    assertEquals(await askIdent(question(port)), "joe");
  });
  assertEquals(asked, "4711 , 25\r\n");
  await identServer("4711 , 25 : ERROR : NO-USER\r\n", async (port) => {
    assertEquals(await askIdent(question(port)), "");
  });
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr;
  closed.close();
  assertEquals(await askIdent(question(port)), undefined);
});

Deno.test("host operands: this host, addresses, names with the local domain, what DNS does not know", async () => {
  const ask = (host: string, family: "any" | "ipv4" | "ipv6" = "any", resolver: () => Resolver = () => DNS) =>
    hostAddresses({ host, any: "0.0.0.0", family, resolver, localDomain: "local.test" });
  assertEquals(await ask("0"), ["0.0.0.0"]);
  assertEquals(await ask(""), ["0.0.0.0"]);
  assertEquals(await ask("[127.000.000.001]"), ["127.0.0.1"]);
  assertEquals(await ask("www"), ["192.0.2.7", "2001:db8::7"]);
  assertEquals(await ask("www.local.test", "ipv6"), ["2001:db8::7"]);
  await assertRejects(() => ask("nowhere.test"), Temporary, "no IP address for nowhere.test");
  await assertRejects(() => ask("down.test"), Temporary, "temporarily unable");
});

Deno.test("ports by number and by the name of the service", () => {
  assertEquals([portNumber("0"), portNumber("25"), portNumber("smtp")], [0, 25, 25]);
  assertThrows(() => portNumber("65536"), Temporary, "unable to figure out port number");
  assertThrows(() => portNumber("nonesuch"), Temporary, "unable to figure out port number");
});
