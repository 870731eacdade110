/** Tests of recipient rewriting. */
import { assertEquals } from "../tests/support/assert.ts";
import {
  expandVerp,
  hostOf,
  parseVirtualDomains,
  rewriteRecipient,
  type RewriteTables,
  stripVirtualPrefix,
} from "./rewrite.ts";

const tables: RewriteTables = {
  envnoathost: "default.example",
  percenthack: new Set(["hack.example"]),
  locals: new Set(["local.example", "default.example"]),
  virtualdomains: parseVirtualDomains([
    "virtual.example:virtual.example",
    ".fax.example:uucp-fax",
    "info@single.example:joe-info",
    "never.virtual.example:",
    "no colon",
  ]),
};

Deno.test("a recipient without a host gets the default one", () => {
  assertEquals(rewriteRecipient("joe", tables), { channel: "local", address: "joe@default.example" });
});

Deno.test("a local domain leaves the address alone, without regard to case", () => {
  assertEquals(rewriteRecipient("Joe@LOCAL.example", tables), { channel: "local", address: "Joe@LOCAL.example" });
});

Deno.test("the percent hack is applied again and again, before locals", () => {
  assertEquals(rewriteRecipient("a%b%local.example@hack.example", tables).address, "a%b@local.example");
  assertEquals(rewriteRecipient("a%local.example%hack.example@hack.example", tables).address, "a@local.example");
  assertEquals(rewriteRecipient("plain@hack.example", tables).channel, "remote");
  assertEquals(rewriteRecipient("@hack.example", tables).channel, "remote");
});

Deno.test("virtual domains: domain, suffix, address, exception, then remote", () => {
  const routed = (address: string) => rewriteRecipient(address, tables);
  assertEquals(routed("u@Virtual.Example"), { channel: "local", address: "virtual.example-u@Virtual.Example" });
  assertEquals(routed("u@1.2.fax.example").address, "uucp-fax-u@1.2.fax.example");
  assertEquals(routed("u@fax.example").channel, "remote");
  assertEquals(routed("Info@single.example").address, "joe-info-Info@single.example");
  assertEquals(routed("u@never.virtual.example").channel, "remote");
  assertEquals(routed("u@else.example"), { channel: "remote", address: "u@else.example" });
});

Deno.test("a catch-all entry takes what nothing else does", () => {
  const all = { ...tables, virtualdomains: parseVirtualDomains([":alias-catchall"]) };
  assertEquals(rewriteRecipient("u@else.example", all).address, "alias-catchall-u@else.example");
});

Deno.test("the prefix of a virtual domain comes off again for bounces", () => {
  for (
    const address of [
      "u@virtual.example",
      "u@1.fax.example",
      "info@single.example",
      "u@else.example",
      "joe@local.example",
    ]
  ) {
    assertEquals(stripVirtualPrefix(rewriteRecipient(address, tables).address, tables), address);
  }
});

Deno.test("a VERP sender is expanded for each recipient, any other stays", () => {
  assertEquals(expandVerp("list-@host.example-@[]", "box@r.example"), "list-box=r.example@host.example");
  assertEquals(expandVerp("list@host.example", "box@r.example"), "list@host.example");
  assertEquals(expandVerp("", "box@r.example"), "");
  assertEquals(expandVerp("#@[]", "box@r.example"), "#@[]");
  assertEquals(hostOf("a@b@c.example"), "c.example");
});
