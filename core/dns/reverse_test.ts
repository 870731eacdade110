/** PTR questions are asked under the right name, and never for what is no address. */
import { assertEquals } from "../../tests/support/assert.ts";
import { fakeResolver } from "../../tests/support/dns.ts";
import { resolveNames } from "./reverse.ts";

const V6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";

Deno.test("an address has the names of its PTR records", async () => {
  const resolver = fakeResolver({
    "PTR 1.2.0.192.in-addr.arpa": ["a.example", "b.example"],
    [`PTR ${V6}`]: ["six.example"],
    "PTR 2.2.0.192.in-addr.arpa": "fail",
  });
  const names = async (address: string) => {
    const answer = await resolveNames(resolver, address);
    return answer.kind === "found" ? answer.values : answer.kind;
  };
  assertEquals(await names("192.0.2.1"), ["a.example", "b.example"]);
  assertEquals(await names("2001:db8::1"), ["six.example"]);
  assertEquals(await names("192.0.2.2"), "failed");
  assertEquals([await names("192.0.2.3"), await names("host"), await names("1.2.3.256")], ["none", "none", "none"]);
});
