import { assert, assertEquals } from "../../tests/support/assert.ts";
import { domainOf, formatPath, literalIp, parsePath } from "./path.ts";

function address(text: string): string {
  const path = parsePath(text);
  return "reason" in path ? `refused: ${path.reason}` : path.address;
}

Deno.test("paths of the standard become addresses without quoting and routes [rfc5321 4.1.2]", () => {
  assertEquals(address("<user@example.org>"), "user@example.org");
  assertEquals(address("<>"), "");
  assertEquals(address("<postmaster>"), "postmaster");
  assertEquals(address(" <user@example.org>"), "user@example.org");
  assertEquals(address("<@a.test,@b.test:user@example.org>"), "user@example.org");
  assertEquals(address('<"a b"@example.org>'), "a b@example.org");
  assertEquals(address('<"a\\"b\\\\"@example.org>'), 'a"b\\@example.org');
  assertEquals(address('<"a@b"@example.org>'), "a@b@example.org");
  assertEquals(address("<a\\ b@example.org>"), "a b@example.org");
  assertEquals(address("<user@[192.0.2.1]>"), "user@[192.0.2.1]");
  assertEquals(address("<user@[IPv6:2001:db8::1]>"), "user@[IPv6:2001:db8::1]");
  assertEquals(address("<us\xe9r@example.org>"), "us\xe9r@example.org");
});

Deno.test("a path without brackets ends at a blank, as the original has it", () => {
  const path = parsePath(" user@example.org SIZE=5");
  assert(!("reason" in path));
  assertEquals(path, { address: "user@example.org", rest: " SIZE=5" });
});

Deno.test("what follows the path is given back", () => {
  assertEquals(parsePath("<a@b.test> SIZE=1 BODY=8BITMIME"), { address: "a@b.test", rest: " SIZE=1 BODY=8BITMIME" });
});

Deno.test("broken paths are refused with the reason", () => {
  assertEquals(address(""), "refused: address is missing");
  assertEquals(address("<user@example.org"), "refused: > is missing after the address");
  assertEquals(address('<"user@example.org>'), "refused: quote that is not closed in the address");
  assertEquals(address("<a b@example.org>"), "refused: blank in the address");
  assertEquals(address("<user@>"), "refused: domain is missing in the address");
  assertEquals(address("<a\x01@example.org>"), "refused: control character in the address");
  assertEquals(address("<<a@b.test>>"), "refused: < in the address");
  assertEquals(address("<a@b.test>x"), "refused: no blank after the address");
  assertEquals(address("<@a.test>"), "refused: source route without an address");
  assertEquals(address("<a\\"), "refused: address ends in a backslash");
});

Deno.test("an address of 900 bytes is taken, one more is not [man qmail-limits.9]", () => {
  const long = `${"x".repeat(890)}@test.test`;
  assertEquals(address(`<${long}>`), long);
  assertEquals(address(`<x${long}>`), "refused: address is longer than 900 bytes");
});

Deno.test("formatted addresses are read back as they were", () => {
  const addresses = [
    "",
    "a@b.test",
    "a b@c.test",
    'q"uo\\te@d.test',
    "a@b@c.test",
    "postmaster",
    ".dot@e.test",
    "\xe4@f.test",
  ];
  for (const text of addresses) assertEquals(address(`<${formatPath(text)}>`), text);
  assertEquals(formatPath("a b@c.test"), '"a b"@c.test');
});

Deno.test("domains and literals are found", () => {
  assertEquals(domainOf("a@b@Example.ORG"), "example.org");
  assertEquals(domainOf("postmaster"), "");
  assertEquals(literalIp("[192.0.2.1]"), "192.0.2.1");
  assertEquals(literalIp("[IPv6:2001:DB8::1]"), "2001:db8::1");
  assertEquals(literalIp("example.org"), undefined);
});
