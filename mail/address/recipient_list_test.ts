import { assertEquals } from "../../tests/support/assert.ts";
import { completeAddress, parseRecipientList } from "./recipient_list.ts";

const texts = (line: string, includes = false) =>
  parseRecipientList(line, { includes })?.map(({ kind, text, hasAt }) =>
    `${kind === "include" ? "include " : ""}${text}${hasAt || kind === "include" ? "" : " (no @)"}`
  );

Deno.test("a line is a list of addresses, the last first", () => {
  assertEquals(texts("bob, fred@h.test,\tsusan"), ["susan (no @)", "fred@h.test", "bob (no @)"]);
  assertEquals(texts("a@b c@d"), ["c@d", "a@b"]);
  assertEquals(texts(" \t"), []);
});

Deno.test("names, comments and quotes fall away", () => {
  assertEquals(texts("bob (Bob, the postmaster) @heaven.af.mil"), ["bob@heaven.af.mil"]);
  assertEquals(texts("Joe Q. Shmoe <shmoe@heaven.af.mil>, x"), ["x (no @)", "shmoe@heaven.af.mil"]);
  assertEquals(texts('"spaced out mailbox"@heaven.af.mil'), ["spaced out mailbox@heaven.af.mil"]);
  assertEquals(texts('bob, "|vacation \\"bob\\" a@b"'), ['|vacation "bob" a@b (no @)', "bob (no @)"]);
  assertEquals(texts("\\joe@[127.0.0.1]"), ["joe@[127.0.0.1]"]);
  assertEquals(texts("x <>"), [" (no @)"]);
});

Deno.test("a colon parts the alias from its recipients, and :include: names a list", () => {
  assertEquals(texts("root: alice, bill", true), ["bill (no @)", "alice (no @)", "root (no @)"]);
  assertEquals(texts("list: :include:/etc/list, joe", true), ["joe (no @)", "include /etc/list", "list (no @)"]);
  assertEquals(texts('list: :include: "a b"', true), ["include a b", "list (no @)"]);
  assertEquals(texts(":include:/etc/list"), ["/etc/list (no @)", "include (no @)"]);
});

Deno.test("what is open at the end of the line cannot be read", () => {
  for (const line of ['"open', "(open", "[open", "a) b", "b>", "a@b]", "x\\"]) {
    const readable = line === "a) b" || line === "a@b]";
    assertEquals(texts(line) === undefined, !readable, line);
  }
  assertEquals(texts(")a"), undefined);
  assertEquals(texts(`${"(".repeat(200)}${")".repeat(200)}a`), undefined);
});

Deno.test("an address without host, with a short one or with a plus is made complete", () => {
  const defaults = { defaultHost: "mail", defaultDomain: "example.org", plusDomain: "plus.test" };
  const complete = (text: string, hasAt = text.includes("@")) => completeAddress({ text, hasAt }, defaults);
  assertEquals(complete("joe"), "joe@mail.example.org");
  assertEquals(complete("joe@"), "joe@mail.example.org");
  assertEquals(complete("joe@shop"), "joe@shop.example.org");
  assertEquals(complete("joe@shop+"), "joe@shop.plus.test");
  assertEquals(complete("joe@a.b"), "joe@a.b");
  assertEquals(complete("j.oe", false), "j.oe@mail.example.org");
  assertEquals(complete("a@b", false), "a@b@mail.example.org");
});

Deno.test("any line is read or refused, and a list of plain addresses comes back", () => {
  let seed = 42;
  const next = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const alphabet = 'ab.@<>()[]",:;\\ \t|/\xe9';
  for (let round = 0; round < 3000; round++) {
    const line = Array.from({ length: next(30) }, () => alphabet[next(alphabet.length)]).join("");
    texts(line);
    texts(line, true);
    const plain = Array.from({ length: 1 + next(5) }, () => `u${next(100)}@h${next(9)}.test`);
    assertEquals(texts(plain.join(next(2) === 0 ? ", " : " ")), plain.toReversed());
  }
});
