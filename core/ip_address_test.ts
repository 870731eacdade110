/** Addresses between text and bytes. */
import { assert, assertEquals } from "../tests/support/assert.ts";
import { formatIp, formatIpv6Long, isMappedIpv4, mappedIp, tryParseIp, unmappedIp } from "./ip_address.ts";

Deno.test("every address comes back in its short form", () => {
  const forms: readonly (readonly [string, string])[] = [
    ["127.0.0.1", "127.0.0.1"],
    ["127.000.000.001", "127.0.0.1"],
    ["::", "::"],
    ["::1", "::1"],
    ["FE80::A:B", "fe80::a:b"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:3:4:5:6:7:8", "1:0:3:4:5:6:7:8"],
    ["1:2:3:4:5:6::", "1:2:3:4:5:6::"],
    ["::ffff:192.0.2.1", "::ffff:192.0.2.1"],
    ["::ffff:c000:201", "::ffff:192.0.2.1"],
  ];
  for (const [given, short] of forms) {
    const bytes = tryParseIp(given);
    assert(bytes, given);
    assertEquals(formatIp(bytes), short);
  }
});

Deno.test("random addresses survive text and back, short and long", () => {
  for (let round = 0; round < 2000; round++) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    for (let at = 0; at < 16; at += 2) if (Math.random() < 0.6) bytes.fill(0, at, at + 2);
    assertEquals(tryParseIp(formatIp(bytes)), bytes);
    assertEquals(tryParseIp(formatIpv6Long(bytes)), bytes);
  }
});

Deno.test("what is no address is undefined", () => {
  for (
    const text of [
      "",
      "1.2.3",
      "1.2.3.256",
      "1.2.3.4.5",
      ":",
      ":::",
      "1::2::3",
      "1:2:3:4:5:6:7",
      "12345::",
      "::1.2.3",
      "g::",
    ]
  ) {
    assertEquals(tryParseIp(text), undefined, text);
  }
});

Deno.test("an IPv4 address is mapped and back", () => {
  const mapped = mappedIp(tryParseIp("192.0.2.1")!);
  assert(isMappedIpv4(mapped));
  assertEquals(formatIp(unmappedIp(mapped)), "192.0.2.1");
  assertEquals(isMappedIpv4(tryParseIp("::1")!), false);
});
