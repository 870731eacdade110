/** Rules from text to records and back to a verdict, without files. */
import { latin1Bytes, latin1Text } from "../../../core/bytes.ts";
import { Permanent } from "../../../core/errors.ts";
import { formatIp } from "../../../core/ip_address.ts";
import { realDisk } from "../../../storage/disk.ts";
import { Cdb } from "../../../storage/cdb/reader.ts";
import { CdbWriter } from "../../../storage/cdb/writer.ts";
import { assertEquals, assertThrows } from "../../../tests/support/assert.ts";
import { networkKey, ruleName } from "./rule_keys.ts";
import { findRule } from "./rule_lookup.ts";
import { parseRule } from "./rule_text.ts";
import { fitsPattern, parseSqlFile, sqlVerdict } from "./sql_rules.ts";

function records(line: string): [string, string][] {
  const found: [string, string][] = [];
  parseRule(latin1Bytes(line), (key, data) => found.push([latin1Text(key), latin1Text(data)]));
  return found;
}

async function rulesOf(...lines: string[]): Promise<Cdb> {
  const folder = await Deno.makeTempDir();
  try {
    const writer = await CdbWriter.create(realDisk, `${folder}/x.cdb`);
    for (const line of lines) {
      parseRule(latin1Bytes(line), (key, data) => {
        writer.begin(key.length, data.length);
        writer.key(key);
        writer.data(data);
      });
    }
    await writer.finish();
    return Cdb.open(`${folder}/x.cdb`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("addresses, settings and removals become records as the original writes them", () => {
  assertEquals(records("1.2.3.4:deny"), [["1.2.3.4", "D\0"]]);
  assertEquals(records(`:allow,A="b,c",B=/=/,!C,D='' \t`), [["", "+A=b,c\0+B==\0-C\0+D=\0"]]);
  assertEquals(records("10.:allow,!RELAYCLIENT="), [["10.", "-RELAYCLIENT\0"]]);
  assertEquals(records("10.2-3.:deny"), [["10.2.", "D\0"], ["10.3.", "D\0"]]);
  assertEquals(records("1.2.3.254-300:allow").map(([key]) => key), ["1.2.3.254", "1.2.3.255"]);
  assertEquals(records("joe@=a-b.example:allow"), [["joe@=a-b.example", ""]]);
  assertEquals(records("# 1.2.3.4:deny"), []);
  assertEquals(records(""), []);
});

Deno.test("an IPv6 address is written at full length, also behind info@", () => {
  assertEquals(records("2001:db8::1:deny"), [["2001:0db8:0000:0000:0000:0000:0000:0001", "D\0"]]);
  assertEquals(records("joe@::1:allow"), [["joe@0000:0000:0000:0000:0000:0000:0000:0001", ""]]);
});

Deno.test("a line that means nothing is refused with its text", () => {
  const lines = [
    "1.2.3.4",
    "1.2.3.4:maybe",
    "1.2.3.4:denyall",
    "1.2.3.4:allow,A",
    `1.2.3.4:allow,A="b`,
    "1.2.3.4:allow,A=",
    "1.2.3.4:allow,!",
    `1.2.3.4:allow,!A="b"`,
    "a-b.example:allow",
    "10.0.0.0/33:deny",
    "10/16:deny",
    "2001:db8::/129:deny",
    "2001:zz::1:deny",
    "10.0.0.0/0:deny",
  ];
  for (const line of lines) assertThrows(() => records(line), Permanent, "unable to parse this line");
});

Deno.test("the name of a network's key is the network", () => {
  for (const text of ["10.0.0.0/8", "192.168.3.128/25", "1.2.3.4/32", "2001:db8::/32", "fe80::/64", "::1/128"]) {
    assertEquals(ruleName(networkKey(text)!), text);
  }
  assertEquals(latin1Text(networkKey("127.0/8")!), "_0bcdefgh");
  assertEquals(ruleName(latin1Bytes("=host.example")), "=host.example");
});

Deno.test("every address of a network finds it, and none beyond", async () => {
  const cdb = await rulesOf("10.32/11:deny", "2001:db8:8000::/33:deny");
  const verdict = (ip: string) => findRule(cdb, { ip, host: undefined, info: undefined })?.deny ?? false;
  assertEquals(["10.31.255.255", "10.32.0.0", "10.63.255.255", "10.64.0.0"].map(verdict), [false, true, true, false]);
  assertEquals(["2001:db8:7fff::1", "2001:db8:8000::", "2001:db8:ffff::1"].map(verdict), [false, true, true]);
  for (let round = 0; round < 500; round++) {
    const ip = crypto.getRandomValues(new Uint8Array(4));
    assertEquals(verdict(formatIp(ip)), ip[0] === 10 && (ip[1]! & 0xe0) === 32);
  }
});

Deno.test("the most exact rule is found, in the order of the manual page", async () => {
  const order = [
    "joe@127.0.0.1",
    "joe@=localhost",
    "127.0.0.1",
    "=localhost",
    "127.0.0.",
    "127.",
    "127.0.0.1/32",
    "127.0/9",
    "=",
    "",
  ];
  const peer = { ip: "127.0.0.1", host: "localhost", info: "joe" };
  for (let first = 0; first < order.length; first++) {
    const cdb = await rulesOf(...order.slice(first).map((address, at) => `${address}:allow,N="${first + at}"`));
    assertEquals(findRule(cdb, peer)?.settings, [["N", String(first)]]);
  }
});

Deno.test("names below a domain fit, an IPv6 peer finds its compact text too", async () => {
  const cdb = await rulesOf("=.example.com:deny", `=:allow,A="1"`, `fe80::1:allow,B="2"`);
  const of = (ip: string, host?: string) => findRule(cdb, { ip, host, info: undefined });
  assertEquals(of("1.2.3.4", "a.b.example.com")?.deny, true);
  assertEquals(of("1.2.3.4", "example.com")?.settings, [["A", "1"]]);
  assertEquals(of("1.2.3.4"), undefined);
  assertEquals(of("fe80::1")?.settings, [["B", "2"]]);
});

Deno.test("patterns of the table in MySQL: any, one digit, ranges; the first row decides", () => {
  assertEquals(fitsPattern("202.144.9.5", "202.144.*.?"), true);
  assertEquals(fitsPattern("202.144.9.55", "202.144.*.?"), false);
  assertEquals(["202.144.9.1", "202.144.10.1", "202.144.21.1"].map((ip) => fitsPattern(ip, "202.144.10-20.1")), [
    false,
    true,
    false,
  ]);
  const rules = [{ pattern: "10.*.*.*", decision: "D", env: "" }, {
    pattern: "*.*.*.*",
    decision: "",
    env: "HOME=/tmp,SERVER=galaxy",
  }];
  assertEquals(sqlVerdict(rules, "10.1.1.1")?.deny, true);
  assertEquals(sqlVerdict(rules, "11.1.1.1"), { deny: false, settings: { HOME: "/tmp", SERVER: "galaxy" } });
  assertEquals(parseSqlFile("db.example:u:p:d:t\n").table, "t");
  assertThrows(() => parseSqlFile("db.example"), Error, "option -m");
});
