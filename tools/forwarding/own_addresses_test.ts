import { assertEquals } from "../../tests/support/assert.ts";
import { ownAddresses } from "./own_addresses.ts";

const own = (variables: Readonly<Record<string, string>>) => ownAddresses((name) => variables[name]);

Deno.test("a local user has the recipient's address", () => {
  assertEquals(own({ RECIPIENT: "joe@h.test", HOST: "h.test", LOCAL: "joe", EXT: "" }), ["joe@h.test"]);
  assertEquals(own({ RECIPIENT: "joe-list@h.test", HOST: "h.test", EXT: "list" }), ["joe-list@h.test"]);
  assertEquals(own({ RECIPIENT: "joe" }), ["joe"]);
  assertEquals(own({}), []);
});

Deno.test("a virtual user is known without the domain's prefix", () => {
  const recipient = "v-1.test-ann@v-1.test";
  assertEquals(own({ RECIPIENT: recipient, HOST: "v-1.test", EXT: "ann" }), ["ann@v-1.test", recipient]);
  assertEquals(own({ RECIPIENT: recipient }), ["ann@v-1.test", recipient]);
});

Deno.test("a domain that stands for another has the other's prefix", () => {
  const recipient = "real-1.test-ann-x@alias.test";
  assertEquals(own({ RECIPIENT: recipient, HOST: "alias.test", EXT: "ann-x" }), ["ann-x@alias.test", recipient]);
  assertEquals(own({ RECIPIENT: "joe.doe@h.test", HOST: "h.test", EXT: "" }), ["joe.doe@h.test"]);
});
