import { assertEquals } from "../../tests/support/assert.ts";
import { Header } from "../../mail/header/header.ts";
import { formatQueueReceived } from "../../mail/received.ts";
import { aliasAddresses, ownAddresses } from "./own_addresses.ts";

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

Deno.test("aliases are those that this host has just forwarded from, and none above another user's forward or the network", () => {
  const when = { pid: 7, host: "h.test", atMs: 0, zoneMinutes: 0 };
  const alias = (address: string) =>
    `${formatQueueReceived({ ...when, origin: { kind: "alias" } })}Delivered-To: ${address}\n`;
  const user = (address: string) =>
    `${formatQueueReceived({ ...when, origin: { kind: "uid", uid: 5 } })}Delivered-To: ${address}\n`;
  const network = formatQueueReceived({ ...when, origin: { kind: "network", remoteIp: "::1", uid: 5 } });
  const found = (text: string) => aliasAddresses(new Header(`${text}To: x@y\n\n`));
  assertEquals(found(alias("sales@h.test")), ["sales@h.test", "sales@h.test"]);
  assertEquals(found(`X-Added: 1\n${alias("h.test-a@h.test")}${alias("b@h.test")}${user("c@h.test")}`), [
    "h.test-a@h.test",
    "a@h.test",
    "b@h.test",
    "b@h.test",
  ]);
  assertEquals(found(user("bob@h.test") + alias("sales@h.test")), []);
  assertEquals(found(network + alias("list@out.test")), []);
  assertEquals(
    found(`Received: from x (indimail-mta queue 7 (invoked by alias); now)\nDelivered-To: l@out.test\n`),
    [],
  );
  assertEquals(found(`Delivered-To: list@out.test\n${network}`), []);
});
