/** Block lists of a made-up DNS. */
import { assertEquals } from "../../tests/support/assert.ts";
import { fakeResolver } from "../../tests/support/dns.ts";
import { type ClientQuestion, decideOnClient } from "./block_lists.ts";
import { replyTo } from "./refusing_smtp.ts";

const DNS = fakeResolver({
  "TXT 4.3.2.1.bl.test": ["listed, see bl.test"],
  "A 4.3.2.1.a.test": ["127.0.0.2"],
  "A 4.3.2.1.good.test": ["127.0.0.2"],
  "TXT 4.3.2.1.down.test": "fail",
  "A 4.3.2.1.down.test": "fail",
  "TXT 1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f.bl.test": ["six"],
});

async function decide(sources: readonly string[], more: Partial<ClientQuestion> = {}): Promise<string> {
  const decision = await decideOnClient({
    ip: "1.2.3.4",
    given: undefined,
    sources,
    bounce: false,
    failClosed: false,
    resolver: () => DNS,
    ...more,
  });
  return decision.kind === "accept" ? "accept" : decision.reply;
}

Deno.test("a client is refused for the reason that its list gives", async () => {
  assertEquals(await decide(["bl.test"]), "451 listed, see bl.test");
  assertEquals(await decide(["bl.test"], { bounce: true }), "553 listed, see bl.test");
  assertEquals(await decide(["a.test:%IP% is bad"]), "451 1.2.3.4 is bad");
  assertEquals(await decide(["bl.test"], { ip: "9.9.9.9" }), "accept");
  assertEquals(await decide(["bl.test"], { ip: "fe80::1" }), "451 six");
  assertEquals(await decide(["bl.test"], { ip: "::ffff:1.2.3.4" }), "451 listed, see bl.test");
});

Deno.test("sources are asked in the order given", async () => {
  assertEquals(await decide(["-a good.test", "bl.test"]), "accept");
  assertEquals(await decide(["bl.test", "-a good.test"]), "451 listed, see bl.test");
});

Deno.test("a list that cannot be asked lets through, or refuses for now when asked to", async () => {
  assertEquals(await decide(["down.test"]), "accept");
  assertEquals(await decide(["down.test"], { failClosed: true, bounce: true }), "451 temporary RBL lookup error");
  assertEquals(await decide(["-a down.test", "bl.test"]), "accept");
  assertEquals(
    await decide(["-a down.test", "bl.test"], { failClosed: true, bounce: true }),
    "451 listed, see bl.test",
  );
  assertEquals(await decide(["down.test", "bl.test"], { bounce: true }), "451 listed, see bl.test");
});

Deno.test("RBLSMTPD decides before any list", async () => {
  assertEquals(await decide(["bl.test"], { given: "" }), "accept");
  assertEquals(await decide([], { given: "go %IP%" }), "451 go 1.2.3.4");
  assertEquals(await decide([], { given: "-go\naway" }), "553 go?away");
});

Deno.test("a refused client gets the reason for each recipient and can quit", () => {
  const refusal = { reply: "451 no", greeting: "here", extended: false, timeoutMs: 0 };
  assertEquals(replyTo("RCPT TO:<a@b>\r", refusal).text, "451 no\r\n");
  assertEquals(replyTo("ehlo x", refusal).text, "250 here\r\n");
  assertEquals(replyTo("EHLO x", { ...refusal, extended: true }).text.split("\r\n").length, 5);
  assertEquals(replyTo("quit\r", refusal), { text: "221 here\r\n", last: true });
});
